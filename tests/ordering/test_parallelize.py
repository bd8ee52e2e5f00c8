"""What `parallelize` writes on each engine, what it leaves alone, and what it says of that."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from couler_plugins import Result, Text, optimize
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import load_plugins
from couler_plugins.runs import Attempt, Run, StepRun
from rightsizing.drawn import history_in

PLUGINS = load_plugins(load_config(environ={}))
PURE = "metadata: {annotations: {couler.io/cache: pure}}"
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: w-}\nspec:\n  entrypoint: main\n"
LEAVES = f"""\
  - name: pure
    {PURE}
    inputs: {{parameters: [{{name: p, value: x}}]}}
    container: {{image: i, args: ["{{{{inputs.parameters.p}}}}"]}}
  - {{name: effect, container: {{image: i}}}}
"""


def parallelized(text: str, folder: Path | None = None, *runs: Run, rows: str = "") -> Result:
    config = history_in(folder, runs) if runs and folder else Config()
    if rows and folder:
        (folder / "couler.toml").write_text(dedent(rows))
        config = replace(config, rows=load_config(start=folder, environ={}).rows)
    return optimize(Text(dedent(text), name="w.yaml"), "parallelize", config=config, plugins=PLUGINS)


def changes(result: Result) -> list[str]:
    (file,) = result.files
    assert file.error is None, file.error
    old, new = ((text or "").splitlines() for text in (file.original, file.text))
    return [line for line in list(difflib.unified_diff(old, new, n=0))[2:] if not line.startswith("@@")]


def argo(body: str, more: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return f"{HEAD}  templates:\n  - name: main\n{lines}{LEAVES}{dedent(more)}"


def reasons(result: Result) -> dict[str, str]:
    return {item.subject: item.reason for item in result.files[0].decisions if not item.action}


def waits(result: Result) -> Mapping[str, str]:
    (file,) = result.files
    assert file.error is None, file.error
    template = yaml.safe_load(file.text or "")["spec"]["templates"][0]
    return {task["name"]: task.get("depends", "") for task in template["dag"]["tasks"]}


CHAIN = """\
steps:
- - {name: a, template: pure}
- - {name: b, template: pure}
- - {name: mail, template: effect}
- - {name: c, template: pure}
- - {name: d, template: pure, arguments: {parameters: [{name: p, value: "{{steps.b.outputs.result}}"}]}}
"""


def test_stages_become_needs_and_nothing_crosses_an_effect() -> None:
    result = parallelized(argo(CHAIN))
    assert waits(result) == {"a": "", "b": "", "mail": "a && b", "c": "mail", "d": "mail"}
    text = result.files[0].text or ""
    assert '"{{tasks.b.outputs.result}}"' in text
    assert "failFast: false" in text
    (done, undeclared) = result.files[0].decisions
    assert (done.subject, done.action) == ("main", "let steps wait for steps, not for stages")
    assert dict(done.figures) == {
        "steps on the longest path before": 5,
        "steps on the longest path after": 3,
        "steps at a time before": 1,
        "steps at a time after": 2,
        "steps that wait for less": 2,
    }
    assert "'b', 'd'" in done.reason
    assert "'effect' declared pure" in undeclared.reason
    assert "in the template 'effect'" in undeclared.reason


def test_nothing_changes_where_nothing_is_declared() -> None:
    result = parallelized(argo(CHAIN).replace("couler.io/cache: pure", "other: pure"))
    assert not result.changed
    (decision,) = result.files[0].decisions
    assert "'pure', 'effect' declared pure; where that is true" in decision.reason
    assert dict(decision.figures)["steps on the longest path after"] == 2


def test_a_word_for_all_of_a_workflow_is_none_for_a_step() -> None:
    text = argo(CHAIN).replace("couler.io/cache: pure", "other: pure")
    text = text.replace("{generateName: w-}", "{generateName: w-, annotations: {couler.io/cache: pure}}")
    assert not parallelized(text).changed


def test_rows_of_the_settings_declare_steps(tmp_path: Path) -> None:
    text = argo(CHAIN).replace("couler.io/cache: pure", "other: pure")
    rows = '[[cache.declare]]\ntask = "pure"\npure = true\n'
    assert waits(parallelized(text, tmp_path, rows=rows))["mail"] == "a && b"


def test_times_of_past_runs_count(tmp_path: Path) -> None:
    def took(step: str, seconds: float) -> StepRun:
        return StepRun(
            step=f"main/{step}",
            type="pure",
            spec=step,
            key=step,
            parents=(),
            seconds=seconds,
            tries=(Attempt(start=0.0, end=seconds, succeeded=True),),
        )

    seconds = {"a": 100.0, "b": 20.0, "mail": 1.0, "c": 5, "d": 6.0}
    run = Run(family="w", steps=tuple(took(*item) for item in seconds.items()))
    text = argo(CHAIN).replace("generateName: w-", "name: w")
    (done, *_) = parallelized(text, tmp_path, run).files[0].decisions
    assert dict(done.figures)["seconds of the longest path before"] == 132.0
    assert dict(done.figures)["seconds of the longest path after"] == 107.0
    assert "times are those of past runs for 5 of 5 steps" in done.reason


TASKS = """\
dag:
  tasks:
  - {{name: a, template: pure}}
  - {{name: b, template: pure, {needs}: {a}}}
  - {{name: c, template: effect, {needs}: {b}}}
"""


@pytest.mark.parametrize(
    ("key", "a", "b", "added"), [("dependencies", "[a]", "[b]", "[b, a]"), ("depends", "a", "b", "b && a")]
)
def test_needs_without_data_go_from_a_dag(key: str, a: str, b: str, added: str) -> None:
    assert changes(parallelized(argo(TASKS.format(needs=key, a=a, b=b)))) == [
        f"-      - {{name: b, template: pure, {key}: {a}}}",
        f"-      - {{name: c, template: effect, {key}: {b}}}",
        "+      - {name: b, template: pure}",
        f"+      - {{name: c, template: effect, {key}: {added}}}",
    ]


LEFT = {
    "its failure is tolerated": "{name: b, template: pure, continueOn: {failed: true}}",
    "it has a hook, which may do anything": "{name: b, template: pure, onExit: effect}",
    "it takes a lock": "{name: b, template: locked}",
    "it keeps running beside the steps after it": "{name: b, template: daemon}",
    "it mounts the volume 'disk', whose content is unknown": "{name: b, template: mounting}",
    "its output 'o' is read by the whole run": "{name: b, template: exporting}",
    "its output 'o' goes to a place of its owner's choice": "{name: b, template: publishing}",
    "it is a suspend template, whose effect is outside of its outputs": "{name: b, template: waiting}",
    "it reads 'o', an output of the whole run": (
        '{name: b, template: pure, arguments: {parameters: [{name: p, value: "{{workflow.outputs.parameters.o}}"}]}}'
    ),
    "what it calls is only known at run time": '{name: b, template: "{{workflow.parameters.t}}"}',
    "it calls 'x' of 'elsewhere', which is not read here": "{name: b, templateRef: {name: elsewhere, template: x}}",
    "'main' calls itself": '{name: b, template: main, when: "1 > 2"}',
}
MORE = f"""\
  - {{name: locked, {PURE}, synchronization: {{mutexes: [{{name: m}}]}}, container: {{image: i}}}}
  - {{name: daemon, {PURE}, daemon: true, container: {{image: i}}}}
  - {{name: mounting, {PURE}, container: {{image: i, volumeMounts: [{{name: disk, mountPath: /d}}]}}}}
  - name: exporting
    {PURE}
    container: {{image: i}}
    outputs: {{parameters: [{{name: o, globalName: o, valueFrom: {{path: /o}}}}]}}
  - name: publishing
    {PURE}
    container: {{image: i}}
    outputs: {{artifacts: [{{name: o, path: /o, s3: {{key: k}}}}]}}
  - {{name: waiting, {PURE}, suspend: {{}}}}
"""
VOLUMES = "  volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]\n"


@pytest.mark.parametrize("reason", LEFT)
def test_what_is_more_than_a_computation_keeps_its_place(reason: str) -> None:
    tasks = [LEFT[reason], "{name: a, template: pure, depends: b}", "{name: c, template: pure, depends: a}"]
    text = argo("dag:\n  tasks:\n" + "".join(f"  - {task}\n" for task in tasks), "") + MORE + VOLUMES
    if "continueOn" in text:
        text = text.replace("depends: b", "dependencies: [b]").replace("depends: a", "dependencies: [a]")
    result = parallelized(text)
    assert reasons(result)["main/b"] == f"its place in the order stays: {reason}"
    template = yaml.safe_load(result.files[0].text or text)["spec"]["templates"][0]
    needs = {task["name"]: task.get("depends") or task.get("dependencies") for task in template["dag"]["tasks"]}
    assert needs["a"] in ("b", ["b"])
    assert needs["c"] in ("b", ["b"], ["a"])  # what tolerates failures passes that on to what waits for it


def test_volumes_that_are_only_read_are_shared_by_nobody() -> None:
    claim = "{name: disk, persistentVolumeClaim: {claimName: d}}"
    text = argo(CHAIN) + f"  volumes: [{{name: settings, configMap: {{name: settings}}}}, {claim}]\n"
    mounts = "volumeMounts: [{name: settings, mountPath: /s}, {name: disk, mountPath: /d, readOnly: true}]"
    text = text.replace("container: {image: i, args", f"container: {{image: i, {mounts}, args")
    assert waits(parallelized(text))["mail"] == "a && b"
    assert not parallelized(text.replace(", readOnly: true", "")).changed


def test_who_waits_for_a_failure_is_left_behind_it() -> None:
    result = parallelized(
        argo("""\
        dag:
          tasks:
          - {name: a, template: pure}
          - {name: b, template: pure, depends: a}
          - {name: c, template: pure, depends: b}
          - {name: cleanup, template: effect, depends: c.Failed || c.Succeeded}
        """)
    )
    assert waits(result) == {"a": "", "b": "", "c": "b && a", "cleanup": "c.Failed || c.Succeeded"}
    assert reasons(result)["main/c"] == "its place in the order stays: 'cleanup' asks how it ends"


STAGES = {
    "its step 'b' has continueOn": (
        "{name: b, template: pure}",
        "{name: b, template: pure, continueOn: {failed: true}}",
    ),
    "its step 'b' has a hook": ("{name: b, template: pure}", "{name: b, template: pure, onExit: effect}"),
    "the name of its step '1b' begins with a digit": ("{name: c, ", "{name: 1b, "),
    "'d' reads what 'b' makes, which may be skipped": (
        "{name: b, template: pure}",
        '{name: b, template: pure, when: "1 > 2"}',
    ),
    "it is retried as a whole": ("steps:", "retryStrategy: {limit: 2}\n    steps:"),
    "what its step 'a' calls uses steps.name": ('args: ["{{inputs.', 'args: ["{{steps.name}} {{inputs.'),
}


@pytest.mark.parametrize("reason", STAGES)
def test_stages_stay_where_argo_would_do_something_else(reason: str) -> None:
    old, new = STAGES[reason]
    text = argo(CHAIN.replace("{name: d, template: pure", "{name: e, template: pure}\n  - {name: d, template: pure"))
    result = parallelized(text.replace(old, new, 1))
    assert not result.changed
    assert reasons(result)["main"].startswith(f"its order stays: {reason}")


PLACES = """\
steps:
- - {name: a, template: write, arguments: {parameters: [{name: to, value: s3://bucket/a}]}}
- - {name: b, template: write, arguments: {parameters: [{name: to, value: s3://bucket/b}]}}
- - {name: c, template: write, arguments: {parameters: [{name: to, value: s3://bucket/a/c}]}}
- - {name: d, template: write, arguments: {parameters: [{name: to, value: "{{workflow.parameters.where}}"}]}}
"""
WRITE = """\
  - name: write
    metadata: {annotations: {couler.io/cache: pure, couler.io/cache-place.to: out}}
    inputs: {parameters: [{name: to}]}
    container: {image: i, args: ["{{inputs.parameters.to}}"]}
  arguments: {parameters: [{name: where, value: s3://bucket/x}]}
"""


def test_places_that_may_be_the_same_keep_their_order() -> None:
    assert waits(parallelized(argo(PLACES) + WRITE)) == {"a": "", "b": "", "c": "a", "d": "b && c"}


def test_a_graph_of_pure_steps_is_pure() -> None:
    text = argo("""\
        steps:
        - - {name: a, template: both}
        - - {name: b, template: both}
        """)
    text += "  - {name: both, steps: [[{name: first, template: pure}], [{name: then, template: LEAF}]]}\n"
    assert waits(parallelized(text.replace("LEAF", "pure"))) == {"a": "", "b": ""}
    assert not parallelized(text.replace("LEAF", "effect")).changed


def test_order_is_refused_behind_what_uses_it() -> None:
    for behind in ("cache", "guard", "split", "rightsize"):
        with pytest.raises(InvalidInput, match="'parallelize' must come before"):
            optimize(
                Text(argo(CHAIN), name="w.yaml"), parse_pipeline(f"{behind},parallelize", PLUGINS), plugins=PLUGINS
            )


TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: {name}, annotations: {{{said}}}}}
spec:
  results: [{{name: r}}]
  params: [{{name: p, default: x}}]
{more}  steps: [{{name: s, image: i, script: "echo $(params.p)"}}]
---
"""
SAID = "couler.io/cache: pure"
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: pipe}
spec:
  tasks:
  - {name: a, taskRef: {name: pure}}
  - {name: b, taskRef: {name: pure}, runAfter: [a]}
  - {name: mail, taskRef: {name: effect}, runAfter: [b]}
  - {name: c, taskRef: {name: pure}, runAfter: [mail], params: [{name: p, value: $(tasks.a.results.r)}]}
"""


def tekton(pipeline: str, **pure: str) -> str:
    said, more = pure.get("said", SAID), pure.get("more", "")
    return TASK.format(name="pure", said=said, more=more) + TASK.format(name="effect", said="", more="") + pipeline


def test_tekton_loses_run_after() -> None:
    assert changes(parallelized(tekton(PIPELINE))) == [
        "-  - {name: b, taskRef: {name: pure}, runAfter: [a]}",
        "-  - {name: mail, taskRef: {name: effect}, runAfter: [b]}",
        "+  - {name: b, taskRef: {name: pure}}",
        "+  - {name: mail, taskRef: {name: effect}, runAfter: [b, a]}",
    ]


WORKSPACES = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: pipe}
spec:
  workspaces: [{name: shared}]
  tasks:
  - {name: a, taskRef: {name: pure}, workspaces: [{name: files, workspace: shared}]}
  - {name: b, taskRef: {name: pure}, runAfter: [a], workspaces: [{name: files, workspace: shared}]}
"""


@pytest.mark.parametrize(("words", "is_free"), [("in", True), ("out", False), ("", False)])
def test_tekton_keeps_the_order_of_who_writes_into_a_workspace(words: str, is_free: bool) -> None:
    said = f"{SAID}, couler.io/cache-workspace.files: {words}" if words else SAID
    result = parallelized(tekton(WORKSPACES, said=said, more="  workspaces: [{name: files}]\n"))
    assert result.changed is is_free


KFP = """\
pipelineInfo: {name: pipe}
schemaVersion: 2.1.0
sdkVersion: kfp-2.14.0
components:
  comp-pure: {executorLabel: exec-pure}
  comp-effect: {executorLabel: exec-effect}
deploymentSpec:
  executors:
    exec-pure: {container: {image: "i@sha256:0", command: [echo]}}
    exec-effect: {container: {image: i, command: [mail]}}
root:
  dag:
    tasks:
      a: {componentRef: {name: comp-pure}, taskInfo: {name: a}}
      b: {componentRef: {name: comp-pure}, dependentTasks: [a], taskInfo: {name: b}}
      mail: {componentRef: {name: comp-effect}, dependentTasks: [b], taskInfo: {name: mail}}
"""


def test_kubeflow_loses_dependent_tasks(tmp_path: Path) -> None:
    rows = '[[cache.declare]]\nstep = ["a", "b"]\npure = true\n'
    assert changes(parallelized(KFP, tmp_path, rows=rows)) == [
        "-      b: {componentRef: {name: comp-pure}, dependentTasks: [a], taskInfo: {name: b}}",
        "-      mail: {componentRef: {name: comp-effect}, dependentTasks: [b], taskInfo: {name: mail}}",
        "+      b: {componentRef: {name: comp-pure}, taskInfo: {name: b}}",
        "+      mail: {componentRef: {name: comp-effect}, dependentTasks: [b, a], taskInfo: {name: mail}}",
    ]
    bare = parallelized(KFP)
    assert not bare.changed
    assert "add kfp.kubernetes.add_pod_annotation(task, 'couler.io/cache', 'pure')" in reasons(bare)["root"]


@pytest.mark.airflow
def test_airflow_loses_arrows_between_pure_tasks() -> None:
    from airflow.sdk import DAG, TaskGroup, task

    from couler_airflow import cached
    from couler_airflow import optimize as optimize_dag

    def number(name: str, *, pure: bool = True) -> Any:
        def compute() -> int:
            return len("abc")

        made = task(task_id=name)(compute)
        return (cached(made) if pure else made)()

    with DAG("d") as dag:
        first, second, mail = number("first"), number("second"), number("mail", pure=False)
        first >> second >> mail
        with TaskGroup("group") as group:
            inner = number("inner")
        mail >> group
        inner >> number("last")
    optimize_dag(dag, "parallelize")
    assert {name: sorted(one.upstream_task_ids) for name, one in dag.task_dict.items()} == {
        "first": [],
        "second": [],
        "mail": ["first", "second"],
        "group.inner": ["mail"],
        "last": ["group.inner"],
    }
