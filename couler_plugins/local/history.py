"""A local run as past runs are written down, for `--history`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from couler_plugins.caching.keys import digest
from couler_plugins.documents import Document
from couler_plugins.errors import InvalidInput
from couler_plugins.local.records import Record
from couler_plugins.runs import Ran, Run

__all__ = ["SCHEMA", "document_of", "runs_of"]

SCHEMA = "couler.runs/v1"


class _History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    runs: tuple[Run, ...]


def document_of(family: str, records: Iterable[Record], *, whole: bool) -> dict[str, Any]:
    """The document of one run: its steps, in the order of their ends."""
    order = sorted(records, key=lambda record: (record.ended, record.step))
    position: dict[str, int] = {}
    steps: list[Ran] = []
    for record in order:
        parents = sorted({number for name in record.parents for number in _within(name, position)})
        position[record.step] = len(steps)
        spec = digest([record.operation, record.identity])
        steps.append(
            Ran(
                step=record.step,
                site=record.site,
                type=record.operation,
                spec=spec,
                key=digest([spec, *(steps[number].key for number in parents)]),
                parents=tuple(parents),
                seconds=record.seconds if record.fate == "computed" else None,
                attempts=record.attempts,
                fate=record.fate,
            )
        )
    at = order[-1].ended if order else 0.0
    run = Run(family=family, steps=tuple(steps), whole=whole, at=at)
    found: dict[str, Any] = msgspec.to_builtins(_History(SCHEMA, (run,)))
    return found


def _within(name: str, position: Mapping[str, int]) -> Iterable[int]:
    """The steps that a path stands for: itself, its items, or what is in the graph that it calls."""
    return (number for step, number in position.items() if step == name or step.startswith((f"{name}/", f"{name}(")))


def runs_of(document: Document) -> list[Run]:
    """The runs of a document; none where it is another's.

    Raises:
        InvalidInput: it claims to be one, and is not.
    """
    data = document.data
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        return []
    try:
        return list(msgspec.convert(data, _History).runs)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"this is no history of runs: {error}", hint="take it from `couler run --local`") from None
