"""Fixtures for tests of the runtime cache."""

from __future__ import annotations

from airflow_dags import dag_files
from airflow_runs import runs

__all__ = ["dag_files", "runs"]
