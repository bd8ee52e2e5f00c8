"""What `dedupe` makes of pipelines: components that share an executor, or one component for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import KFP, Subject, each_file, lift_source, lower_and_write
from couler_plugins.api import optimize
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.results import Result
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Call, Literal, Step, map_steps, replace
from couler_plugins.optimizers.dedupe import Dedupe
from couler_plugins.plugins import Plugins, load_plugins
from optimizers.running import CONTEXT

MERGE = "kfp{merge=components}"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins()


def pipeline(calls: int, *, keys: bool = False, platforms: tuple[int, ...] = ()) -> str:
    """A pipeline that calls one component several times, as KFP's compiler writes it.

    Args:
        calls: how often.
        keys: whether each task has a cache key of its own.
        platforms: the numbers of tasks with a platform configuration.
    """
    numbers = range(1, calls + 1)
    caching = {"cachingOptions": {"enableCache": True, **({"cacheKey": "mine"} if keys else {})}}
    outputs = {"artifacts": {"out": {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}}}
    container = {"image": "python:3.11", "command": ["sh", "-c", "echo a line of source; " * 30]}
    configured = {f"exec-make-{number}": {"nodeSelector": {"labels": {"a": "b"}}} for number in platforms}
    spec: dict[str, Any] = {
        "components": {
            f"comp-make-{number}": {"executorLabel": f"exec-make-{number}", "outputDefinitions": outputs}
            for number in numbers
        },
        "deploymentSpec": {"executors": {f"exec-make-{number}": {"container": container} for number in numbers}},
        "pipelineInfo": {"name": "many"},
        "root": {
            "dag": {
                "tasks": {
                    f"make-{number}": {
                        **caching,
                        "componentRef": {"name": f"comp-make-{number}"},
                        "taskInfo": {"name": f"make-{number}"},
                    }
                    for number in numbers
                }
            }
        },
        "schemaVersion": "2.1.0",
    }
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": configured}}}} if platforms else None
    return "---\n".join(map(dump_yaml, [spec, platform] if platform else [spec]))


def labels(result: Result) -> dict[str, str]:
    spec = result.documents[0]
    executors = spec["deploymentSpec"]["executors"]
    found = {name: component["executorLabel"] for name, component in spec["components"].items()}
    assert set(found.values()) == executors.keys()
    return found


def said(result: Result) -> list[tuple[str, str]]:
    return [(item.subject, item.action) for item in result.decisions if item.optimizer == "kfp"]


def test_identical_components_share_an_executor() -> None:
    text = pipeline(3)
    result = optimize(Text(text), "dedupe")
    assert labels(result) == dict.fromkeys(("comp-make-1", "comp-make-2", "comp-make-3"), "exec-make-1")
    assert result.documents[0]["root"] == read(text, "").documents[0].data["root"]
    assert said(result) == [("comp-make-1", "let them run its executor, and keep their components")]
    assert all(edit.decision is not None for edit in result.files[0].edits)


def test_components_are_merged_as_well_where_that_is_asked_for() -> None:
    result = optimize(Text(pipeline(3)), "dedupe", to=MERGE)
    assert labels(result) == {"comp-make-1": "exec-make-1"}
    ((subject, _),) = said(result)
    assert subject == "comp-make-1"
    assert "kfp.local" in result.decisions[-1].reason


def test_tasks_with_cache_keys_of_their_own_never_share_a_component() -> None:
    """The newest backends add the component's name to the key: two tasks with one key would get the same result."""
    result = optimize(Text(pipeline(3, keys=True)), "dedupe", to=MERGE)
    assert set(labels(result)) == {"comp-make-1", "comp-make-2", "comp-make-3"}


@pytest.mark.parametrize("to", [None, MERGE])
def test_what_is_configured_otherwise_stays_apart(to: str | None) -> None:
    result = optimize(Text(pipeline(4, platforms=(2, 4))), "dedupe", to=to)
    by_label = labels(result)
    assert set(by_label.values()) == {"exec-make-1", "exec-make-2"}
    assert len(by_label) == (4 if to is None else 2)
    configured = result.documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert configured.keys() == {"exec-make-2"}


def test_a_task_that_goes_takes_nothing_along_that_others_need() -> None:
    spec, platform = optimize(Text(pipeline(3, platforms=(1, 2, 3))), "dedupe").documents
    del spec["root"]["dag"]["tasks"]["make-1"]
    unused = "---\n".join(map(dump_yaml, (spec, platform)))
    result = optimize(Text(unused), "prune,dedupe")
    assert labels(result) == dict.fromkeys(("comp-make-2", "comp-make-3"), "exec-make-1")
    assert result.documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].keys() == {"exec-make-1"}


@pytest.mark.parametrize("to", [None, MERGE])
@pytest.mark.parametrize(("subject", "path"), each_file([KFP]))
def test_what_was_deduplicated_is_left_alone(plugins: Plugins, subject: Subject, path: Path, to: str | None) -> None:
    first = optimize(str(path), "dedupe,prune", to=to, plugins=plugins)
    second = optimize(Text(first.text), "dedupe,prune", to=to, plugins=plugins)
    assert second.text == first.text
    assert second.decisions == ()


def test_what_is_changed_after_merging_is_changed_for_the_tasks_that_were_merged() -> None:
    """As an optimizer does that gives some tasks a copy of what they call."""
    plan = Dedupe().run(lift_source(KFP, read(pipeline(4), "")), CONTEXT)
    (workflow,) = plan.workflows
    (operation,) = workflow.operations
    container = replace(operation.containers[0], image=Literal(value="other"))
    copy = replace(operation, name="comp-copy", containers=(container,))

    def moved(step: Step) -> Step:
        return replace(step, call=Call(name="comp-copy")) if step.name in ("make-3", "make-4") else step

    new = map_steps(replace(workflow, operations=(operation, copy)), moved)
    lowered, written = lower_and_write(KFP, plan.with_workflow(workflow, new))
    assert not lowered.refused
    spec = read(written.texts[0], "").documents[0].data
    images = {
        name: spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]["image"]
        for name, component in spec["components"].items()
    }
    assert images == {f"comp-make-{number}": "python:3.11" if number < 3 else "other" for number in range(1, 5)}
    assert len(spec["deploymentSpec"]["executors"]) == 2


def test_200_calls_of_one_component_are_much_smaller() -> None:
    text = pipeline(200)
    executors, components = (len(optimize(Text(text), "dedupe", to=to).text) for to in (None, MERGE))
    assert components < executors < len(text) / 3
