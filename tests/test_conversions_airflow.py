"""DAGs that Airflow ships, run by Airflow and as the workflows of Argo that they become: the same steps, and values."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from airflow_conversions import AIRFLOW, both_ends, dags_of
from support import CORPUS

pytestmark = pytest.mark.airflow
FEW = ("tutorial_taskflow_api",)
"""Files with functions that read one another."""
SOME = frozenset(
    {
        "example_branch_datetime_operator",
        "example_dynamic_task_mapping",
        "example_latest_only",
        "example_nested_branch_dag",
        "example_setup_teardown_taskflow",
        "example_short_circuit_decorator",
        "example_task_group_decorator",
        "tutorial_dag",
    }
)
"""Files with a DAG of each kind."""
FILES = {
    "example_xcom": ("example_xcom",),
    "tutorial_dag": ("tutorial_dag",),
    "example_asset_alias": ("asset_s3_bucket_consumer", "asset_s3_bucket_producer"),
    "example_asset_alias_with_no_taskflow": (
        "asset_s3_bucket_consumer_with_no_taskflow",
        "asset_s3_bucket_producer_with_no_taskflow",
    ),
    "example_asset_allow_teams": ("team_analytics_producer", "team_ml_consumer"),
    "example_asset_decorator": ("asset1_producer", "consumes_asset_decorator"),
    "example_asset_partition": (
        "aggregate_regional_sales",
        "compute_player_odds",
        "daily_inference",
        "ingest_region_stats",
        "ingest_team_a_player_stats",
        "regional_stats_breakdown",
        "team_b_player_stats",
        "train_weekly_model",
    ),
    "example_asset_with_watchers": ("example_asset_with_watchers",),
    "example_branch_datetime_operator": (
        "example_branch_datetime_operator",
        "example_branch_datetime_operator_2",
        "example_branch_datetime_operator_3",
    ),
    "example_branch_day_of_week_operator": ("example_weekday_branch_operator",),
    "example_branch_labels": ("example_branch_labels",),
    "example_branch_python_dop_operator_3": ("example_branch_dop_operator_v3",),
    "example_complex": ("example_complex",),
    "example_custom_weight": ("example_custom_weight",),
    "example_display_name": ("example_display_name",),
    "example_dynamic_task_mapping": ("example_dynamic_task_mapping", "example_task_mapping_second_order"),
    "example_failed_dag": ("example_failed_dag",),
    "example_external_task_marker_dag": ("example_external_task_marker_parent",),
    "example_latest_only": ("latest_only",),
    "example_latest_only_with_trigger": ("latest_only_with_trigger",),
    "example_measurement_correction_decorator": ("example_measurement_correction_decorator",),
    "example_measurement_correction_operator": ("example_measurement_correction_operator",),
    "example_nested_branch_dag": ("example_nested_branch_dag",),
    "example_sensor_decorator": ("example_sensor_decorator",),
    "example_setup_teardown": ("example_setup_teardown",),
    "example_setup_teardown_taskflow": ("example_setup_teardown_taskflow",),
    "example_short_circuit_decorator": ("example_short_circuit_decorator",),
    "example_short_circuit_operator": ("example_short_circuit_operator",),
    "example_simplest_dag": ("example_simplest_dag",),
    "example_task_group": ("example_task_group",),
    "example_task_group_decorator": ("example_task_group_decorator",),
    "example_trigger_target_dag": ("example_trigger_target_dag",),
    "example_workday_timetable": ("example_workday_timetable",),
    "example_xcomargs": ("example_xcom_args", "example_xcom_args_with_operators"),
}
"""DAGs by their files that need no network, choose nothing by chance, and wait for no more than a second."""


@cache
def paths() -> dict[str, Path]:
    return {path.stem: path for path in AIRFLOW.files() if not path.is_relative_to(CORPUS)}


def check(file: str, name: str, folder: Path) -> None:
    (found,) = ((dag, plan) for dag, plan in dags_of(paths()[file]) if dag.dag_id == name)
    here, there = both_ends(*found, folder)
    assert there == here


def examples(*, some: bool) -> list[tuple[str, str]]:
    """The first DAGs of some files, or all others."""
    pairs = [(file, name) for file, names in FILES.items() for name in names]
    return [(file, name) for file, name in pairs if (file in SOME and name == FILES[file][0]) is some]


@pytest.mark.parametrize("file", FEW)
def test_functions_and_what_they_hand_on(file: str, tmp_path: Path) -> None:
    check(file, file, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "name"), examples(some=True))
def test_an_example(file: str, name: str, tmp_path: Path) -> None:
    check(file, name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(("file", "name"), examples(some=False))
def test_every_other_example(file: str, name: str, tmp_path: Path) -> None:
    check(file, name, tmp_path)
