"""KFP's documents: what is refused and where, what follows an edit in both documents, and which edges there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import KFP, each_file, lift_file, lift_source, lower_and_write
from couler_plugins.api import optimize
from couler_plugins.documents import SourceFile, read
from couler_plugins.driver.pipeline import refuse_broken
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import (
    Graph,
    GraphView,
    Literal,
    Operation,
    Reference,
    Workflow,
    callables,
    rename_callable,
    rename_steps,
    replace,
    replace_callables,
)
from couler_plugins.optimizers.dedupe import duplicates
from couler_plugins.plan import Plan

PIPELINE = """\
# PIPELINE DEFINITION
components:
  comp-make:
    executorLabel: exec-make
    outputDefinitions:
      parameters:
        name: {parameterType: STRING}
  comp-use:
    executorLabel: exec-use   # reads a claim
deploymentSpec:
  executors:
    exec-make:
      container: {image: "busybox:1"}
    exec-use:
      container:
        # the newest
        image: busybox
pipelineInfo:
  name: claims
root:
  dag:
    tasks:
      make:
        componentRef: {name: comp-make}
        taskInfo: {name: make}
      use:
        componentRef: {name: comp-use}
        dependentTasks: [make]
        taskInfo: {name: use}
schemaVersion: 2.1.0
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-use:
          pvcMount:
          - mountPath: /data   # both write here
            pvcNameParameter:
              taskOutputParameter:
                outputParameterKey: name
                producerTask: make
"""

BAD = [
    ("schemaVersion: 2.1.0", "schemaVersion: 2.0.0", "schemaVersion '2.0.0' is not supported", 30),
    ("schemaVersion: 2.1.0", "", "no schemaVersion", 2),
    ("root:", "roots:", "the pipeline has no root", 2),
    ("  name: claims", "  displayName: claims", "the pipeline has no name", 2),
    ("executorLabel: exec-make", "executorLabel: exec-mak", "'exec-mak', which", 4),
    ("    executorLabel: exec-make\n", "", "'comp-make' has nothing to run", 3),
    ("  comp-use:", "  comp-MAKE:", "'comp-make' and 'comp-MAKE' only differ in case", 8),
    ("      use:", "      Make:", "'make' and 'Make' only differ in case", 26),
    ("componentRef: {name: comp-use}", "componentRef: {}", "the task 'use' calls nothing", 26),
    ("{name: comp-use}", "{name: comp-Use}", "'use' calls 'comp-Use', which claims does not have", 26),
    ("[make]", "[makes]", "'use' needs 'makes', which 'root' does not have", 26),
    ("[make]", "make", "dependentTasks is not a list", 26),
    ("producerTask: make", "producerTask: other", "refers to a step 'other', which 'root' does not have", 26),
    ("  kubernetes:\n", "  kubernetes: 5\n  other:\n", "kubernetes: a mapping is expected", 33),
    ("components:", "components: 5\nx:", "components: a mapping is expected here", 2),
]


def plan_of(text: str) -> Plan:
    return lift_source(KFP, read(text, "pipeline.yaml"))


def refusals(file: SourceFile) -> list[CoulerError]:
    """What lifting, and looking for what does not exist, have to say of a file."""
    found: list[CoulerError] = []
    assert any(map(KFP.adapter.claims, file.documents))
    plan = KFP.adapter.lift(KFP.adapter.load([file]), lambda number, error: found.append(error))
    refuse_broken(plan, lambda number, error: found.append(error))
    return found


def test_the_pipeline_that_is_broken_below_is_whole() -> None:
    assert refusals(read(PIPELINE, "pipeline.yaml")) == []


@pytest.mark.parametrize(("old", "new", "message", "line"), BAD, ids=[message for _, _, message, _ in BAD])
def test_bad_input_is_refused_with_its_place_and_a_hint(old: str, new: str, message: str, line: int) -> None:
    assert old in PIPELINE
    (error,) = refusals(read(PIPELINE.replace(old, new, 1), "pipeline.yaml"))
    assert message in error.message
    assert (error.file, error.line) == ("pipeline.yaml", line)
    assert error.hint


@pytest.mark.parametrize("length", range(150, len(PIPELINE.split("---", maxsplit=1)[0]) - 24, 40))
def test_a_file_that_was_cut_off_is_an_error_wherever_that_was(length: int) -> None:
    try:
        file = read(PIPELINE[:length], "pipeline.yaml")
    except CoulerError:
        return  # that is no YAML any more
    assert refusals(file)


@pytest.mark.parametrize(("subject", "path"), each_file([KFP]))
def test_edges_are_those_of_both_documents(subject: Any, path: Path) -> None:
    """Counted on the raw documents: dependentTasks, producers of inputs, and producers in platform configuration."""
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        spec, *platform = subject.origin(plan, workflow)
        spec = spec.get("spec", {}).get("pipelineSpec", spec)
        for graph in workflow.graphs:
            component = spec["root"] if graph.name == "root" else spec["components"][graph.name]
            expected = set()
            for name, task in component["dag"]["tasks"].items():
                label = spec["components"][task["componentRef"]["name"]].get("executorLabel")
                held = [item for item in platform if label in executors(item)]
                configured = [executors(item)[label] for item in held]
                before = {*task.get("dependentTasks", ()), *producers(task.get("inputs")), *producers(configured)}
                expected |= {(other, name) for other in before}
            edges = GraphView(graph, callables(workflow)).edges()
            assert {(edge.before, edge.after) for edge in edges} == expected


def executors(platform: Any) -> Any:
    return platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def producers(data: Any) -> set[str]:
    match data:
        case dict():
            own = {data["producerTask"]} if "producerTask" in data else set()
            return own.union(*map(producers, data.values()))
        case list():
            return set().union(*map(producers, data))
    return set()


def lowered_text(plan: Plan, new: Workflow) -> str:
    lowered, written = lower_and_write(KFP, plan.with_workflow(plan.workflows[0], new))
    assert not lowered.refused
    return written.texts[0]


def test_a_new_name_of_a_task_reaches_the_platform_document() -> None:
    plan = plan_of(PIPELINE)
    text = lowered_text(plan, rename_steps(plan.workflows[0], "root", {"make": "produce"}))
    expected = PIPELINE.replace("      make:\n", "      produce:\n").replace("[make]", "[produce]")
    expected = expected.replace("producerTask: make", "producerTask: produce").replace(
        "{name: make}", "{name: produce}"
    )
    assert text == expected


def test_a_new_name_of_a_component_takes_its_executor_and_configuration_along() -> None:
    plan = plan_of(PIPELINE)
    text = lowered_text(plan, rename_callable(plan.workflows[0], "comp-use", "comp-read"))
    expected = PIPELINE.replace("comp-use", "comp-read").replace("exec-use", "exec-read")
    assert sorted(text.splitlines()) == sorted(expected.splitlines())


def test_an_edit_touches_its_own_line_only() -> None:
    plan = plan_of(PIPELINE)
    workflow = plan.workflows[0]
    old = callables(workflow)["comp-use"]
    assert isinstance(old, Operation)
    container = replace(old.containers[0], image=Literal(value="busybox:2"))
    new = replace_callables(workflow, {"comp-use": replace(old, containers=(container,))})
    assert lowered_text(plan, new) == PIPELINE.replace("image: busybox\n", "image: busybox:2\n")


def test_what_differs_in_platform_configuration_only_stays_apart() -> None:
    same = PIPELINE.replace('"busybox:1"', "busybox")
    same = same.replace("    outputDefinitions:\n      parameters:\n        name: {parameterType: STRING}\n", "")
    same = same.replace("pvcNameParameter:", "pvcName: data\n            x:").replace(
        "producerTask: make", "task: make"
    )
    plain = plan_of(same.split("---\n")[0])
    assert [(item.name, kept) for item, kept in duplicates(plain.workflows[0])] == [("comp-use", "comp-make")]
    assert duplicates(plan_of(same).workflows[0]) == []


SHARED = (
    PIPELINE.split("---\n", maxsplit=1)[0]
    .replace("executorLabel: exec-use   # reads a claim", "executorLabel: exec-make")
    .replace("    exec-use:\n      container:\n        # the newest\n        image: busybox\n", "")
    + "---\nplatforms:\n  kubernetes:\n    deploymentSpec:\n      executors:\n"
    + "        exec-make: {nodeSelector: {labels: {a: b}}}\n"
)
"""The components `comp-make` and `comp-use` run one executor, which has a configuration."""


@pytest.mark.parametrize("name", ["comp-make", "comp-use"])
def test_an_executor_that_two_components_share_is_changed_for_one_of_them(name: str) -> None:
    plan = plan_of(SHARED)
    workflow = plan.workflows[0]
    old = callables(workflow)[name]
    assert isinstance(old, Operation)
    container = replace(old.containers[0], image=Literal(value="other"))
    text = lowered_text(plan, replace_callables(workflow, {name: replace(old, containers=(container,))}))
    spec, platform = (document.data for document in read(text, "").documents)
    images = {
        component: spec["deploymentSpec"]["executors"][content["executorLabel"]]["container"]["image"]
        for component, content in spec["components"].items()
    }
    assert images == {**dict.fromkeys(images, "busybox:1"), name: "other"}
    configured = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert configured.keys() == spec["deploymentSpec"]["executors"].keys()
    assert all(item == {"nodeSelector": {"labels": {"a": "b"}}} for item in configured.values())


def test_an_executor_that_two_components_share_is_changed_for_both() -> None:
    plan = plan_of(SHARED)
    workflow = plan.workflows[0]

    def changed(operation: Operation) -> Operation:
        return replace(operation, containers=(replace(operation.containers[0], image=Literal(value="other")),))

    new = replace_callables(workflow, {operation.name: changed(operation) for operation in workflow.operations})
    assert lowered_text(plan, new) == SHARED.replace('"busybox:1"', '"other"')


def test_configuration_that_reads_tasks_of_two_graphs_is_refused() -> None:
    graph = "  comp-in:\n    dag:\n      tasks:\n        make: {componentRef: {name: comp-make}}\n"
    graph += "        use: {componentRef: {name: comp-use}}\n"
    two = PIPELINE.replace("deploymentSpec:\n", graph + "deploymentSpec:\n", 1)
    (error,) = refusals(read(two, "pipeline.yaml"))
    assert "in two graphs" in error.message
    assert error.line


def test_a_component_that_reads_what_is_around_it_is_pruned_with_a_reason() -> None:
    unused = PIPELINE[PIPELINE.index("      use:\n") : PIPELINE.index("schemaVersion")]
    (file,) = optimize(Text(PIPELINE.replace(unused, "")), "prune").files
    assert file.error is None
    assert [decision.subject for decision in file.decisions] == ["comp-use"]
    assert {edit.subject for edit in file.edits} == {"comp-use"}


def test_a_cache_key_of_its_owners_is_said_of_the_operation() -> None:
    options = "cachingOptions: {enableCache: true, cacheKey: mine}"
    cached = PIPELINE.replace("[make]\n", f"[make]\n        {options}\n")
    by_name = callables(plan_of(cached).workflows[0])
    assert by_name["comp-use"].memoized is not None
    assert by_name["comp-make"].memoized is None
    by_default = PIPELINE.replace("[make]\n", "[make]\n        cachingOptions: {enableCache: true}\n")
    assert callables(plan_of(by_default).workflows[0])["comp-use"].memoized is None
    assert isinstance(by_name["root"], Graph)


LETTERS = """\
components:
  comp-a:
    executorLabel: exec-a
    inputDefinitions: {parameters: {n: {parameterType: STRING}}}
    outputDefinitions: {parameters: {y: {parameterType: STRING}}}
  comp-b:  # the same
    executorLabel: exec-b
    inputDefinitions: {parameters: {n: {parameterType: STRING}}}
    outputDefinitions: {parameters: {y: {parameterType: STRING}}}
deploymentSpec:
  executors:
    exec-a: {container: {image: busybox}}
    exec-b: {container: {image: busybox}}
pipelineInfo: {name: letters}
root:
  dag:
    tasks:
      a:
        componentRef: {name: comp-a}
        inputs: {parameters: {n: {runtimeValue: {constant: y}}}}
        taskInfo: {name: a}
      b:
        componentRef: {name: comp-b}
        dependentTasks: [a]
        inputs: {parameters: {n: {taskOutputParameter: {producerTask: a, outputParameterKey: y}}}}
        taskInfo: {name: b}
schemaVersion: 2.1.0
"""
"""KFP writes parameters called y and n without quotes, which Kubernetes takes for booleans."""


def test_letters_are_names() -> None:
    (workflow,) = lift_source(KFP, read(LETTERS, "letters.yaml")).workflows
    (argument,) = workflow.graphs[0].steps[1].arguments
    assert isinstance(argument.value, Reference)
    assert (argument.name, argument.value.step, argument.value.name) == ("n", "a", "y")
    (file,) = optimize(Text(LETTERS), "dedupe").files
    assert file.text is not None
    assert file.text == LETTERS.replace("executorLabel: exec-b", "executorLabel: exec-a").replace(
        "    exec-b: {container: {image: busybox}}\n", ""
    )
