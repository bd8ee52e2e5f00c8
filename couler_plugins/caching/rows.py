"""What the settings say of caching: rows that name steps, tasks or images, `[[tool.couler.cache.declare]]`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from couler_plugins.caching.calls import Place, calls_of
from couler_plugins.caching.declarations import ALLOW, CACHE, Declaration, places_of, resolve
from couler_plugins.caching.row_keys import BEYOND, IN_KEYS, annotations_in, as_key, check_rows, declared_dataset
from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import UNDECLARED, Declared, Knowledge, Said
from couler_plugins.ir import Call, Graph, Literal, Operation, Step, Workflow
from couler_plugins.options.rows import URL, Row, matches, rows_in

DECLARED = "couler.io/declared"
"""The annotation of a document with the rows that its keys depend on: `couler lint` needs no settings."""


class DeclaredRows(Declared):
    """What rows say of one workflow.

    Args:
        rows: those that may be about it.
        workflow: the workflow.
        task_name: returns the name of an operation as its owner writes it.
    """

    def __init__(self, rows: Sequence[Row], workflow: Workflow, task_name: Callable[[Operation], str]) -> None:
        names = [workflow.name or workflow.prefix.rstrip("-"), workflow.label]
        self._rows = [row for row in rows if matches(row, "workflow", names)]
        self._task_name = task_name
        self._read: set[str] = set()
        calls = calls_of(workflow) if self._rows else {}
        self._callers = by_key((step.call.name, place) for place, step in calls.items() if isinstance(step.call, Call))

    def said(self, graph: Graph | None, step: Step, operation: Operation) -> list[Said]:
        """Return what is said of a call, the first row first."""
        rows = self._about(graph, step, operation)
        return [said for row in rows if (said := self._partial(row, operation) or said_of(row))]

    def of_call(self, graph: Graph | None, step: Step, operation: Operation) -> tuple[list[Said], dict[str, str]]:
        """Return what is said of a call as if nothing else called its operation, as `said` and `annotations` do."""
        texts: dict[str, str] = {}
        for row in (rows := self._about(graph, step, operation)):
            texts = {**annotations_in(row.content), **texts}
        return [said for row in rows if (said := said_of(row))], texts

    def _about(self, graph: Graph | None, step: Step, operation: Operation) -> list[Row]:
        place = ("" if graph is None else graph.name, step.name)
        return [row for row in self._rows if self._selects(row, operation, [place])]

    def _partial(self, row: Row, operation: Operation) -> Said | None:
        """Return what no key can tell: a version for some of the calls of an operation; None for all other rows."""
        if "version" not in row.content or self._fits(row, operation):
            return None
        where = f"{row.place}, whose version is for some of the steps that call {self._task_name(operation)!r},"
        return Said(where, "never", itself=True)

    def own(self, operation: Operation) -> str | None:
        """Return what is said of the operation whoever calls it."""
        rows = [row for row in self._rows if "step" not in row.patterns and self._selects(row, operation, [])]
        return next((said.cache for row in rows if (said := said_of(row)) and said.cache), None)

    def annotations(self, operation: Operation) -> dict[str, str]:
        """Return the annotations that mean the same as what is said of an operation; the first row counts.

        A row that names only some of the steps that call it says nothing of the others, which have the same material.
        """
        texts: dict[str, str] = {}
        for row in self._rows:
            if self._fits(row, operation):
                texts = {**annotations_in(row.content), **texts}
        return texts

    def beyond_annotations(self) -> Iterator[str]:
        """Yield, of each row that says what no annotation does, why it stays."""
        for row in self._rows:
            if keys := sorted(BEYOND & row.content.keys()):
                yield f"{row.place} stays: no annotation says {keys[0]!r}"

    def record(self, operations: Iterable[Operation]) -> str | None:
        """Return the rows that keys of these operations depend on, as JSON for `recorded_rows`; None without any."""
        chosen = list(operations)
        rows = [
            {**row.patterns, **content}
            for row in self._rows
            if (content := {key: value for key, value in row.content.items() if key in IN_KEYS})
            and (not row.names_steps or any(self._names(row, item) for item in chosen))
            and (URL not in row.content or any(declared_dataset([row], url) for url in self._read))
        ]
        return json.dumps(rows, separators=(",", ":"), sort_keys=True) if rows and chosen else None

    def is_immutable(self, url: str) -> bool:
        """Return whether a row says that what is at a URL never changes; `..` in it may lead elsewhere."""
        if ".." in unquote(url).split("/"):
            return False
        prefixes = (prefix.rstrip("/") for row in self._rows for prefix in row.content.get("immutable", ()))
        return any(url == prefix or url.startswith(f"{prefix}/") for prefix in prefixes)

    def version_at(self, url: str) -> str:
        """Return which version a row says is at a URL; empty where none does."""
        if dataset := declared_dataset(self._rows, url):
            self._read.add(url)
        return dataset.label if dataset else ""

    def remedy(self, operation: Operation, annotation: str, text: str) -> str | None:
        """Return what to add to the row that names an operation; None where no row does."""
        for row in self._rows:
            fits = self._fits if annotation not in (CACHE, ALLOW) else self._names
            if row.names_steps and fits(row, operation):
                key, value = as_key(annotation, text)
                return f"{key} = {value}, in {row.place}"
        return None

    def _names(self, row: Row, operation: Operation) -> bool:
        """Whether a row is about an operation, or a call of it."""
        return self._selects(row, operation, self._callers.get(operation.name, ()))

    def _fits(self, row: Row, operation: Operation) -> bool:
        """Whether a row is about an operation, and about all calls of it."""
        calls = self._callers.get(operation.name, ()) if "step" in row.patterns else ()
        return all(self._selects(row, operation, [call]) for call in calls) and self._selects(row, operation, calls)

    def _selects(self, row: Row, operation: Operation, places: Sequence[Place]) -> bool:
        """Whether a row is about an operation, called by one of these steps where it names steps."""
        steps = [name for graph, step in places for name in (step, f"{graph}/{step}")]
        images = [item.image for item in operation.containers if item.role == "main"]
        texts = [image.value if isinstance(image, Literal) else None for image in images]
        if "image" in row.patterns and not texts:
            return False
        return (
            matches(row, "task", [self._task_name(operation)])
            and matches(row, "step", steps)
            and all(matches(row, "image", image_names(text)) for text in texts)
        )


class RowsFromSettings:
    """The part of an engine's cache that takes rows of the settings.

    Attributes:
        rows: the rows; set before anything is asked.
    """

    rows: Sequence[Row] = ()

    @property
    def bare(self) -> Workflow:
        """The workflow without what caching added to it."""
        raise NotImplementedError

    def task_name(self, operation: Operation) -> str:
        """Return what the owner calls an operation; rows name it so."""
        return operation.name

    def declared_pure(self, graph: Graph | None, step: Step, operation: Operation) -> str:
        """Return where its owner declares a call pure, and not only what is around it; empty where nobody does."""
        said = resolve(places_of(cast("Knowledge", self), graph, step, operation), assume_pure=False)
        return said.where if isinstance(said, Declaration) and said.itself else ""

    @cached_property
    def declared(self) -> Declared:
        """What the settings say of the steps of the workflow."""
        return self.declared_in(self.bare)

    def recorded(self, operations: Iterable[Operation]) -> str | None:
        """Return the rows that keys of these operations depend on; see `DeclaredRows.record`."""
        return self.declared.record(operations) if isinstance(self.declared, DeclaredRows) else None

    def declared_in(self, workflow: Workflow) -> Declared:
        """Return what the settings say of the steps of a workflow."""
        return DeclaredRows(self.rows, workflow, self.task_name) if self.rows else UNDECLARED


def recorded_rows(text: str) -> tuple[Row, ...]:
    """Return the rows in an annotation that couler wrote; none where it cannot be read."""
    try:
        tables = msgspec.json.decode(text, type=list[dict[str, Any]])
        rows = rows_in({"cache": {"declare": tables}}, Path(DECLARED), "", "").get("cache", ())
        check_rows(rows)
    except (msgspec.DecodeError, InvalidInput, RecursionError):
        return ()
    return rows


def said_of(row: Row) -> Said | None:
    """Return what a row says of purity and of waivers; None where it says nothing of either."""
    content = row.content
    cache = "never" if content.get("never") else "pure" if content.get("pure") else None
    if "ttl" in content:
        cache = f"ttl={content['ttl']}"
    allow = ",".join(content.get("allow", ()))
    return Said(row.place, cache, allow, itself=row.names_steps) if cache or allow else None


def image_names(text: object) -> list[str]:
    """Return what a pattern may call an image: with its digest and without, which `pin` adds; nothing of no text."""
    return list(dict.fromkeys((text, text.partition("@")[0]))) if isinstance(text, str) else []
