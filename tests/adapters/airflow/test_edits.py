"""Edits of typed fields: the serialized DAG changes by just what is expected, and undoing leaves no trace."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapters.airflow.editing import carried_out, refused, task_in, with_step, workflows
from adapters.airflow.examples import fewest
from couler_airflow.cache.rows import CACHE, Owner
from couler_plugins.ir import (
    Literal,
    Retry,
    replace,
    with_directive,
)

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


def test_retries_and_timeouts() -> None:
    tried = mapped = 0
    for bundle, plan, workflow, number in workflows():
        new, expected = workflow, copy.deepcopy(bundle.documents[number].data)
        for step in workflow.graphs[0].steps:
            retry = replace(step.retry or Retry(), limit=Literal(value=7))
            new = with_step(new, replace(step, retry=retry, timeout=Literal(value=90)))
            timeout: Any = 90.0 if step.loop is None else {"__type": "timedelta", "__var": 90.0}
            task_in(expected, step.name).update(retries=7, execution_timeout=timeout)
            tried += 1
            mapped += step.loop is not None
        carried_out(bundle, plan, workflow, new, expected)
    assert tried >= fewest()[1]
    assert mapped >= 5


def test_a_retry_can_be_taken_away() -> None:
    tried = 0
    for bundle, plan, workflow, number in workflows():
        for step in workflow.graphs[0].steps:
            if step.retry is not None:
                expected = copy.deepcopy(bundle.documents[number].data)
                fields = task_in(expected, step.name)
                fields.pop("retries")
                fields |= {"has_retry_policy": False} if "has_retry_policy" in fields else {}
                if fields is not next(
                    i["__var"] for i in expected["dag"]["tasks"] if i["__var"]["task_id"] == step.name
                ):
                    fields["retries"] = 0
                carried_out(bundle, plan, workflow, with_step(workflow, replace(step, retry=None)), expected)
                tried += 1
    assert tried >= 3


def test_the_fields_of_the_dag() -> None:
    tried = 0
    for bundle, plan, workflow, number in workflows():
        graph = replace(workflow.graphs[0], parallelism=Literal(value=3), timeout=Literal(value=0.5))
        expected = copy.deepcopy(bundle.documents[number].data)
        expected["dag"].update(max_active_tasks=3, dagrun_timeout=0.5)
        carried_out(bundle, plan, workflow, replace(workflow, graphs=(graph,)), expected)
        tried += 1
    assert tried >= fewest()[0]


def test_failing_fast_goes_with_the_default_trigger_rule_only() -> None:
    counts = {True: 0, False: 0}
    for bundle, plan, workflow, number in workflows():
        new = replace(workflow, graphs=(replace(workflow.graphs[0], fail_fast=True),))
        rules = {str(task.trigger_rule.value) for task in bundle.live[number].dag.tasks}
        if rules <= {"all_success"}:
            expected = copy.deepcopy(bundle.documents[number].data)
            expected["dag"]["fail_fast"] = True
            carried_out(bundle, plan, workflow, new, expected)
        else:
            refused(bundle, plan, workflow, new, "fails fast")
        counts[rules <= {"all_success"}] += 1
    assert min(counts.values()) >= 5


def test_requests_to_cache() -> None:
    """Airflow serializes the same; what is wrapped, a mapped operator's class included, is unwrapped by undoing."""
    asked = mapped = 0
    for bundle, plan, workflow, number in workflows():
        dag, owner = bundle.live[number].dag, Owner(bundle.live[number].dag)
        names = [name for name, task in dag.task_dict.items() if not owner.objections(task)]
        new, expected = workflow, copy.deepcopy(bundle.documents[number].data)
        classes = {name: dag.task_dict[name].operator_class for name in names}
        for step in workflow.graphs[0].steps:
            if step.name in names:
                new = with_step(new, with_directive(step, CACHE))
                mapped += step.loop is not None
        if names:
            expected["couler"] = {"cache": names}
            carried_out(bundle, plan, workflow, new, expected)
            assert all(dag.task_dict[name].operator_class is cls for name, cls in classes.items())
            asked += len(names)
    assert asked >= 100
    assert mapped >= 3
