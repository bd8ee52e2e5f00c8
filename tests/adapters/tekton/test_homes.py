"""Settings of steps in Tekton's documents: where each goes, what is read back, and what has no place."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tekton.settings import (
    ACTION,
    FAR_RUN,
    PIPELINE,
    RUN,
    TASK,
    TASK_RUN,
    literals,
    plan_of,
    seen,
    set_at,
    written,
)
from couler_plugins.documents.mappings import part_at as at
from couler_plugins.ir import Literal, Retry
from couler_plugins.ir.settings import SETTINGS
from couler_tekton.homes import HOMES

pytestmark = pytest.mark.sampled

VALUES: dict[str, tuple[Any, Any]] = {
    "retry": (2, 2),
    "timeout": (90, "90s"),
    "requests": ({"cpu": "1"}, {"cpu": "1"}),
    "limits": ({"cpu": "2"}, {"cpu": "2"}),
    "env": ({"A": "1"}, [{"name": "A", "value": "1"}]),
    "labels": ({"team": "data"}, {"team": "data"}),
    "annotations": ({"why": "to see"}, {"why": "to see"}),
    "node_selector": ({"pool": "big"}, {"pool": "big"}),
    "priority": ("high", "high"),
    "scheduler": ("volcano", "volcano"),
}
"""What is set, and what Tekton's field then holds."""
IN_TASKS = "spec", "tasks"
SPECS = "spec", "taskRunSpecs", 0
PLACES: list[tuple[str, str, str, tuple[str | int, ...]]] = [
    ("retry", PIPELINE, "inline", (*IN_TASKS, 0, "retries")),
    ("retry", PIPELINE, "far", (*IN_TASKS, 1, "retries")),
    ("retry", PIPELINE, "chosen", (*IN_TASKS, 2, "retries")),
    ("retry", PIPELINE, "last", ("spec", "finally", 0, "retries")),
    ("retry", TASK_RUN, "run", ("spec", "retries")),
    ("timeout", RUN, "far", ("spec", "pipelineSpec", "tasks", 1, "timeout")),
    ("timeout", PIPELINE, "may-fail", (*IN_TASKS, 3, "timeout")),
    ("timeout", FAR_RUN, "run", ("spec", "timeout")),
    *(
        (name, PIPELINE, "inline", (*IN_TASKS, 0, "taskSpec", "steps", 0, "computeResources", name))
        for name in ("requests", "limits")
    ),
    *((name, TASK, "task", ("spec", "steps", 0, "computeResources", name)) for name in ("requests", "limits")),
    *(
        (name, TASK_RUN, "run", ("spec", "taskSpec", "steps", 0, "computeResources", name))
        for name in ("requests", "limits")
    ),
    *((name, RUN, "far", (*SPECS, "computeResources", name)) for name in ("requests", "limits")),
    *((name, FAR_RUN, "run", ("spec", "computeResources", name)) for name in ("requests", "limits")),
    ("env", RUN, "inline", ("spec", "pipelineSpec", "tasks", 0, "taskSpec", "steps", 0, "env")),
    ("env", ACTION, "step", ("spec", "env")),
    *((name, PIPELINE, "inline", (*IN_TASKS, 0, "taskSpec", "metadata", name)) for name in ("labels", "annotations")),
    *((name, TASK, "task", ("metadata", name)) for name in ("labels", "annotations")),
    *((name, TASK_RUN, "run", ("metadata", name)) for name in ("labels", "annotations")),
    *((name, RUN, "chosen", (*SPECS, "metadata", name)) for name in ("labels", "annotations")),
    ("node_selector", RUN, "inline", (*SPECS, "podTemplate", "nodeSelector")),
    ("node_selector", TASK_RUN, "run", ("spec", "podTemplate", "nodeSelector")),
    ("priority", RUN, "last", (*SPECS, "podTemplate", "priorityClassName")),
    ("priority", FAR_RUN, "run", ("spec", "podTemplate", "priorityClassName")),
    ("scheduler", RUN, "far", (*SPECS, "podTemplate", "schedulerName")),
    ("scheduler", TASK_RUN, "run", ("spec", "podTemplate", "schedulerName")),
]


PLACED = [setting for setting in SETTINGS if HOMES[setting].at != "none"]


def test_every_setting_has_a_home_and_all_but_one_a_place() -> None:
    assert list(HOMES) == list(SETTINGS)
    assert set(SETTINGS) - set(PLACED) == {"weight"}
    assert {setting for setting, *_ in PLACES} == set(PLACED)
    assert all(HOMES[setting].native for setting in PLACED)


@pytest.mark.parametrize(("setting", "text", "step", "path"), PLACES)
def test_a_setting_goes_to_its_home_and_is_read_back(setting: str, text: str, step: str, path: tuple[Any, ...]) -> None:
    value, expected = VALUES[setting]
    after = set_at(plan_of(text), step, **{setting: value})
    data, again = written(after)
    assert at(data, path) == expected
    held = getattr(seen(again)[step], setting)
    wanted = (
        Retry(limit=Literal(value=2))
        if setting == "retry"
        else literals(set=expected if setting == "timeout" else value)
    )
    assert held == wanted
    others = [getattr(item, setting) for name, item in seen(again).items() if name != step]
    assert others == [getattr(item, setting) for name, item in seen(plan_of(text)).items() if name != step]
    assert [decision.action for decision in after.decisions] == ["set"]
    assert (
        set_at(
            again,
            step,
            **{
                setting: getattr(seen(again)[step], setting)
                if setting == "retry"
                else value
                if setting != "timeout"
                else "90s"
            },
        ).decisions
        == ()
    )


@pytest.mark.parametrize(
    ("setting", "text", "step", "reason"),
    [
        ("retry", PIPELINE, "may-fail", "no retries beside onError: continue"),
        ("requests", PIPELINE, "far", "in another object"),
        ("limits", PIPELINE, "chosen", "in another object"),
        ("env", RUN, "far", "in another workflow"),
        ("labels", PIPELINE, "far", "in another object"),
        ("node_selector", PIPELINE, "inline", "set it in the run"),
        ("priority", TASK, "task", "set it in the run"),
        ("scheduler", PIPELINE, "far", "set it in the run"),
        ("requests", ACTION, "step", "a part of a Task"),
        ("labels", ACTION, "step", "a part of a Task"),
    ],
)
def test_what_has_no_place_is_left_alone_and_says_why(setting: str, text: str, step: str, reason: str) -> None:
    after = set_at(plan_of(text), step, **{setting: VALUES[setting][0]})
    assert after.workflows == plan_of(text).workflows
    assert [reason in decision.reason and not decision.action for decision in after.decisions] == [True]


@pytest.mark.parametrize("setting", PLACED)
def test_what_runs_a_pipeline_has_no_settings(setting: str) -> None:
    text = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r}\nspec: {pipelineRef: {name: p}}\n"
    for run in (text, text.replace("name: p}", "resolver: git}")):
        after = set_at(plan_of(run), **{setting: VALUES[setting][0]})
        assert after.workflows == plan_of(run).workflows
        assert ["it runs a pipeline" in decision.reason for decision in after.decisions] == [
            setting != "env"
        ] or setting == "env"
