"""Generated workflows as files: what was asked for, what was said of it, and the form, for a further round."""

from __future__ import annotations

from pathlib import Path

import msgspec

from couler_plugins.errors import InvalidInput, restating
from couler_plugins.generation.form import Form

SCHEMA = "couler.flow/v0"
MOST_BYTES = 5_000_000


class Flow(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_name": "schema"}):
    """A workflow that was generated.

    Attributes:
        schema_name: of the file.
        description: what was asked for.
        feedback: what was said of it, the latest last.
        workflow: the form.
    """

    schema_name: str
    description: str
    feedback: tuple[str, ...] = ()
    workflow: Form


def written(description: str, feedback: tuple[str, ...], form: Form) -> str:
    """The text of such a file; the same for the same workflow."""
    flow = Flow(schema_name=SCHEMA, description=description, feedback=feedback, workflow=form)
    return msgspec.json.format(msgspec.json.encode(flow), indent=2).decode() + "\n"


def read_flow(path: Path) -> Flow:
    """What such a file holds. It is data: nothing that it names is read or run.

    Raises:
        InvalidInput: it cannot be read, or is no such file.
    """
    hint = "couler generate --keep writes such files"
    unreadable = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
    with (
        restating(unreadable, "this is no generated workflow", file=str(path), hint=hint),
        restating(OSError, "it cannot be read", file=str(path)),
    ):
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
        flow = msgspec.json.decode(content, type=Flow)
    if flow.schema_name != SCHEMA:
        raise InvalidInput(f"its schema is {flow.schema_name!r:.60}, not {SCHEMA}", file=str(path), hint=hint)
    return flow
