"""The examples that Airflow and its standard provider come with: loaded by Airflow.

They are looked up without importing Airflow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from airflow_minors import forget_plugins
from couler_airflow.bundle import DagBundle
from couler_airflow.documents import load_dags
from couler_airflow.lift import lift
from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import CoulerError
from couler_plugins.plan import Plan

__all__ = ["FOLDERS", "airflow_root", "dag_files", "each_dag", "fewest", "lifted", "load", "loaded", "read_dag_file"]

FOLDERS = ("example_dags", "providers/standard/example_dags", "providers/common/sql/example_dags")


def airflow_root() -> Path:
    """Where Airflow is installed; a folder that is not there where it is not."""
    spec = find_spec("airflow")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path("airflow")


def dag_files() -> list[Path]:
    """Every file of the examples that defines a DAG.

    Some moved from Airflow to a provider, and are in both where the provider is newer.
    """
    found = (path for folder in FOLDERS for path in sorted((airflow_root() / folder).rglob("*.py")))
    examples = [path for path in found if "plugins" not in path.parts and _defines_dag(path)]
    return sorted({path.name: path for path in reversed(examples)}.values())


def _defines_dag(path: Path) -> bool:
    text = path.read_text()
    return "airflow" in text and ("DAG(" in text or "@dag" in text or "@asset" in text)


@cache
def fewest() -> tuple[int, int]:
    """How many DAGs, and tasks in all of them, there are at the least: what Airflow ships grows from minor to minor."""
    return (114, 420) if version("apache-airflow-core") >= "3.3" else (80, 300)


@cache
def register_example_plugins() -> None:
    """Two of the examples have a timetable and a weight of their own, which only come as plugins of examples."""
    from airflow import plugins_manager

    wanted = pytest.MonkeyPatch()
    with wanted.context() as patch:
        patch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
        forget_plugins()
        plugins_manager.ensure_plugins_loaded()
    assert os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def read_dag_file(path: Path) -> SourceFile:
    """The file, with all that is needed to load it."""
    register_example_plugins()
    return read(path.read_bytes(), str(path))


def load(path: Path, *, snapshots: bool = True) -> DagBundle:
    """The DAGs of a file as a bundle of fresh objects."""
    file = read_dag_file(path)
    return DagBundle.of_dags([(file, load_dags(file))], snapshots=snapshots)


def lifted(bundle: DagBundle) -> Plan:
    """The plan of a bundle of which nothing is refused."""
    errors: list[CoulerError] = []
    plan = lift(bundle, lambda number, error: errors.append(error))
    assert not errors
    return plan


@cache
def loaded() -> tuple[DagBundle, ...]:
    """All DAG files, loaded once: whoever changes a DAG puts it back.

    One that makes its DAG only where a provider is installed has none where it is not, and one that needs a newer
    Airflow says so.
    """
    bundles = (load(path) for path in dag_files())
    absent = ("finds no DAG", "AirflowOptionalProviderFeatureException")
    return tuple(bundle for bundle in bundles if not any(text in str(bundle.errors.get(0)) for text in absent))


def each_dag() -> Iterator[tuple[DagBundle, int, Any]]:
    """Every DAG: the bundle that it is in, the number of its document there, and the object."""
    for bundle in loaded():
        for number, live in enumerate(bundle.live):
            yield bundle, number, live.dag
