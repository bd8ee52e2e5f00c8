"""Runs as they are, in a document: what an engine writes that runs workflows in this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.runs.run import Run

SCHEMA = "couler.runs/v1"


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    runs: tuple[Run, ...]


def document_of(runs: Iterable[Run]) -> dict[str, Any]:
    """The data of a document of these runs."""
    document: dict[str, Any] = msgspec.to_builtins(_Document(SCHEMA, tuple(runs)))
    return document


def recorded_runs(data: Any) -> list[Run]:
    """The runs of a document; none where it is another's.

    Raises:
        InvalidInput: it claims to be one, and is not.
    """
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        return []
    hint = "take it from the folder of `couler run --local`"
    try:
        runs = msgspec.convert(data, _Document).runs
    except msgspec.ValidationError as error:
        raise InvalidInput(f"this is no history of runs: {error}", hint=hint) from None
    for run in runs:
        for number, ran in enumerate(run.steps):
            if any(not 0 <= parent < number for parent in ran.parents):
                raise InvalidInput(f"this is no history of runs: {ran.step!r:.80} comes after itself", hint=hint)
    return list(runs)
