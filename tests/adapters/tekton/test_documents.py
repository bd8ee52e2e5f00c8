"""Tekton's documents: what is refused and where, what an edit touches, which edges there are, what a level allows."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.edits import edited
from adapters.subjects import TEKTON, each_file, lift_file, lift_source, lower_and_write
from couler_plugins.api import optimize
from couler_plugins.documents import Document, SourceFile, read
from couler_plugins.driver.pipeline import refuse_broken
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import (
    Call,
    Dynamic,
    External,
    Graph,
    GraphView,
    Literal,
    Native,
    Need,
    Operation,
    Step,
    Workflow,
    callables,
    move_into_graph,
    needed,
    rename_steps,
    replace,
    replace_callables,
    replace_steps,
    without_origin,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.options.config import load_config
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins
from couler_tekton.lint.lint import lint
from couler_tekton.plugin import Options

RUN = """\
# Nightly.
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata:
  generateName: nightly-
spec:
  params:
    - {name: day, value: monday}   # of the week
  pipelineSpec:
    tasks:
      - name: fetch
        taskSpec:
          results:
            - name: rows
          steps:
            # the newest
            - image: busybox
              script: echo $(params.day) > $(results.rows.path)
      - name: count
        params:
          - name: rows
            value: $(tasks.fetch.results.rows)
        when:
          - {input: $(tasks.fetch.results.rows), operator: notin, values: ["0"]}
        taskRef:
          name: count   # elsewhere
    finally:
      - name: tell
        params:
          - {name: state, value: $(tasks.count.status)}
        taskRef:
          name: tell
"""
COUNT = """\
---
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: count
spec:
  params:
    - name: rows
  steps:
    - image: busybox
      args: ["$(params.rows)"]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: count}
"""
BAD = [
    ("      - name: count\n", "      - title: count\n", "tasks: number 2 has no name", 19),
    ("      - name: count\n", "      - name: fetch\n", "tasks: there are two of the name 'fetch'", 19),
    ("            value: $(tasks", "            values: $(tasks", "the parameter 'rows' has no value", 21),
    ("        taskRef:\n          name: count   # elsewhere\n", "", "says nothing of what it runs", 19),
    ("  params:\n    - {", "  params: {a: b}\n  other:\n    - {", "params: a list of mappings is expected", 7),
    ("        when:", "        matrix: []\n        when:", "matrix: a mapping is expected", 23),
    ("        when:", "        runAfter: fetch\n        when:", "runAfter is not a list of names", 23),
    ("$(tasks.fetch.results.rows)\n", "$(tasks.fetsh.results.rows)\n", "step 'fetsh', which 'pipeline' does", 19),
    ("$(tasks.fetch.results.rows)\n", "$(tasks.fetch.results.row)\n", "output 'row' of 'fetch', which does not", 19),
    ("        when:", "        runAfter: [fetsh]\n        when:", "needs 'fetsh', which 'pipeline' does not have", 19),
    ("- name: rows\n            value", "- name: rose\n            value", "does not pass the parameter 'rows'", 19),
    ("spec:\n  params", "specs:\n  params", "this PipelineRun has no spec", 2),
]  # fmt: skip


def plan_of(text: str) -> Plan:
    return lift_source(TEKTON, read(text, "run.yaml"))


def refusals(file: SourceFile) -> list[CoulerError]:
    """What lifting, and looking for what does not exist, have to say of a file."""
    found: list[CoulerError] = []
    plan = TEKTON.adapter.lift(TEKTON.adapter.load([file]), lambda number, error: found.append(error))
    refuse_broken(plan, lambda number, error: found.append(error))
    return found


def test_the_run_that_is_broken_below_is_whole() -> None:
    assert refusals(read(RUN + COUNT, "run.yaml")) == []


@pytest.mark.parametrize(("old", "new", "message", "line"), BAD, ids=[message for _, _, message, _ in BAD])
def test_bad_input_is_refused_with_its_place_and_a_hint(old: str, new: str, message: str, line: int) -> None:
    assert old in RUN
    (error,) = refusals(read(RUN.replace(old, new, 1) + COUNT, "run.yaml"))
    assert message in error.message
    assert (error.file, error.line) == ("run.yaml", line)
    assert error.hint


@pytest.mark.parametrize(("subject", "path"), each_file([TEKTON]))
def test_edges_are_those_of_the_raw_documents(subject: Any, path: Path) -> None:
    """runAfter, and every `$(tasks.x.` in what is written of a task, its embedded spec included."""
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        for graph in workflow.graphs:
            expected = set()
            for step in graph.steps:
                task = raw(plan, step)
                before = {
                    *(task.get("runAfter") or ()),
                    *re.findall(r"\$\((?:tasks|finally)\.([\w-]+)[.\[]", repr(task)),
                }
                expected |= {(name, task["name"]) for name in before}
            if "pipelineSpec" not in repr([raw(plan, step) for step in graph.steps]):
                edges = GraphView(graph, callables(workflow)).edges()
                assert {(edge.before, edge.after) for edge in edges} == expected


def raw(plan: Plan, step: Step) -> Any:
    assert step.source is not None
    data = plan.bundle.documents[int(step.source[0])].data
    for key in step.source[1:]:
        data = data[key]
    return data


def test_what_a_run_is_made_of() -> None:
    run, task = plan_of(RUN + COUNT).workflows
    assert (run.label, run.library, task.label, task.library) == ("nightly-*", "", "count", "namespace")
    assert run.entry is not None
    assert run.entry.call == Call(name="pipeline")
    (graph,) = run.graphs
    fetch, count, tell = graph.steps
    assert graph.finalizers == ("tell",)
    assert fetch.call == Call(name="pipeline/fetch")
    assert count.call == External(workflow="count", name="task", kind="Task")
    assert list(needed(tell.needs)) == []
    assert GraphView(graph, callables(run)).order() == ["fetch", "count", "tell"]


def test_a_task_may_name_what_is_no_parameter() -> None:
    """Tekton looks for it in some fields only, and leaves it as it stands; so it is refused by the lint, if at all."""
    task = COUNT.replace("    - name: rows\n", "    - name: rows\n      description: as in $(params.other)\n")
    assert task != COUNT
    assert refusals(read(task, "task.yaml")) == []
    bundle = Bundle.of([read(task, "task.yaml")])
    assert not list(lint(bundle))
    (wrong,) = lint(Bundle.of([read(task.replace("$(params.rows)", "$(params.other)"), "task.yaml")]))
    assert wrong.code == "unknown-variable"


def lowered_text(plan: Plan, new: Workflow) -> str:
    lowered, written = lower_and_write(TEKTON, plan.with_workflow(plan.workflows[0], new))
    assert not lowered.refused
    return written.texts[0]


def test_a_new_name_of_a_task_reaches_every_reference_and_no_other_line() -> None:
    plan = plan_of(RUN + COUNT)
    text = lowered_text(plan, rename_steps(plan.workflows[0], "pipeline", {"fetch": "load", "count": "sum"}))
    expected = RUN.replace("name: fetch", "name: load").replace("tasks.fetch.", "tasks.load.")
    expected = expected.replace("- name: count", "- name: sum").replace("tasks.count.", "tasks.sum.")
    assert text == expected + COUNT


def test_an_edit_touches_its_own_line_only() -> None:
    plan = plan_of(RUN + COUNT)
    workflow = plan.workflows[0]
    old = callables(workflow)["pipeline/fetch"]
    assert isinstance(old, Operation)
    container = replace(old.containers[0], image=Literal(value="busybox:2"))
    new = replace_callables(workflow, {"pipeline/fetch": replace(old, containers=(container,))})
    assert lowered_text(plan, new) == RUN.replace("image: busybox\n", "image: busybox:2\n") + COUNT


def test_an_edit_is_about_the_task_that_it_is_in() -> None:
    plan = plan_of(RUN + COUNT)
    workflow = plan.workflows[0]
    step = replace(workflow.graphs[0].steps[1], timeout=Literal(value="1h"))
    lowered, _ = lower_and_write(
        TEKTON, plan.with_workflow(workflow, replace_steps(workflow, {("pipeline", "count"): step}))
    )
    assert [edit.subject for edit in lowered.edits] == ["pipeline/count"]


def test_outcomes_that_tekton_cannot_tell_apart_are_refused() -> None:
    plan = plan_of(RUN)
    workflow = plan.workflows[0]
    step = replace(workflow.graphs[0].steps[1], needs=Need(step="fetch", outcomes=("failed",)))
    lowered, written = lower_and_write(
        TEKTON, plan.with_workflow(workflow, replace_steps(workflow, {("pipeline", "count"): step}))
    )
    (error,) = lowered.refused.values()
    assert "cannot tell apart" in str(error)
    assert not written.texts


@pytest.mark.parametrize(("api", "allowed"), [("stable", False), ("beta", False), ("alpha", True)])
def test_a_level_bounds_what_is_written_anew(api: Any, allowed: bool) -> None:
    plan = plan_of(RUN)
    workflow = plan.workflows[0]
    moved = move_into_graph(workflow, "pipeline", ["fetch"], "inner").workflow
    inner = callables(moved)["inner"]
    assert isinstance(inner, Graph)
    lowered = TEKTON.adapter.lower(plan.with_workflow(workflow, moved), Options(api=api))
    (error,) = lowered.refused.values()  # results of a pipeline in a pipeline are refused at every level
    assert isinstance(error, Unsupported)
    bare = replace(workflow.graphs[0], steps=workflow.graphs[0].steps[:1], finalizers=())
    alone = move_into_graph(replace_callables(workflow, {"pipeline": bare}), "pipeline", ["fetch"], "inner").workflow
    lowered = TEKTON.adapter.lower(plan.with_workflow(workflow, alone), Options(api=api))
    assert bool(lowered.changed) is allowed
    assert bool(lowered.refused) is not allowed


def test_what_was_there_at_a_higher_level_stays() -> None:
    plan = plan_of(RUN.replace("script:", "stdoutConfig: {path: /x}\n              script:"))
    workflow = plan.workflows[0]
    renamed = rename_steps(workflow, "pipeline", {"count": "sum"})
    lowered = TEKTON.adapter.lower(plan.with_workflow(workflow, renamed), Options(api="stable"))
    assert lowered.changed
    assert not lowered.refused


def test_a_call_that_is_replaced_leaves_nothing_behind() -> None:
    plan = plan_of(RUN.replace("name: count   #", "kind: Task\n          name: count   #"))
    workflow = plan.workflows[0]
    target = Native.of({"taskRef": {"apiVersion": "example.dev/v1", "kind": "Wait"}})
    for call, expected in (
        (Dynamic(target=target), {"taskRef": {"apiVersion": "example.dev/v1", "kind": "Wait"}}),
        (External(workflow="p", name="pipeline", kind="Pipeline"), {"pipelineRef": {"name": "p"}}),
    ):
        step = replace(workflow.graphs[0].steps[1], call=call)
        new = replace_steps(workflow, {("pipeline", "count"): step})
        lowered, _ = lower_and_write(TEKTON, plan.with_workflow(workflow, new))
        task = lowered.changed[0]["spec"]["pipelineSpec"]["tasks"][1]
        assert {key: task[key] for key in task if key.endswith("Ref")} == expected


def test_a_task_and_a_pipeline_may_share_a_name() -> None:
    pipeline = COUNT.split("---\n")[1].replace("kind: Task", "kind: Pipeline")
    pipeline = pipeline[: pipeline.index("  params:")] + "  tasks:\n    - {name: a, taskRef: {name: count}}\n"
    (error,) = refusals(read(f"{RUN}{COUNT}---\n{pipeline}", "run.yaml"))
    assert "does not pass the parameter 'rows' of 'task'" in error.message


@pytest.mark.parametrize(("subject", "path"), each_file([TEKTON]))
def test_edits_leave_nothing_that_the_webhook_refuses(subject: Any, path: Path) -> None:
    """Renamed and cloned tasks, and what the optimizers leave: the lint has nothing to say that it had not before."""
    plan = lift_file(subject, path)
    before = problems([document.data for document in plan.bundle.documents])
    for workflow in plan.workflows:
        for kind in ("rename", "clone step"):
            for edit in list(edited(workflow, kind))[:6]:
                if isinstance(edit.result, Workflow):
                    lowered, _ = lower_and_write(subject, plan.with_workflow(workflow, edit.result))
                    assert not lowered.refused
                    whole = [
                        lowered.changed.get(number, item.data) for number, item in enumerate(plan.bundle.documents)
                    ]
                    assert problems(whole) <= before, (kind, edit.what)
    result = optimize(str(path), "dedupe,prune", plugins=plugins())
    assert [file.error for file in result.files] == [None]
    assert not any(file.decisions for file in result.files)  # a spec that is embedded is called once


@cache
def plugins() -> Plugins:
    return load_plugins(load_config(environ={}))


def problems(documents: list[Any]) -> set[tuple[int, str]]:
    wrapped = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(documents))
    found = lint(Bundle((), wrapped, (0,) * len(wrapped)), Options(api="alpha"))
    return {(remark.document, remark.code) for remark in found if remark.severity == "error"}


def test_workflows_of_other_engines_are_refused() -> None:
    workflow = replace(without_origin(plan_of(RUN).workflows[0]), engine="argo")
    plan = Plan(bundle=TEKTON.adapter.load(()), originals=(), workflows=(workflow,))
    with pytest.raises(Unsupported) as caught:
        TEKTON.adapter.lower(plan, Options())
    assert caught.value.hint


def test_a_list_of_objects_is_read_and_written_in_place() -> None:
    items = "".join(f"  {line}\n" for line in COUNT.split("---\n")[1].rstrip().splitlines())
    text = "apiVersion: v1\nkind: List\nitems:\n- " + items.strip() + "\n"
    plan = plan_of(text)
    (workflow,) = plan.workflows
    (task,) = workflow.operations
    container = replace(task.containers[0], image=Literal(value="alpine"))
    new = replace(workflow, operations=(replace(task, containers=(container,)),))
    assert lowered_text(plan, new) == text.replace("busybox", "alpine")


def test_optimizing_text_says_nothing_of_side_objects() -> None:
    (file,) = optimize(Text(RUN + COUNT), "dedupe,prune").files
    assert file.error is None
    assert not file.edits


CUSTOM = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: loop}
spec:
  pipelineSpec:
    params: [{name: words, type: array, default: [a, b]}]
    tasks:
      - name: each
        params: [{name: word, value: ["$(params.words[*])"]}]
        taskSpec:
          apiVersion: custom.tekton.dev/v1alpha1
          kind: PipelineLoop
          spec:
            iterateParam: word
            pipelineSpec:
              params: [{name: word}]
              tasks:
                - {name: say, params: [{name: text, value: $(params.word)}], taskRef: {name: say}}
                - {name: again, params: [{name: text, value: $(tasks.say.results.text)}], taskRef: {name: say}}
      - {name: last, runAfter: [each], taskRef: {name: say}}
"""


def test_what_the_spec_of_a_custom_task_says_is_its_controllers() -> None:
    """Parameters and tasks that only it has are none of the pipeline's: Tekton fills nothing in there."""
    (file,) = optimize(Text(CUSTOM, "loop.yaml"), "prune").files
    assert (file.error, file.text) == (None, CUSTOM)
    plan = plan_of(CUSTOM)
    renamed = rename_steps(plan.workflows[0], "pipeline", {"each": "loop"})
    lowered, written = lower_and_write(TEKTON, plan.with_workflow(plan.workflows[0], renamed))
    assert not lowered.refused
    assert written.texts[0] == CUSTOM.replace("- name: each", "- name: loop").replace(
        "runAfter: [each]", "runAfter: [loop]"
    )
