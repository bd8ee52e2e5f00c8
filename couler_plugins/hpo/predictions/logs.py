"""Predicted training logs: what one is, and what is wrong with what a model said instead."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import msgspec

from couler_plugins.hookspecs.cards import DataCard
from couler_plugins.llm.answers import Malformed, read_answer

__all__ = ["SCHEMA", "Entry", "read_log"]

ENTRIES = 200
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "log": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {
                "type": "object",
                "properties": {
                    "epoch": {"type": "integer"},
                    "loss": {"type": "number"},
                    "metric": {"type": "number"},
                },
                "required": ["epoch", "loss", "metric"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["log"],
    "additionalProperties": False,
}
"""What a model's answer has to be; only what all servers know of JSON schemas. `read_log` is stricter."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known at the end of an epoch.

    Attributes:
        epoch: which one, from 0.
        loss: of the training.
        metric: the Data Card's.
    """

    epoch: int
    loss: float
    metric: float


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: list[Entry]


def read_log(text: str, data: DataCard) -> tuple[Entry, ...]:
    """The training log in an answer. Text around the object is passed over, as models like to explain themselves.

    Args:
        text: what the model said.
        data: the Data Card, which says what the metric can be.

    Raises:
        Malformed: it is empty, malformed, out of range, or contradicts itself.
    """
    log = read_answer(text, _Answer).log
    if not log:
        raise Malformed("the log is empty")
    if len(log) > ENTRIES:
        raise Malformed(f"the log has {len(log)} entries, more than {ENTRIES}")
    low, high = data.bounds
    for entry in log:
        if not (math.isfinite(entry.loss) and math.isfinite(entry.metric)) or entry.epoch < 0:
            raise Malformed(f"epoch {entry.epoch} has a number that cannot be")
        if not low <= entry.metric <= high:
            raise Malformed(f"{data.metric:.40} is {entry.metric:g}, and can be from {low:g} to {high:g} only")
    if any(later.epoch <= earlier.epoch for earlier, later in pairwise(log)):
        raise Malformed("its epochs do not rise")
    return tuple(log)
