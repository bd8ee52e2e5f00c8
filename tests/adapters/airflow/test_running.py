"""Example DAGs, run before and after they went through the IR and had every task edited: the same comes of both."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.examples import dag_files, each_dag, lifted, load
from adapters.airflow.running import Outcome, run
from couler_airflow import optimize
from couler_airflow.bundle import DagBundle
from couler_airflow.cache.rows import wrapped_tasks
from couler_airflow.lower import commit
from couler_airflow.runtime.upstream import XCOM
from couler_plugins.ir import Literal, Workflow, replace
from support import first_of

pytestmark = pytest.mark.airflow

FAST = (
    "example_dynamic_task_mapping",
    "example_nested_branch_dag",
    "example_setup_teardown_taskflow",
    "example_skip_dag",
    "example_task_group_mapping",
    "example_xcom",
)
"""Mapping, branches, setup and teardown, skipping, a mapped group, and results read by name."""

NETWORK = "it asks a server in the internet"
INSTALLS = "it installs packages from the internet into an environment of its own"
INACTIVE = "AirflowInactiveAssetInInletOrOutletException: only a scheduler activates assets"
LEFT_OUT = {
    "asset_with_extra_by_context": INACTIVE,
    "asset_with_extra_by_yield": INACTIVE,
    "asset_with_extra_from_classic_operator": INACTIVE,
    "example_analytics": "ModuleNotFoundError: No module named 'datafusion'",
    "example_branch_operator": INSTALLS,
    "example_branch_python_operator_decorator": INSTALLS,
    "example_dag_decorator": f"httpx.ConnectError: {NETWORK}",
    "example_external_task": "its sensors wait for runs of other DAGs, which only a scheduler starts",
    "example_external_task_marker_child": "its sensor waits for a run of another DAG, which only a scheduler starts",
    "example_external_task_marker_parent": "its link holds the id of its run, and that the time",
    "example_hitl_operator": "it waits for a person",
    "example_kubernetes_executor": "FileNotFoundError: '/foo/volume_mount_test.txt', a volume of its pod",
    "example_params_ui_tutorial": "ParamValidationError: Invalid input for param required_field: No value passed",
    "example_passing_params_via_test_command": "UndefinedError: 'dict object' has no attribute 'foo'",
    "example_python_decorator": INSTALLS,
    "example_python_operator": INSTALLS,
    "example_sensors": "its sensors wait for hours of the day",
    "example_retry_policy": "it waits for minutes between attempts",
    "example_task_state_store_mapped": "its results hold the time of the run",
    "example_trigger_controller_dag": "its result is the id of a run, which holds the time",
    "read_asset_event_from_classic": "UndefinedError: there are no events of the asset that it reads",
    "tutorial": "its results hold the time of the run",
    "tutorial_objectstorage": f"requests.ConnectionError: {NETWORK}",
    "tutorial_taskflow_api_virtualenv": INSTALLS,
}
"""The DAGs that cannot run here to their end, and why."""


def edited(workflow: Workflow) -> Workflow:
    """The workflow with every task touched, and the DAG, in a way that does not change what is computed."""
    graph = workflow.graphs[0]
    steps = tuple(replace(step, timeout=Literal(value=900)) for step in graph.steps)
    graph = replace(graph, steps=steps, timeout=Literal(value=3600), parallelism=Literal(value=50))
    return replace(workflow, graphs=(graph,))


def before_and_after(bundle: DagBundle, number: int) -> tuple[Outcome, Outcome]:
    """What comes of a DAG as it is, and as it is after lifting, an edit, and lowering."""
    plan = lifted(bundle)
    before = run(bundle.live[number].dag)
    workflow = plan.workflows[number]
    done = commit(plan.with_workflow(workflow, edited(workflow)))
    try:
        assert not done.lowered.refused
        assert done.lowered.edits or not workflow.graphs[0].steps
        return before, run(bundle.live[number].dag)
    finally:
        done.undo()


@pytest.mark.parametrize("dag_id", first_of(FAST))
def test_the_same_comes_of_it(dag_id: str) -> None:
    found = [item for item in each_dag() if item[2].dag_id == dag_id]
    if not found:
        pytest.skip("this Airflow does not ship it")
    ((bundle, number, _),) = found
    before, after = before_and_after(bundle, number)
    assert before == after
    assert before.state == "success"
    assert before.states


@pytest.mark.parametrize("dag_id", first_of(["example_xcom_args", "example_dynamic_task_mapping"]))
def test_the_same_comes_of_it_from_the_cache(dag_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path))
    path = next(path for path in dag_files() if any(live.dag.dag_id == dag_id for live in load(path).live))
    dag = next(live.dag for live in load(path).live if live.dag.dag_id == dag_id)
    before = run(dag)
    optimize(dag)
    assert wrapped_tasks(dag)
    computed, found = run(dag), run(dag)
    assert without_ours(computed) == without_ours(found) == before
    assert "'hit': True" not in told(computed)
    assert told(found).count("'hit': True") >= len(wrapped_tasks(dag)) - 1


def without_ours(outcome: Outcome) -> Outcome:
    return outcome._replace(xcoms={key: value for key, value in outcome.xcoms.items() if key[2] != XCOM})


def told(outcome: Outcome) -> str:
    """What the cache said of itself."""
    return " ".join(value for key, value in outcome.xcoms.items() if key[2] == XCOM)


SIMPLE = 3
"""DAGs of one task that are run of a file; the others are like these, and are run by hand."""


@pytest.mark.parametrize(
    "are_like_others", [pytest.param(False, marks=pytest.mark.slow), pytest.param(True, marks=pytest.mark.long)]
)
def test_the_same_comes_of_all_that_can_run_here(are_like_others: bool) -> None:
    names: dict[bool, list[str]] = {False: [], True: []}
    differing: dict[str, Any] = {}
    simple: Counter[str] = Counter()
    for bundle, number, dag in each_dag():
        if dag.dag_id in LEFT_OUT:
            continue
        simple[dag.fileloc] += len(dag.task_dict) == 1
        is_like_others = len(dag.task_dict) == 1 and simple[dag.fileloc] > SIMPLE
        names[is_like_others].append(dag.dag_id)
        if is_like_others == are_like_others:
            before, after = before_and_after(bundle, number)
            if before != after or not before.states:
                differing[dag.dag_id] = (before, after)
    assert not differing
    assert len(names[False]) >= 55
    assert {dag.dag_id for _, _, dag in each_dag()} == {*names[False], *names[True], *LEFT_OUT}
