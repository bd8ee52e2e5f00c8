"""What is wrong with a form, in a way that a person, a program and a model can act on."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Code", "Problem"]

Code = Literal[
    "bad-code",
    "bad-command",
    "bad-value",
    "cycle",
    "dangling-reference",
    "duplicate-name",
    "empty",
    "fan-out-read",
    "missing-input",
    "misplaced-field",
    "reserved-name",
    "unknown-input",
    "unknown-step",
    "unreachable-output",
    "unreachable-step",
    "unused-item",
    "wrong-type",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps a form from being a workflow.

    Attributes:
        code: what kind of thing it is.
        step: the step concerned; empty where it is the whole workflow.
        message: what is wrong.
        remedy: what to do.
    """

    code: Code
    message: str
    remedy: str
    step: str = ""

    def __str__(self) -> str:
        place = f"step {self.step!r}: " if self.step else ""
        return f"{place}{self.message} ({self.code}): {self.remedy}"
