"""Start orders that `prioritize` writes on each engine, and what keeps the engine's own order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
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
from couler_plugins.runs import Run, StepRun
from rightsizing.drawn import history_in
from support import ROOT

PLUGINS = load_plugins(load_config(environ={}))
ARGO = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {generateName: nightly-}
    spec:
      entrypoint: main
      parallelism: 2
      templates:
        - name: main
          dag:
            tasks:
              - {name: alpha, template: work}
              - {name: beta, template: work}
              - {name: chart, template: work}
              - {name: long, template: work}
              - {name: middle, template: work, depends: long}  # of the night
              - {name: zeta, template: work, depends: middle.Succeeded}
        - name: work
          container: {image: "busybox:1"}
    """
WORK = 'taskSpec: {steps: [{name: s, image: "busybox:1", script: "true"}]}'
TEKTON = f"""\
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {{generateName: build-}}
    spec:
      pipelineSpec:
        tasks:
          - {{name: alpha, {WORK}}}
          - {{name: beta, {WORK}}}
          - {{name: chart, {WORK}}}
          - {{name: long, {WORK}}}
          - {{name: middle, runAfter: [long], {WORK}}}
          - {{name: zeta, runAfter: [middle], {WORK}}}
        finally:
          - {{name: mail, {WORK}}}
    """
NEW = '    - name: new\n          container: {image: "busybox:1"}\n    '
CLASSES = "prioritize{classes=low|high}"


def prioritized(
    text: str, folder: Path | None = None, seconds: Mapping[str, float] = {}, *, passes: str = "prioritize"
) -> Result:
    """What becomes of a text, with past runs in which steps took so long."""
    config = Config()
    if folder is not None:
        steps = [
            StepRun(step=f"main/{name}", type="work", spec=name, key=name, seconds=took)
            for name, took in seconds.items()
        ]
        config = history_in(folder, [Run(family="nightly", steps=tuple(steps), at=1.0)])
    return optimize(Text(dedent(text), name="w.yaml"), passes, config=config, plugins=PLUGINS)


def changes(result: Result) -> list[str]:
    """The lines of the file that went and that came."""
    (file,) = result.files
    assert file.error is None
    old, new = (text.splitlines() for text in (file.original or "", file.text or ""))
    lines = list(difflib.unified_diff(old, new, n=0))[2:]
    return [f"{line[0]}{line[1:].strip()}" for line in lines if not line.startswith("@@")]


def reasons(result: Result) -> list[tuple[str, str]]:
    return [(item.subject, item.reason) for item in result.files[0].decisions if not item.action]


def figures(result: Result) -> dict[str, Any]:
    return dict(next(item.figures for item in result.files[0].decisions if item.action.startswith("order")))


def test_argo_starts_the_longest_path_first_by_its_target() -> None:
    result = prioritized(ARGO)
    assert changes(result) == ["+target: long middle alpha beta chart zeta"]
    (decision,) = result.files[0].decisions
    assert (decision.subject, decision.action) == ("main", "order 6 steps in the DAG's target")
    assert "no times are known, so all steps count alike" in decision.reason
    assert figures(result) == {
        "steps": 6,
        "steps of unknown time": 6,
        "seconds that these count as": 60.0,
        "slots": 2,
        "seconds of a run before": 240.0,
        "seconds of a run after": 180.0,
    }


def test_times_come_from_past_runs(tmp_path: Path) -> None:
    times = {"alpha": 10, "beta": 10, "chart": 100, "long": 10, "middle": 10, "zeta": 10}
    result = prioritized(ARGO, tmp_path, times)
    assert changes(result) == ["+target: chart long middle alpha beta zeta"]
    assert result.files[0].decisions[0].reason.endswith("; times are from past runs")
    assert figures(result)["seconds of a run after"] == 100.0
    del times["alpha"]
    other = ARGO.replace("name: alpha, template: work", "name: alpha, template: new")
    result = prioritized(f"{other}{NEW}", tmp_path, times)
    assert "steps without one count as the median of the others" in result.files[0].decisions[0].reason
    assert figures(result)["seconds that these count as"] == 10.0


def test_what_was_ordered_stays_and_is_refused_the_second_time() -> None:
    first = prioritized(ARGO).files[0].text
    assert first is not None
    second = prioritized(first)
    assert changes(second) == []
    assert reasons(second) == [("main", "its owner says in `target` what runs, and in which order")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("      parallelism: 2\n", "", "nothing limits how many of its tasks run at once"),
        ("parallelism: 2", "parallelism: 4", "as many steps may run at a time as ever could"),
        ("depends: middle.Succeeded", "depends: middle.Succeeded || middle.Failed", "a failure of 'middle' need not"),
        ("depends: middle.Succeeded", "depends: '!middle.Failed'", "a failure of 'middle' need not"),
        ("name: chart,", "name: chart, continueOn: {failed: true},", "a failure of 'chart' need not"),
        ("name: chart,", "name: chart, onExit: work,", "'chart' has a hook"),
        ("          dag:\n", "          dag:\n            target: long\n", "its owner says in `target`"),
        (", depends: long}", ", depends: beta && chart && long && alpha}", "in the DAG's target makes no run shorter"),
    ],
)
def test_what_keeps_argo_s_own_order(old: str, new: str, reason: str) -> None:
    assert old in ARGO
    result = prioritized(ARGO.replace(old, new))
    assert changes(result) == []
    assert [(subject, reason in text) for subject, text in reasons(result)] == [("main", True)], reasons(result)


def test_stages_are_refused_and_one_step_needs_no_order() -> None:
    head, _, tail = dedent(ARGO).partition("      dag:\n")
    stages = "      steps:\n        - - {name: a, template: work}\n          - {name: b, template: work}\n"
    work = tail[tail.index("    - name: work") :]
    assert "`parallelize` makes one" in reasons(prioritized(head + stages + work))[0][1]
    assert (
        "no graph of several steps" in reasons(prioritized(ARGO.replace("entrypoint: main", "entrypoint: work")))[0][1]
    )


def test_classes_of_a_cluster_go_to_the_pods_of_argo() -> None:
    lines = changes(prioritized(ARGO, passes=CLASSES))
    assert "+- {name: long, template: work-priority}" in lines
    assert [line for line in lines if "priorityClassName" in line] == [
        "+priorityClassName: low",
        "+priorityClassName: high",
    ]
    free = prioritized(ARGO.replace("      parallelism: 2\n", ""), passes=CLASSES)
    assert [line for line in changes(free) if "target" in line] == []
    assert {item.subject: dict(item.figures).get("priority") for item in free.files[0].decisions}["main/long"] == "high"


def test_classes_of_owners_stay() -> None:
    spec = ARGO.replace("parallelism: 2", "podPriorityClassName: urgent")
    assert reasons(prioritized(spec, passes=CLASSES))[1] == (
        "main",
        "its owner gives all of its pods the priority class 'urgent'",
    )
    own = ARGO.replace("name: beta, template: work", "name: beta, template: own")
    own += '    - name: own\n          priorityClassName: urgent\n          container: {image: "busybox:1"}\n'
    result = prioritized(own, passes=CLASSES)
    assert ("main/beta", "its owner gives it the priority class 'urgent'") in reasons(result)
    (document,) = yaml.safe_load_all(result.files[0].text or "")
    classes = {item["name"]: item.get("priorityClassName") for item in document["spec"]["templates"]}
    assert classes["own"] == "urgent"
    assert classes["work"] == "low"


def test_tekton_takes_classes_in_runs_only() -> None:
    result = prioritized(TEKTON, passes=CLASSES)
    (document,) = yaml.safe_load_all(result.files[0].text or "")
    specs = {item["pipelineTaskName"]: item["podTemplate"] for item in document["spec"]["taskRunSpecs"]}
    assert {name: spec["priorityClassName"] for name, spec in specs.items()} == {
        "alpha": "low",
        "beta": "low",
        "chart": "low",
        "long": "high",
        "middle": "high",
        "zeta": "low",
    }
    assert reasons(prioritized(TEKTON)) == [
        ("pipeline", "its engine has no order of steps: name priority classes that the cluster has (classes=low|high)")
    ]
    (run,) = yaml.safe_load_all(dedent(TEKTON))
    pipeline = {**run, "kind": "Pipeline", "metadata": {"name": "build"}, "spec": run["spec"]["pipelineSpec"]}
    ((subject, reason),) = reasons(prioritized(yaml.safe_dump(pipeline), passes=CLASSES))
    assert (subject, "set it in the run" in reason) == ("pipeline", True)


def test_options_are_checked() -> None:
    for text in ("prioritize{classes=high}", "prioritize{classes=a|a}", "prioritize{slots=-1}"):
        with pytest.raises(InvalidInput):
            parse_pipeline(text, PLUGINS)
    with pytest.raises(InvalidInput, match="prioritize"):
        optimize(Text(dedent(ARGO), name="w.yaml"), "split,prioritize", config=Config(), plugins=PLUGINS)


def test_a_split_keeps_the_order() -> None:
    result = prioritized(ARGO, passes="prioritize,split{max-steps=3}")
    (document,) = yaml.safe_load_all(result.files[0].text or "")
    targets = {item["name"]: item["dag"].get("target") for item in document["spec"]["templates"] if "dag" in item}
    assert targets == {"main": "part-1 part-2", "part-1": "long middle zeta", "part-2": "alpha beta chart"}


def test_loops_and_graphs_in_it_count() -> None:
    """A loop has its items, and a graph what is in it; a recursion cannot be simulated."""
    nested = ARGO.replace("name: zeta, template: work", "name: zeta, template: inner")
    nested += """    - name: inner
          dag:
            tasks:
              - {name: one, template: work}
              - {name: two, template: work, dependencies: [one]}
              - {name: three, template: work, dependencies: [two]}
              - {name: four, template: work, dependencies: [three]}
    """
    result = prioritized(nested)
    assert changes(result) == ["+target: long middle zeta alpha beta chart"]
    assert (
        "calls itself"
        in reasons(prioritized(nested.replace("name: four, template: work", "name: four, template: inner")))[0][1]
    )
    loop = ARGO.replace("name: chart, template: work", "name: chart, template: work, withItems: [1, 2, 3, 4]")
    assert changes(prioritized(loop)) == ["+target: long middle alpha beta chart zeta"]


def test_kubeflow_is_refused_by_name() -> None:
    path = ROOT / "tests" / "corpus" / "kfp" / "branches.yaml"
    decisions = optimize(path, CLASSES, config=Config(), plugins=PLUGINS).files[0].decisions
    assert [item.reason for item in decisions] == ["KFP's platform configuration has no priority class"]
