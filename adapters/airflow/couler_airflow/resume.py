"""Runs of Airflow are resumed by Airflow: a cleared task runs again in the same run, with all that others gave."""

from __future__ import annotations

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.resuming import PastRun, RunSource


def resume(source: RunSource) -> PastRun | None:
    """Say how Airflow does it.

    Raises:
        Unsupported: always.
    """
    hint = "airflow tasks clear DAG --only-failed --downstream -s DATE -e DATE; or clear the failed tasks in its UI"
    raise Unsupported("Airflow resumes runs by itself", engine="airflow", feature="resume", hint=hint)
