"""Past runs of DAGs for `couler history`: asked for over the API, or read in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from couler_airflow.history.api import Client, fetch
from couler_airflow.history.database import fetch as read
from couler_airflow.history.records import Document
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted

DATABASE = "database"
"""What stands for Airflow's own database in the place of a URL."""


class AirflowArchive:
    """The facet of one Airflow.

    Args:
        source: the URL of its API, or `database`.
    """

    def __init__(self, source: ArchiveSource) -> None:
        self._source = source

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The newest runs of DAGs that have ended; see `couler_plugins.hookspecs.past_runs`."""
        is_here = self._source.place == DATABASE
        for document in read(wanted) if is_here else fetch(Client(self._source.place, self._source.max_bytes), wanted):
            if document.dag_runs:
                yield msgspec.to_builtins(_in_order(document))


def _in_order(document: Document) -> Document:
    """The same in an order that no server chooses, so that files can be compared."""
    tasks = [
        replace(task, downstream_task_ids=tuple(sorted(task.downstream_task_ids or ()))) for task in document.tasks
    ]
    return replace(
        document,
        dag_runs=tuple(sorted(document.dag_runs, key=lambda run: (run.dag_id, run.dag_run_id))),
        task_instances=tuple(sorted(document.task_instances, key=lambda item: item.place)),
        tries=tuple(sorted(document.tries, key=lambda item: (item.place, item.try_number))),
        cached=tuple(sorted(document.cached, key=lambda item: item.place)),
        pods=tuple(sorted(document.pods or (), key=lambda item: item.place)),
        tasks=tuple(sorted(tasks, key=lambda task: (task.dag_id, task.task_id))),
    )
