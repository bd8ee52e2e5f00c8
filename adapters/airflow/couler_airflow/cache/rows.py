"""Rows of a settings file that are about tasks: those of a call of couler, or of the file that Airflow's settings name.

Workers and the DAG processor read the settings of Airflow alone; they read the file once a process.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from couler_airflow.containers import field_of
from couler_airflow.marks import ALLOWED, Declaration
from couler_airflow.settings import SECTION, WHOLE, load_settings
from couler_airflow.split.roles import MODULE
from couler_plugins.caching.declarations import resolve
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.caching.rows import image_names, said_of
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs.caching import Objection, Said
from couler_plugins.options.config import read_rows
from couler_plugins.options.rows import Row, matches

log = logging.getLogger(__name__)
ROWS = "couler_rows"
"""The attribute in which a DAG has the rows of the call that optimizes it."""


class TaskRows:
    """Tells which rows are about the tasks of a DAG.

    Args:
        dag: the DAG, or a part of one that was split.
        rows: the rows of a call; where it has none, those that the settings of Airflow name.
    """

    def __init__(self, dag: Any, rows: Sequence[Row] = ()) -> None:
        self._dag_id = str(getattr(dag, WHOLE, dag.dag_id))
        self._rows = [row for row in rows or rows_of_settings() if matches(row, "workflow", [self._dag_id])]

    def about(self, task: Any) -> list[Row]:
        """Return the rows that are about a task, in their order.

        Args:
            task: the operator, mapped or not.
        """
        if not self._rows or task.operator_class.__module__ == MODULE:  # that one stands for a task of another part
            return []
        ids = sorted({str(task.task_id), str(task.label)})
        image = field_of(task, "image")
        is_known = "{{" not in str(image) and "{%" not in str(image)
        names: Mapping[str, Sequence[str]] = {
            "task": ids,
            "step": [*ids, *(f"{self._dag_id}/{name}" for name in ids)],
            "image": image_names(image) if is_known else [],
        }
        return [row for row in self._rows if all(matches(row, key, texts) for key, texts in names.items())]


def contents(rows: Sequence[Row]) -> list[Any]:
    """Return what rows say, wherever they stand.

    Args:
        rows: the rows.
    """
    return [(row.patterns, row.content) for row in rows]


def merge_rows(rows: Sequence[Row], marks: Mapping[str, Declaration], *, assume_pure: bool) -> tuple[str, Declaration]:
    """Return where a task is declared, and all that is said of it; an empty place where nothing declares it pure.

    `never` counts wherever it stands, purity and its age from the nearest place, waivers from all
    places, and versions from the nearest mark and the first row.

    Args:
        rows: the rows about it, at least one.
        marks: the marks, by where they stand: of the task itself, or of its DAG.
        assume_pure: whether a task that nothing declares counts as declared pure.
    """
    named = [row for row in rows if _names_task(row)]
    words_of_marks = [
        (Said(where, "pure" if mark.cache else "never", itself=mark.itself), asdict(mark))
        for where, mark in marks.items()
    ]
    tables: list[tuple[Said | None, Mapping[str, Any]]] = [
        *(item for item in words_of_marks if item[0].itself),
        *((_said(row, itself=True), row.content) for row in named),
        *(item for item in words_of_marks if not item[0].itself),
        *((_said(row, itself=False), row.content) for row in rows if row not in named),
    ]
    tables = [(said._replace(cache="never") if said and "places" in table else said, table) for said, table in tables]
    places = [said for said, _ in tables if said is not None]
    resolved = resolve(places, assume_pure=assume_pure)
    if isinstance(resolved, Objection) and resolved.rule == "never":
        where = next(said.where for said in places if said.cache == "never")
        return where, Declaration(cache=False, row="" if where in marks else where)

    def nearest(name: str, default: Any) -> Any:
        said = (table.get(name) for _, table in tables)
        return next((value for value in said if value not in (None, "", ())), default)

    marked = next((mark.version for mark in marks.values() if mark.version), "")
    in_row = next((str(row.content["version"]) for row in rows if "version" in row.content), "")
    words = {word for _, table in tables for word in table.get("allow", ())}
    merged = Declaration(
        version=", ".join(dict.fromkeys(filter(None, (marked, in_row)))),  # whoever raises either means it
        context=nearest("context", ()),
        outputs=nearest("outputs", ()),
        allow=tuple(sorted(words.intersection(ALLOWED))),
        row=named[0].place if named and not any(mark.itself for mark in marks.values()) else "",
    )
    if isinstance(resolved, Objection):
        return "", merged
    mark = marks.get(resolved.where)
    return resolved.where, replace(merged, ttl=mark.ttl if mark else resolved.max_age, itself=resolved.itself)


def _said(row: Row, *, itself: bool) -> Said | None:
    said = said_of(row)
    return None if said is None else said._replace(itself=itself)


def _names_task(row: Row) -> bool:
    """Return whether a row names tasks by more than wildcards; `DAG/*` names a DAG."""
    ends = {key: tuple(text.rpartition("/")[2] for text in row.patterns.get(key, ())) for key in ("step", "task")}
    return row._replace(patterns={**row.patterns, **ends}).names_steps


def rows_of_settings() -> tuple[Row, ...]:
    """Return the rows of the file that the settings of Airflow name; none where they name no file."""
    path = load_settings("declarations").declarations
    return _rows_in(path) if path else ()


@functools.cache
def _rows_in(path: str) -> tuple[Row, ...]:
    """Return the rows of a file. One that is wrong may have said `never` of any task, so it says that of all."""
    try:
        if not Path(path).is_absolute():
            raise InvalidInput(f"{path!r} is not an absolute path")
        rows = read_rows(Path(path)).get("cache", ())
        check_rows(rows)
    except Exception as error:  # noqa: BLE001  # no DAG and no task may fail because of us
        reason = error.message if isinstance(error, CoulerError) else type(error).__name__
        log.warning("no task is cached, since [%s] declarations cannot be used: %s", SECTION, reason)
        return (Row(f"the file of [{SECTION}] declarations, which cannot be used", {}, {"never": True}),)
    return rows
