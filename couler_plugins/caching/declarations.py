"""What owners say of caching: `pure`, `ttl=24h`, `always` or `never`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from couler_plugins.hookspecs.caching import Objection

__all__ = ["ASSUMED", "Declaration", "resolve"]

ASSUMED = "--assume-pure"
"""Where a step is declared pure of which its owner says nothing."""

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 100 * 365 * SECONDS["d"]
"""Engines count durations in nanoseconds, which overflow after 292 years."""

TTL = re.compile(r"ttl=((?:\d+[smhd])+)\Z")


class Declaration(msgspec.Struct, frozen=True):
    """A step that its owner declared pure.

    Attributes:
        where: where that is said.
        max_age: how many seconds a result may be reused for; None for ever.
    """

    where: str
    max_age: int | None = None


def resolve(said: Sequence[tuple[str, str]], *, assume_pure: bool) -> Declaration | Objection:
    """What holds for a step: `never` anywhere, else what the nearest place says.

    `always` declares a step that is to run every time: what it makes starts a new generation, which has no key.

    Args:
        said: (where, text), nearest first.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    for where, text in said:
        if text == "never":
            return Objection("never", f"{where} says never")
    if not said:
        if assume_pure:
            return Declaration(ASSUMED)
        return Objection("not-declared", "its owner has not declared it pure")
    where, text = said[0]
    if text == "pure":
        return Declaration(where)
    if text == "always":
        return Objection("always", f"{where} says that it runs always")
    if found := TTL.match(text):
        seconds = sum(int(part[:-1]) * SECONDS[part[-1]] for part in re.findall(r"\d+[smhd]", found[1]))
        if seconds <= LONGEST:
            return Declaration(where, seconds)
    return Objection("unknown-declaration", f"{where} says {text!r}, which is none of pure, ttl=24h, always, never")
