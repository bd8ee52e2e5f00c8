"""Functions of Python are tasks of Airflow's own, and compute there what they compute elsewhere."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from adapters.airflow.generated.corpus import loaded
from adapters.airflow.running import Outcome, run
from adapters.subjects import AIRFLOW
from portable.python_steps import plan_of
from portable.python_workflows import COMPUTED, LOOPS, Computed

pytestmark = pytest.mark.airflow
CASES = {**COMPUTED, **LOOPS}


def source_of(workflow: Any) -> str:
    options = AIRFLOW.adapter.options(on_unsupported="drop")
    written: str = AIRFLOW.adapter.dump(AIRFLOW.adapter.lower(plan_of(workflow, AIRFLOW.adapter), options)).added
    return written


def value_in(outcome: Outcome, computed: Computed, key: str) -> Any:
    """What a task returned; a list where it looped."""
    name, _, output = key.partition(".")
    states = {number: state for (task, number), state in outcome.states.items() if task == name}
    if set(states.values()) == {"skipped"}:
        return None
    found = [ast.literal_eval(outcome.xcoms[name, number, output or "return_value"]) for number in sorted(states)]
    (step,) = (item for item in computed.workflow.graphs[0].steps if item.name == name)
    return found if step.loop is not None else found[0]


@pytest.mark.parametrize("name", list(CASES))
def test_values(name: str) -> None:
    computed = CASES[name]
    outcome = run(loaded(source_of(computed.workflow)))
    assert outcome.state == "success", outcome.states
    assert {key: value_in(outcome, computed, key) for key in computed.given} == computed.given
