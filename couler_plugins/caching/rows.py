"""What the settings say of caching: rows that name steps, tasks or images, `[[tool.couler.cache.declare]]`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.caching.calls import Place, calls_of
from couler_plugins.caching.declarations import ALLOW, CACHE, PLACE, VERSION, place_problems, resolve
from couler_plugins.caching.waivers import WAIVERS
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import UNDECLARED, Declared, Objection, Said
from couler_plugins.ir import Call, Graph, Literal, Operation, Step, Workflow
from couler_plugins.options.fields import closest
from couler_plugins.options.rows import Row, check_keys, rows_in

DECLARED = "couler.io/declared"
"""The annotation of a document with the rows that its keys depend on: `couler lint` needs no settings."""
IN_KEYS = frozenset(
    {"allow", "datasets", "immutable", "inputs", "outputs", "places", "pure", "ttl", "version", "workspaces"}
)
"""What is recorded there; `pure` and `ttl`, since a word in a program counts less than they do."""

BOUNDS = {"max-output-bytes": int, "max-items": int}
PLACES = {"immutable": list}
OF_STEPS: dict[str, type | tuple[type, ...]] = {
    "pure": bool,
    "never": bool,
    "ttl": str,
    "allow": list,
    "version": (str, int),
    "context": list,
    "datasets": dict,
    "inputs": list,
    "outputs": list,
    "places": dict,
    "workspaces": dict,
}
"""What may only be said of what a row names."""
KNOWN: dict[str, type | tuple[type, ...]] = {**OF_STEPS, **BOUNDS, **PLACES}
PREFIX = "couler.io/"
NAMES = {"version": VERSION, "inputs": f"{CACHE}-inputs", "outputs": f"{CACHE}-outputs"}
"""The annotations that mean the same as a key of a row, where they are not called like it."""
GROUPS = {"datasets": f"{PREFIX}dataset.", "places": PLACE, "workspaces": f"{CACHE}-workspace."}
"""How the annotations begin that mean the same as the items of a key."""


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
        self._callers: dict[str, list[Place]] = {}
        for (graph, name), step in calls_of(workflow).items() if self._rows else ():
            if isinstance(step.call, Call):
                self._callers.setdefault(step.call.name, []).append((graph, name))

    def said(self, graph: Graph | None, step: Step, operation: Operation) -> list[Said]:
        """Return what is said of a call, the first row first."""
        place = ("" if graph is None else graph.name, step.name)
        rows = [row for row in self._rows if self._selects(row, operation, [place])]
        return [said for row in rows if (said := self._partial(row, operation) or said_of(row))]

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
                texts = {**_annotations(row.content), **texts}
        return texts

    def record(self, operations: Iterable[Operation]) -> str | None:
        """Return the rows that keys of these operations depend on, as JSON for `recorded_rows`; None without any."""
        chosen = list(operations)
        rows = [
            {**row.patterns, **content}
            for row in self._rows
            if (content := {key: value for key, value in row.content.items() if key in IN_KEYS})
            and (not row.names_steps or any(self._names(row, item) for item in chosen))
        ]
        return json.dumps(rows, separators=(",", ":"), sort_keys=True) if rows and chosen else None

    def is_immutable(self, url: str) -> bool:
        """Return whether a row says that what is at a URL never changes; `..` in it may lead elsewhere."""
        if ".." in url.split("/"):
            return False
        prefixes = (prefix.rstrip("/") for row in self._rows for prefix in row.content.get("immutable", ()))
        return any(url == prefix or url.startswith(f"{prefix}/") for prefix in prefixes)

    def remedy(self, operation: Operation, annotation: str, text: str) -> str | None:
        """Return what to add to the row that names an operation; None where no row does."""
        for row in self._rows:
            fits = self._fits if annotation not in (CACHE, ALLOW) else self._names
            if row.names_steps and fits(row, operation):
                key, value = _as_key(annotation, text)
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


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that caching understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    problems = [problem for row in rows for problem in _problems(row)]
    if problems:
        raise InvalidInput("; ".join(problems), hint="see docs/declarations.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KNOWN)
    if not row.content:
        yield f"{row.place}: it says nothing: add pure = true"
    of_steps = sorted(OF_STEPS.keys() & row.content.keys() - {"never"})
    if of_steps and not row.names_steps:
        yield f"{row.place}: {of_steps[0]!r} needs a step, a task or an image, and not only wildcards"
    if len({"pure", "never", "ttl"} & row.content.keys()) > 1:
        yield f"{row.place}: only one of pure, ttl and never can hold"
    for key in ("pure", "never"):
        if row.content.get(key) is False:
            yield f"{row.place}: {key!r} cannot be false; write never = true, or leave it out"
    if "immutable" in row.content and row.patterns.keys() - {"workflow"}:
        yield f"{row.place}: 'immutable' is about places, whoever reads them: put it into a row that names no steps"
    ttl = row.content.get("ttl")
    if isinstance(ttl, str) and isinstance(resolve([Said(row.place, f"ttl={ttl}")], assume_pure=False), Objection):
        yield f"{row.place}: 'ttl' cannot be {ttl!r:.40}; write a time such as 24h"
    for key in ("allow", "context", "immutable", "inputs", "outputs"):
        items = row.content.get(key, [])
        if isinstance(items, list) and not all(isinstance(item, str) and item and "," not in item for item in items):
            yield f"{row.place}: {key!r} is not a list of texts without commas"
        elif key == "allow" and isinstance(items, list):
            for word in sorted({*items} - {*WAIVERS}):
                near = closest(word, WAIVERS) or f"the words are {', '.join(WAIVERS)}"
                yield f"{row.place}: {word!r} cannot be allowed; {near}"
        elif key == "immutable" and isinstance(items, list):
            wide = (item for item in items if item.rstrip("/")[-1:] in ("", ":"))
            yield from (f"{row.place}: {item!r} names no place: write a bucket, a host or a folder" for item in wide)
    for key in GROUPS:
        items = row.content.get(key, {})
        if isinstance(items, dict) and not all(type(item) in (str, int) for item in items.values()):
            yield f"{row.place}: {key!r} is not a table of texts"
        elif key == "places" and isinstance(items, dict):
            yield from (f"{row.place}: {problem}" for problem in place_problems(items))


def said_of(row: Row) -> Said | None:
    """Return what a row says of purity and of waivers; None where it says nothing of either."""
    content = row.content
    cache = "never" if content.get("never") else "pure" if content.get("pure") else None
    if "ttl" in content:
        cache = f"ttl={content['ttl']}"
    allow = ",".join(content.get("allow", ()))
    return Said(row.place, cache, allow, itself=row.names_steps) if cache or allow else None


def _annotations(content: Mapping[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in content.items():
        if key in GROUPS:
            texts |= {GROUPS[key] + name: str(text) for name, text in value.items()}
        elif key in ("inputs", "outputs"):
            texts[NAMES[key]] = ",".join(value)
        elif key in BOUNDS or key in NAMES:
            texts[NAMES.get(key, PREFIX + key)] = str(value)
    return texts


def _as_key(annotation: str, text: str) -> tuple[str, str]:
    """Return the key of a row, and its value in TOML, that mean the same as an annotation."""
    if annotation == CACHE:
        return text.partition("=")[0], "true" if "=" not in text else f'"{text.partition("=")[2]}"'
    if annotation == ALLOW:
        words = text.strip('"').split(",")
        return "allow", "[" + ", ".join(f'"{word}"' for word in words) + "]"
    for key, prefix in GROUPS.items():
        if annotation.startswith(prefix):
            return f"{key}.{annotation.removeprefix(prefix)}", f'"{text}"'
    key = next((key for key, name in NAMES.items() if name == annotation), annotation.removeprefix(PREFIX))
    if key in ("inputs", "outputs"):
        return key, f'["{text}"]'
    return key, text if key in BOUNDS else f'"{text}"'


def image_names(text: object) -> list[str]:
    """Return what a pattern may call an image: with its digest and without, which `pin` adds; nothing of no text."""
    return list(dict.fromkeys((text, text.partition("@")[0]))) if isinstance(text, str) else []


def matches(row: Row, key: str, names: Sequence[str]) -> bool:
    """Return whether a pattern of a row fits one of the names; a row without patterns under that key fits all.

    Of a step, `train-*` means no step of a graph that is called so: only a pattern with a `/` is for `GRAPH/STEP`.
    """
    patterns = row.patterns.get(key)
    if patterns is None:
        return True
    pairs = ((name, pattern) for pattern in patterns for name in names)
    return any(fnmatchcase(*pair) for pair in pairs if key != "step" or ("/" in pair[0]) == ("/" in pair[1]))
