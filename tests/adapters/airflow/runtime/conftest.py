"""Fixtures for tests of the runtime cache."""

from __future__ import annotations

import importlib

import pytest

from airflow_dags import dag_files
from airflow_runs import runs

__all__ = ["dag_files", "runs"]


@pytest.fixture(scope="session", autouse=True)
def airflow_first() -> None:
    """Import Airflow before the first test: it takes all handlers of logs away, that of `caplog` as well."""
    pytest.importorskip("airflow")
    importlib.import_module("airflow.settings").initialize()
