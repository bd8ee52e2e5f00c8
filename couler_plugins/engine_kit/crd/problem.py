"""What is wrong at a place."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins.documents import Path

__all__ = ["Problem", "shown"]

_LONGEST = 60


class Problem(NamedTuple):
    """One thing that an API server would refuse, at a path from the object's own root.

    Attributes:
        path: the place.
        code: the kind of problem, in kebab-case.
        message: what is wrong, in one sentence.
        hint: what to do about it.
        severity: `note` for what could not be looked at.
    """

    path: Path
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "note"] = "error"


def shown(value: Any) -> str:
    """A value as it reads in a message."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
