"""Declarations of owners about caching, as an adapter reads them."""

from __future__ import annotations

from typing import NamedTuple

from couler_plugins.ir import Source

__all__ = ["Said"]


class Said(NamedTuple):
    """What an owner says of caching at one place.

    Attributes:
        where: the place, to begin a sentence with.
        cache: `pure`, `ttl=24h`, `always` or `never`; None where that is not said.
        allow: what does not change the result although no key covers it: words with commas.
        itself: whether it is said of the step or of what it calls, and not of all that is around it.
        source: what it is written on; None where that is not known.
        seen: a text that is in the line with the words.
    """

    where: str
    cache: str | None = None
    allow: str = ""
    itself: bool = False
    source: Source | None = None
    seen: str = ""
