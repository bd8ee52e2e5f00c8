"""How workflows were split, kept in a file, so that a later split can follow it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.plan import Part

SCHEMA = "couler.plan/v1"
HINT = "give a file that --save-plan wrote"


class PlanFile(msgspec.Struct, kw_only=True):
    """The file.

    Attributes:
        schema: which form it has.
        parts: of all workflows, those of one in an order in which they may start.
    """

    schema: str
    parts: list[Part]


def parts_text(parts: Iterable[Part]) -> str:
    """The text of a file with these parts."""
    data = msgspec.json.encode(PlanFile(schema=SCHEMA, parts=list(parts)))
    return msgspec.json.format(data, indent=1).decode() + "\n"


def read_parts(path: str, max_bytes: int) -> tuple[Part, ...]:
    """The parts that a file keeps.

    Raises:
        InvalidInput: it cannot be read, is too large, or is no such file.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise InvalidInput(f"it cannot be read: {error.strerror or error}", file=path, hint=HINT) from error
    if len(data) > max_bytes:
        raise InvalidInput(f"it is larger than {max_bytes:,} bytes", file=path, hint="raise --max-bytes")
    try:
        file = msgspec.json.decode(data, type=PlanFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"it keeps no plan: {error}", file=path, hint=HINT) from error
    if file.schema != SCHEMA:
        raise InvalidInput(f"it has the schema {file.schema!r:.60}, not {SCHEMA}", file=path, hint=HINT)
    steps = [(part.workflow, step) for part in file.parts for step in part.steps]
    if len(set(steps)) < len(steps):
        raise InvalidInput("it has a step in two parts", file=path, hint=HINT)
    return tuple(file.parts)
