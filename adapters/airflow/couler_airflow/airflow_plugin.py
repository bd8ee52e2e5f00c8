"""Airflow's plugin: a link at each task that leads to what the cache did for it, metrics of that, a timetable.

Only Airflow imports this module, by the entry point `airflow.plugins`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin  # noqa: TID253  # who imports this module has imported Airflow
from airflow.sdk import BaseOperatorLink  # noqa: TID253  # as above

from couler_airflow import listener
from couler_airflow.split.timetable import PartTimetable


class CacheLink(BaseOperatorLink):
    """A link to the XComs of a task, where `couler_cache` says what the cache did; none where it did nothing.

    It is one of the global links, which the API server asks: a link of an operator would be in the serialized DAG.
    """

    name = "Couler cache"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The path of the page; empty where there is nothing to see, or nobody can tell."""
        try:
            if not _has_said_something(ti_key):
                return ""
        except Exception:  # noqa: BLE001  # no page of Airflow may fail for a link
            return ""
        task = f"/dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id)}/tasks/{quote(ti_key.task_id)}"
        return f"{task}/mapped/{ti_key.map_index}/xcom" if ti_key.map_index >= 0 else f"{task}/xcom"


class CoulerPlugin(AirflowPlugin):
    """What Airflow shows of us."""

    name = "couler"
    global_operator_extra_links = [CacheLink()]  # noqa: RUF012  # Airflow's own way to say so
    timetables = [PartTimetable]  # noqa: RUF012  # as above
    listeners = [listener]  # noqa: RUF012  # as above


def _has_said_something(ti_key: Any) -> bool:
    from airflow.utils.session import create_session

    from couler_airflow.airflow_compat import xcoms
    from couler_airflow.runtime.upstream import XCOM

    with create_session() as session:
        rows = xcoms(
            session,
            key=XCOM,
            run_id=ti_key.run_id,
            dag_ids=ti_key.dag_id,
            task_ids=ti_key.task_id,
            map_indexes=ti_key.map_index,
            limit=1,
        )
        return bool(rows)
