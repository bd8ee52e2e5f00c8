"""Rows of a settings file that are about tasks: those of a call of couler, or of the file that Airflow's settings name.

Workers and the DAG processor read the settings of Airflow alone; they read the file once a process.

What the owner of a DAG says of its tasks, on the objects and in the settings, and what follows for each of them.

An operator carries the directive `cache` out by the wrapper around its `execute`, and is read back from that.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from couler_airflow.cache.eligible import is_keyed, structural, undeclared
from couler_airflow.containers import field_of
from couler_airflow.marks import ALLOWED, Declaration, declared
from couler_airflow.runtime.wrap import is_wrapped, wrap
from couler_airflow.settings import DECLARATIONS, SECTION, WHOLE, load_settings
from couler_airflow.split.roles import MODULE
from couler_plugins.caching.declarations import ASSUMED, resolve
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.caching.rows import image_names, said_of
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs.caching import Objection, Said
from couler_plugins.ir import Directive
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


def read_declarations(path: str) -> Mapping[str, tuple[Row, ...]]:
    """Return the rows of the file that the setting `declarations` names, by the optimizer that they are for.

    Raises:
        InvalidInput: the path is not absolute, or the file cannot be read; the message names the variable.
    """
    try:
        if not Path(path).is_absolute():
            raise InvalidInput(f"{path!r} is not an absolute path")
        return read_rows(Path(path))
    except InvalidInput as error:
        hint = "set it to the absolute path of a couler.toml that is there on workers and the DAG processor"
        raise InvalidInput(f"{DECLARATIONS}: {error.message}", engine="airflow", hint=hint) from None


def rows_of_settings() -> tuple[Row, ...]:
    """Return the rows of the file that the settings of Airflow name; none where they name no file."""
    path = load_settings("declarations").declarations
    return _rows_in(path) if path else ()


@functools.cache
def _rows_in(path: str) -> tuple[Row, ...]:
    """Return the rows of a file. One that is wrong may have said `never` of any task, so it says that of all."""
    try:
        rows = read_declarations(path).get("cache", ())
        check_rows(rows)
    except Exception as error:  # noqa: BLE001  # no DAG and no task may fail because of us
        reason = error.message if isinstance(error, CoulerError) else type(error).__name__
        log.warning("no task is cached, since [%s] declarations cannot be used: %s", SECTION, reason)
        return (Row(f"the file of [{SECTION}] declarations, which cannot be used", {}, {"never": True}),)
    return rows


CACHE = Directive(kind="cache")
"""The only directive that an operator can carry out; what its owner says of it stands on the operator, not in here."""


class Owner:
    """Reads marks, settings, and rows of settings.

    Args:
        dag: the DAG.
    """

    def __init__(self, dag: Any) -> None:
        self._dag = dag

    @cached_property
    def _whole(self) -> Declaration | None:
        if (own := declared(self._dag)) is not None:
            return own
        return Declaration() if load_settings("cache_tag", "cache_dags").covers(self._dag) else None

    @cached_property
    def _operators(self) -> tuple[str, ...]:
        return load_settings("cache_operators").cache_operators

    @cached_property
    def _rows(self) -> TaskRows:
        return TaskRows(self._dag, getattr(self._dag, ROWS, ()))

    def says(self, task: Any) -> tuple[str, Declaration] | None:
        """Return where a task is declared, the nearest place first, and all that is said of it; None where nothing is.

        A row that names the task is nearer than its DAG, and less near than its own mark. Waivers add up.
        """
        where, declaration = self.resolve(task)
        return (where, declaration) if where else None

    def resolve(self, task: Any, *, assume_pure: bool = False) -> tuple[str, Declaration]:
        """Return the same as `says`; an empty place, with what rows say beside purity, where nobody declares the task.

        Args:
            task: the operator, mapped or not.
            assume_pure: whether a task of which nothing is said counts as declared pure.
        """
        own, rows = declared(task), self._rows.about(task)
        if own is not None and self._whole is not None and self._whole.version:  # whoever raises either means it
            own = replace(own, version=str([self._whole.version, own.version]))
        whole = self._whole if own is None else None
        places = {f"the task {task.task_id!r}": own, f"the DAG {self._dag.dag_id!r}": whole}
        marks = {where: replace(mark, itself=mark is own) for where, mark in places.items() if mark is not None}
        if rows:
            return merge_rows(rows, marks, assume_pure=assume_pure)
        return next(iter(marks.items()), (ASSUMED if assume_pure else "", Declaration()))

    def objections(self, task: Any) -> tuple[Objection, ...]:
        """Return what is known against a task before anybody looks at its code."""
        _, declaration = self.resolve(task)
        objections = structural(task, declaration)
        missing = undeclared(task, declaration.itself, self._operators)
        return objections if objections or missing is None else (in_row(missing, declaration),)

    def wrap(self, task: Any) -> tuple[Objection, ...]:
        """Have a task look its result up, or tell its key to what runs after it; return why it was left alone."""
        objections = self.objections(task)
        keyed = is_keyed(task, objections)
        if objections and not keyed:
            return objections
        wrap(task, self.resolve(task)[1], stores=not keyed)
        return ()


def in_row(missing: Objection, declaration: Declaration) -> Objection:
    """Return the objection to a task that nobody declares; where a row names the task, the remedy is to say it there.

    Args:
        missing: the objection, with a mark as its remedy.
        declaration: what is said of the task beside purity.
    """
    return msgspec.structs.replace(missing, remedy=f"pure = true, in {declaration.row}") if declaration.row else missing


def directives_of(task: Any) -> tuple[Directive, ...]:
    """What was asked of a task before, by lowering or by the policy."""
    return (CACHE,) if is_wrapped(task) else ()


def wrapped_tasks(dag: Any) -> list[str]:
    """The tasks of a DAG that are wrapped, in order."""
    return [task_id for task_id, task in dag.task_dict.items() if directives_of(task)]
