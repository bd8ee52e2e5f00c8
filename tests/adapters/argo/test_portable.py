"""Argo's workflows in the words of all engines: libraries, expressions, loops, kinds of templates, attempts, times."""

from __future__ import annotations

import pytest

from couler_argo.portable.portable import portable
from couler_plugins import Text, convert, lift
from couler_plugins.engine_kit.legalize.conditions import memberships
from couler_plugins.errors import Unsupported
from couler_plugins.ir import FirstOf, Literal, Native, Operation, Reference, Retry, Step, Template, Workflow
from couler_plugins.plan import Decision

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\n"
SAY = """
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, command: [echo], args: ["{{inputs.parameters.text}}"]}
"""
LIBRARY = """
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: lib}, {name: mark, value: "!"}]}
  volumes: [{name: work, emptyDir: {}}]
  templates:
    - name: main
      steps: [[{name: greet, template: inner, arguments: {parameters: [{name: text, value: "{{workflow.parameters.who}}"}]}}]]
    - name: inner
      inputs: {parameters: [{name: text}]}
      container: {image: alpine, command: [echo], args: ["{{inputs.parameters.text}}"]}
    - name: unused
      container: {image: alpine, command: [echo]}
"""  # noqa: E501


def carried(text: str, number: int = 0) -> tuple[Workflow, tuple[Decision, ...]]:
    plan = lift(Text(text, "a.yaml"))
    workflow, notes = portable(plan.workflows[number], plan.bundle)
    assert workflow is not None
    return workflow, notes


def with_steps(*steps: str, templates: str = SAY, spec: str = "") -> str:
    lines = "\n".join(f"      - [{step}]" for step in steps)
    return f"{HEAD}spec:\n  entrypoint: main{spec}\n  templates:\n    - name: main\n      steps:\n{lines}\n{templates}"


def first_step(workflow: Workflow) -> Step:
    return workflow.graphs[0].steps[0]


def template(workflow: Workflow, name: str) -> Operation:
    return next(item for item in workflow.operations if item.name == name)


def only(body: str, more: str = "") -> Operation:
    text = f"{HEAD}spec:\n  entrypoint: t\n  templates:\n    - name: t\n      {body}\n{more}"
    return carried(text)[0].operations[0]


def test_templates_of_a_library_are_taken_in_with_what_they_call() -> None:
    text = with_steps("{name: a, templateRef: {name: lib, template: main}}") + LIBRARY
    workflow, _ = carried(text)
    assert [item.name for item in workflow.graphs] == ["main", "lib-main"]
    assert [item.name for item in workflow.operations] == ["say", "lib-inner"]
    (file,) = convert(Text(text.replace("{{workflow.parameters.who}}", "x"), "a.yaml"), "tekton").files
    assert file.error is None


def test_a_run_of_a_library_says_otherwise_what_it_says_itself() -> None:
    own = "arguments: {parameters: [{name: who, value: run}]}, volumes: [{name: x}]"
    run = f"spec: {{workflowTemplateRef: {{name: lib}}, {own}}}"
    workflow, _ = carried(HEAD + run + LIBRARY)
    assert [(port.name, port.value) for port in workflow.parameters] == [
        ("who", Literal(value="run")),
        ("mark", Literal(value="!")),
    ]
    assert isinstance(workflow.native_extra, Native)
    assert [item["name"] for item in workflow.native_extra.data["spec"]["volumes"]] == ["work", "x"]


def test_a_library_that_is_not_there_is_asked_for_at_every_step() -> None:
    text = with_steps(*(f"{{name: {name}, templateRef: {{name: lib, template: main}}}}" for name in "ab"))
    with pytest.raises(Unsupported, match="not in these files") as refused:
        carried(text)
    assert ([part.step for part in refused.value.parts], refused.value.hint) == (
        ["a", "b"],
        "convert it together with that",
    )


@pytest.mark.parametrize(
    ("loop", "items"),
    [
        ("withSequence: {count: 3}", ["0", "1", "2"]),
        ("withSequence: {start: 3, end: 1, format: 'n%02d'}", ["n03", "n02", "n01"]),
        ("""withParam: '[1, "a", {"k": "v"}]'""", [1, "a", {"k": "v"}]),
    ],
)
def test_loops_whose_items_are_known(loop: str, items: list[object]) -> None:
    step = "{name: a, template: say, %s, arguments: {parameters: [{name: text, value: '{{item}}'}]}}"
    loop_made = first_step(carried(with_steps(step % loop))[0]).loop
    assert loop_made is not None
    assert (loop_made.combine, loop_made.axes[0].values) == ("rows", Native.of(items))


def test_a_list_that_every_call_passes_is_known() -> None:
    inner = """
    - name: each
      inputs: {parameters: [{name: list}]}
      steps:
        - - name: a
            template: say
            withParam: "{{inputs.parameters.list}}"
            arguments: {parameters: [{name: text, value: x}]}
"""
    step = "{name: a, template: each, arguments: {parameters: [{name: list, value: '[1, 2]'}]}}"
    workflow, _ = carried(with_steps(step, templates=SAY + inner))
    assert workflow.graphs[1].steps[0].loop.axes[0].values == Native.of([1, 2])  # type: ignore[union-attr]


def test_expressions_that_only_put_texts_together() -> None:
    spec = "\n  arguments: {parameters: [{name: who, value: me}]}"
    step = """{name: a, template: say, when: "{{= workflow.parameters['who'] == 'me' }}",
        arguments: {parameters: [{name: text, value: "a {{='b' + workflow.parameters.who + 'c'}}"}]}}"""
    step_made = first_step(carried(with_steps(step, spec=spec))[0])
    who = Reference(to="parameter", kind="parameter", name="who")
    assert step_made.arguments[0].value == Template(parts=("a b", who, "c"))
    assert [item.among for item in memberships(step_made.condition) or ()] == [("me",)]


def test_a_parameter_out_of_the_list_of_all_has_its_name() -> None:
    spec = "\n  arguments: {parameters: [{name: x, value: y}, {name: who, value: me}]}"
    value = "{{=jsonpath(workflow.parameters.json, '$[1].value')}}"
    step = f'{{name: a, template: say, arguments: {{parameters: [{{name: text, value: "{value}"}}]}}}}'
    passed = first_step(carried(with_steps(step, spec=spec))[0]).arguments[0].value
    assert passed == Reference(to="parameter", kind="parameter", name="who")


def test_containers_of_a_set_run_in_their_order() -> None:
    body = """containerSet:
        volumeMounts: [{name: w, mountPath: /w}]
        containers:
          - {name: main, image: a, command: [x], dependencies: [b]}
          - {name: b, image: b, command: [y]}"""
    operation = only(body)
    assert [(item.name, item.role) for item in operation.containers] == [("b", "init"), ("main", "main")]
    assert all(item.native_extra is not None for item in operation.containers)
    assert operation.native_extra is None


def test_a_set_whose_containers_may_talk_to_each_other_stays_one() -> None:
    body = "containerSet: {containers: [{name: a, image: a, ports: [{containerPort: 80}]}, {name: b, image: b}]}"
    assert only(body).kind == "containerSet"


def test_requests_and_pauses_are_commands() -> None:
    request = only('http: {url: "https://a.b", timeoutSeconds: 5}').containers[0]
    assert [item.value for item in (*request.command, *request.args) if isinstance(item, Literal)] == [
        *("wget", "-q", "-O", "-", "-T", "5", "https://a.b")
    ]
    pause = only('suspend: {duration: "2m"}').containers[0]
    assert (pause.command, pause.args) == ((Literal(value="sleep"),), (Literal(value="120"),))
    assert only("suspend: {}").kind == "suspend"
    assert only("http: {url: x, successCondition: 'true'}").kind == "http"


def test_attempts_in_common_words() -> None:
    text = with_steps(
        "{name: a, template: t}",
        templates="""
    - name: t
      retryStrategy: {retryPolicy: OnError, backoff: {duration: 1s, maxDuration: 1m}}
      podSpecPatch: "{{workflow.name}}"
      container: {image: busybox, command: [echo]}
""",
    )
    workflow, notes = carried(text)
    operation = template(workflow, "t")
    assert operation.retry == Retry(limit=Literal(value=1000), delay=Literal(value=1, native="1s"))
    assert operation.native_extra is None
    assert sorted(note.loss for note in notes) == ["detail", "detail", "run", "run"]


def test_a_time_that_calls_pass_is_theirs() -> None:
    timed = SAY.replace("      container", '      timeout: "{{inputs.parameters.text}}"\n      container')
    steps = [f"{{name: {n}, template: say, arguments: {{parameters: [{{name: text, value: {n}m}}]}}}}" for n in (1, 2)]
    workflow, _ = carried(with_steps(*(step.replace("name: ", "name: s", 1) for step in steps), templates=timed))
    assert [step.timeout for step in workflow.graphs[0].steps] == [Literal(value=60), Literal(value=120)]
    assert template(workflow, "say").timeout is None


def test_steps_that_no_target_needs_are_left_out() -> None:
    text = f"""{HEAD}spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        target: B
        tasks:
          - &a {{name: A, template: say, arguments: {{parameters: [{{name: text, value: x}}]}}}}
          - {{<<: *a, name: B, depends: A.Failed}}
          - {{<<: *a, name: C, depends: A}}
{SAY}"""
    workflow, notes = carried(text)
    (graph,) = workflow.graphs
    assert ([step.name for step in graph.steps], graph.targets) == (["A", "B"], ())
    assert graph.steps[1].needs.outcomes == ("errored", "failed")  # type: ignore[union-attr]
    assert [note.subject for note in notes] == ["B"]


def test_a_file_at_an_address_is_fetched_first() -> None:
    artifact = "{name: f, path: /bin/f, mode: 0755, http: {url: https://a.b/f}}"
    operation = only(f"inputs: {{artifacts: [{artifact}]}}", "      container: {image: x, command: [f]}")
    first, main = operation.containers
    assert (first.role, first.args, operation.inputs) == ("init", (Literal(value="https://a.b/f"),), ())
    mounts = main.native_extra.data["volumeMounts"]  # type: ignore[union-attr]
    assert mounts == [{"name": "fetched-0", "mountPath": "/bin/f", "subPath": "f"}]
    packed = only(f"inputs: {{artifacts: [{artifact}]}}".replace("b/f", "b/f.tgz"), "      container: {image: x}")
    assert [port.name for port in packed.inputs] == ["f"]


MAKE = """
    - name: make
      container: {image: busybox, command: [sh, -c, "echo made > /tmp/out"]}
      outputs: {parameters: [{name: msg, valueFrom: {path: /tmp/out%s}}]}
    - name: say
      inputs: {parameters: [{name: text%s}]}
      container: {image: busybox, command: [echo], args: ["{{inputs.parameters.text}}"]}
"""


@pytest.mark.parametrize(
    ("of_output", "of_input", "default"),
    [("", ", default: mine", "mine"), (", default: theirs", ", default: mine", "theirs"), ("", "", None)],
)
def test_a_step_says_what_it_gets_from_one_that_is_skipped(of_output: str, of_input: str, default: str | None) -> None:
    made = '{name: made, template: make, when: "{{workflow.parameters.go}} == yes"}'
    read = '{name: text, value: "{{steps.made.outputs.parameters.msg}}"}'
    say = f"{{name: say, template: say, arguments: {{parameters: [{read}]}}}}"
    spec = '\n  arguments: {parameters: [{name: go, value: "no"}]}'
    text = with_steps(made, say, templates=MAKE % (of_output, of_input), spec=spec)
    workflow, _ = carried(text)
    (argument,) = workflow.graphs[0].steps[1].arguments
    values = argument.value.values if isinstance(argument.value, FirstOf) else (argument.value,)
    assert [item.value for item in values if isinstance(item, Literal)] == ([default] if default else [])
    (file,) = convert(Text(text, "a.yaml"), "airflow").files
    assert (f"else ('{default}')" in (file.text or "")) is (default is not None)
