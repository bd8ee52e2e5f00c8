"""Past runs of DAGs for `couler history`: asked for over the API, or read in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from couler_airflow.history.api import Client, entries_of, fetch
from couler_airflow.history.database import fetch as read
from couler_airflow.history.logs import lines_in
from couler_airflow.history.records import Document, Instance
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted

DATABASE = "database"
"""What stands for Airflow's own database in the place of a URL."""


class AirflowArchive:
    """The facet of one Airflow.

    Args:
        source: the URL of its API, or `database`.
    """

    places = (DATABASE,)

    def __init__(self, source: ArchiveSource) -> None:
        self._source = source

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The newest runs of DAGs that have ended; see `couler_plugins.hookspecs.past_runs`."""
        is_here = self._source.place == DATABASE
        for document in read(wanted) if is_here else fetch(Client(self._source.place, self._source.max_bytes), wanted):
            if document.dag_runs:
                yield msgspec.to_builtins(_in_order(document))

    def log_tail(self, run: str, step: str, try_number: int, lines: int) -> tuple[str, ...]:
        """The last lines of the log of a try, with nothing secret in them; none of a database, which has no logs.

        Args:
            run: the `uid` of its run, `DAG/RUN`.
            step: its name in the run, `DAG/TASK` or `DAG/TASK(INDEX)`.
            try_number: which try of it.
            lines: how many lines.

        Raises:
            InvalidInput: nobody is let in, or there is no such log.
            EngineError: the server refuses, does not answer, or not in JSON.
        """
        if self._source.place == DATABASE:
            return ()
        dag, _, name = run.partition("/")
        task, _, index = step.removeprefix(f"{dag}/").removesuffix(")").partition("(")
        item = Instance(dag_id=dag, dag_run_id=name, task_id=task, map_index=int(index or -1), try_number=try_number)
        entries = entries_of(Client(self._source.place, self._source.max_bytes), item)
        return tuple(lines_in(entries))[-lines:]


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
