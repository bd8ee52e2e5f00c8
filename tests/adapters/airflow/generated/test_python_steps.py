"""Functions of Python are tasks of Airflow's own, and compute there what they compute elsewhere."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from adapters.airflow.generated.corpus import loaded
from adapters.airflow.running import Outcome, run
from adapters.subjects import AIRFLOW
from couler_airflow.legal import CONTEXT
from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.errors import Unsupported
from couler_plugins.ir import EnvVar, Literal, Operation, Template, replace
from engine_kit.legalize.python_steps import constant, gave, plan_of, step, workflow_of
from engine_kit.legalize.python_workflows import (
    COMPUTED,
    ENDING,
    ITEM,
    LITERAL_LOOPS,
    LOOPS,
    MIXED,
    NUMBERS,
    NUMERIC,
    SAY,
    SQUARE,
    TEXT,
    Computed,
    by_name,
)

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]
CASES = {**COMPUTED, **NUMERIC, **LITERAL_LOOPS, **LOOPS}
CHOSEN = CASES.pop("chosen loops")


def source_of(workflow: Any) -> str:
    options = AIRFLOW.adapter.options(store="artifacts")
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


@pytest.mark.parametrize("name", by_name(CASES, quick=("passed", "gathered")))
def test_values(name: str) -> None:
    computed = CASES[name]
    outcome = run(loaded(source_of(computed.workflow)))
    assert outcome.state == "success", outcome.states
    assert {key: value_in(outcome, computed, key) for key in computed.given} == computed.given


def test_conditions_of_loops_decide_for_each_item() -> None:
    outcome = run(loaded(source_of(CHOSEN.workflow)))
    states = {task: state for (task, _), state in outcome.states.items()}
    assert outcome.state == "success"
    assert (states["squares"], states["others-0"], states["none"]) == ("success", "success", "skipped")


def test_what_runs_at_the_end() -> None:
    outcome = run(loaded(source_of(ENDING)))
    states = {"fails": "failed", "after": "upstream_failed", "at-the-end": "success", "failed": "failed"}
    assert (outcome.state, {task: state for (task, _), state in outcome.states.items()}) == ("failed", states)
    assert outcome.xcoms["at-the-end", -1, "return_value"] == repr("it: over")


def test_what_airflow_passes_by_itself_is_known() -> None:
    from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

    assert KNOWN_CONTEXT_KEYS <= CONTEXT


SAYS = operation_of(function_from_text(SAY), "say")


def with_container(operation: Operation, **fields: Any) -> Operation:
    return replace(operation, containers=(replace(operation.containers[0], **fields),))


WITH_A_VARIABLE = with_container(SAYS, env=(EnvVar(name="A", value=Literal(value="b")),))


@pytest.mark.parametrize(
    ("sources", "steps", "others", "feature", "reason"),
    [
        (["def f(ti: int) -> int:\n    return ti\n"], [step("s", "f", ti=1)], [], "Port.name", "takes 'ti'"),
        (["def task() -> None: pass\n"], [step("s", "task")], [], "Operation.kind", "means something else"),
        (
            [],
            [step("s", "say", text="x")],
            [WITH_A_VARIABLE],
            "Container.env",
            "variables of its own",
        ),
        (["def f() -> None: pass\n"], [step("s", "f", each=constant([1, 2]))], [], "Step.loop", "takes nothing"),
        (
            [NUMBERS, TEXT],
            [step("n", "numbers", n=2), step("s", "text", each=gave("n"), text=Template(parts=("a ", ITEM)))],
            [],
            "Step.loop",
            "puts the item of its loop into a text",
        ),
    ],
)
def test_what_is_refused(sources: Any, steps: Any, others: Any, feature: str, reason: str) -> None:
    workflow = workflow_of(sources, *steps, others=others)
    with pytest.raises(Unsupported) as caught:
        source_of(workflow)
    assert (caught.value.feature, caught.value.step is not None, bool(caught.value.hint)) == (feature, True, True)
    assert reason in caught.value.message


def test_two_functions_of_one_name_are_refused() -> None:
    other = operation_of(function_from_text("def square() -> int:\n    return 1\n"), "other")
    with pytest.raises(Unsupported, match="means something else in the same file"):
        source_of(workflow_of([SQUARE], step("a", "square", x=1), step("b", "other"), others=[other]))


def test_packages_and_resources_are_told() -> None:
    function = operation_of(function_from_text("def f() -> None: pass\n", packages=["pandas==2"]), "f")
    limits = (("cpu", Literal(value="1")),)
    workflow = workflow_of([], step("s", "f"), others=[function])
    (made,) = AIRFLOW.adapter.lower(plan_of(workflow, AIRFLOW.adapter), AIRFLOW.adapter.options()).added
    assert "which needs pandas==2" in str(made.notes)
    limited = replace(function, containers=(replace(function.containers[0], limits=limits),))
    changed = plan_of(replace(workflow, operations=(limited,)), AIRFLOW.adapter)
    (made,) = AIRFLOW.adapter.lower(changed, AIRFLOW.adapter.options()).added
    assert "asks for resources" in str(made.notes)


def test_functions_between_containers() -> None:
    dag = loaded(source_of(MIXED))
    kinds = {name: task.operator_class.__name__ for name, task in dag.task_dict.items()}
    assert (kinds["count"], kinds["numbers"]) == ("KubernetesPodOperator", "_PythonDecoratedOperator")
    numbers, plain = dag.task_dict["numbers"], dag.task_dict["plain"]
    assert numbers.op_kwargs["n"] == "{{ ti.xcom_pull(task_ids='count')['parameters.count'] }}"
    assert "{{ ti.xcom_pull(task_ids='numbers')|tojson }}" in plain.arguments
