"""Reads the JSON object in what a model answers."""

from __future__ import annotations

from typing import TypeVar

import msgspec

__all__ = ["Malformed", "read_answer"]

LONGEST = 100_000
"""Characters of an answer that are looked at."""

T = TypeVar("T")


class Malformed(Exception):
    """An answer is not what was asked for; the text says why, and may be told to the model."""


def read_answer(text: str, wanted: type[T]) -> T:
    """The object in an answer. Text around it is passed over, as models like to explain themselves.

    Args:
        text: what the model said.
        wanted: what the object has to be.

    Raises:
        Malformed: there is none, or it is another one.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise Malformed("there is no JSON object in it")
    try:
        return msgspec.json.decode(text[start : end + 1][:LONGEST], type=wanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from None
