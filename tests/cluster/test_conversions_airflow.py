"""DAGs that Airflow ships, run live as workflows of Argo: the same steps as by `dag.test()`, and the same values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_conversions import AIRFLOW, STATES, Ends, airflow_ends, converted, dags_of
from cluster.cluster import Cluster
from cluster.running import run_argo
from couler_plugins.engine_kit.legalize.python.runtime import typed_value
from support import CORPUS

pytestmark = pytest.mark.airflow
DAGS = {
    "example_branch_day_of_week_operator": "example_weekday_branch_operator",
    "example_display_name": "example_display_name",
    "example_dynamic_task_mapping": "example_dynamic_task_mapping",
    "example_measurement_correction_operator": "example_measurement_correction_operator",
    "example_nested_branch_dag": "example_nested_branch_dag",
    "example_setup_teardown": "example_setup_teardown",
    "example_short_circuit_operator": "example_short_circuit_operator",
    "example_xcom": "example_xcom",
    "tutorial_dag": "tutorial_dag",
    "tutorial_taskflow_api": "tutorial_taskflow_api",
}
"""DAGs by their files."""
SOME = ("example_dynamic_task_mapping", "example_setup_teardown")
each = [file if file in SOME else pytest.param(file, marks=pytest.mark.cluster_long) for file in DAGS]


@pytest.mark.parametrize("file", each)
def test_a_dag_runs_the_same(cluster: Cluster, namespace: str, file: str) -> None:
    (path,) = (path for path in AIRFLOW.files() if path.stem == file and not path.is_relative_to(CORPUS))
    ((dag, plan),) = ((dag, plan) for dag, plan in dags_of(path) if dag.dag_id == DAGS[file])
    image = cluster.image("debian")  # it has Python and Bash
    manifest = converted(plan, to=f"argo{{image={image}}}")
    if manifest["kind"] == "CronWorkflow":
        manifest = {**manifest, "kind": "Workflow", "spec": manifest["spec"]["workflowSpec"]}
    here = airflow_ends(dag)
    run_argo(cluster, namespace, manifest, 300)
    there = _ends(cluster, namespace)
    names = here.states.keys() & there.states.keys()
    assert there.states.keys() - names <= {"run-facts", "after-teardown"}
    assert there.of(names).states == here.of(names).states
    assert there.values == {name: here.values.get(name) for name in there.values}


def _ends(cluster: Cluster, namespace: str) -> Ends:
    """What came of the steps of the only workflow."""
    (workflow,) = cluster.api.list(namespace, "Workflow")
    states: dict[str, str] = {}
    values: dict[str, Any] = {}
    for node in workflow["status"]["nodes"].values():
        name, loop, _ = node["displayName"].partition("(")
        if node["type"] not in ("Pod", "Skipped", "Omitted", "TaskGroup"):
            continue
        if not loop:
            states[name] = STATES[node["phase"]]
        made = {item["name"]: item.get("value") for item in node.get("outputs", {}).get("parameters", ())}
        if made.get("skipped") == "true":
            states[name] = "idle"
        elif node["type"] == "Pod" and not loop and "return_value" in made:
            value = json.loads(typed_value("text", made["return_value"], "a value"))
            values.update({name: value} if value is not None else {})
    return Ends(states, values)
