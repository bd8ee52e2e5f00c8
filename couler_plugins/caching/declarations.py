"""What owners say of caching: `pure`, `ttl=24h`, `always` or `never`, and where they say it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from couler_plugins.caching.waivers import WAIVERS
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.declarations import Said

if TYPE_CHECKING:
    from couler_plugins.ir import Source

__all__ = [
    "ALLOW",
    "ASSUMED",
    "CACHE",
    "Declaration",
    "allow_text",
    "annotation_texts",
    "check_words",
    "resolve",
    "said_in",
    "waivers_in",
]

CACHE, ALLOW = "couler.io/cache", "couler.io/cache-allow"
"""The annotations of a thing; those on what is around it have its name behind them."""

ASSUMED = "--assume-pure"
"""Where a step is declared pure of which its owner says nothing."""

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 100 * 365 * SECONDS["d"]
"""Engines count durations in nanoseconds, which overflow after 292 years."""

NO_TEXT = ("[", "{")
"""How what is no text begins as JSON; see `annotation_texts`."""

TTL = re.compile(r"ttl=((?:\d+[smhd])+)\Z")


class Declaration(msgspec.Struct, frozen=True):
    """A step that its owner declared pure.

    Attributes:
        where: where that is said.
        max_age: how many seconds a result may be reused for; None for ever.
        itself: whether that is said of the step or of what it calls: then words in its program are only guesses.
    """

    where: str
    max_age: int | None = None
    itself: bool = False


def annotation_texts(annotations: object) -> dict[str, str]:
    """Return the annotations that are texts, and as JSON those of caching that are not: they are not to be lost.

    Args:
        annotations: JSON-like data that should be a mapping of texts.
    """
    return {
        key: item if isinstance(item, str) else json.dumps(item, default=str)
        for key, item in (annotations.items() if isinstance(annotations, dict) else ())
        if isinstance(item, str) or (isinstance(key, str) and key.startswith(CACHE))
    }


def said_in(
    where: str,
    annotations: Mapping[str, str],
    suffix: str = "",
    *,
    itself: bool = False,
    source: Source | None = None,
) -> list[Said]:
    """Return what annotations say of caching: one item, or none.

    Args:
        where: whose they are, to begin a sentence with.
        annotations: all of them.
        suffix: what stands behind their names where they are about one step of many.
        itself, source: see `Said`.
    """
    cache, allow = annotations.get(CACHE + suffix), annotations.get(ALLOW + suffix, "")
    return [] if cache is None and not allow else [Said(where, cache, allow, itself, source, ALLOW + suffix)]


def allow_text(words: Sequence[str]) -> str:
    """Return the value of the annotation that waives these words, as it stands in a flow mapping."""
    text = ",".join(words)
    return f'"{text}"' if "," in text else text


def resolve(said: Sequence[Said], *, assume_pure: bool) -> Declaration | Objection:
    """What holds for a step: `never` anywhere, else what the nearest place says.

    `always` declares a step that is to run every time: what it makes starts a new generation, which has no key.

    Args:
        said: what is said, nearest first.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    said = [item for item in said if item.cache is not None]
    for item in said:
        if item.cache == "never":
            return Objection("never", f"{item.where} says never")
    if not said:
        if assume_pure:
            return Declaration(ASSUMED)
        return Objection("not-declared", "its owner has not declared it pure")
    where, text, itself = said[0].where, said[0].cache, said[0].itself
    assert text is not None
    if text == "pure":
        return Declaration(where, itself=itself)
    if text == "always":
        return Objection("always", f"{where} says that it runs always")
    if found := TTL.match(text):
        seconds = sum(int(part[:-1]) * SECONDS[part[-1]] for part in re.findall(r"\d+[smhd]", found[1]))
        if seconds <= LONGEST:
            return Declaration(where, seconds, itself)
    return Objection("unknown-declaration", f"{where} says {text!r}, which is none of pure, ttl=24h, always, never")


def waivers_in(said: Sequence[Said]) -> tuple[str, ...]:
    """Return what is waived at any place, sorted and without the words that there are not."""
    return tuple(sorted({word for item in said for word in _words(item)}.intersection(WAIVERS)))


def check_words(said: Sequence[Said]) -> Iterator[Objection]:
    """Return an objection to each word that waives nothing, and to words that are no text."""
    for item in said:
        words = _words(item)
        near = {word: [word] if word in WAIVERS else get_close_matches(word, WAIVERS, 1) for word in words}
        meant = allow_text([word for close in near.values() for word in close]) or "…"
        reasons = [
            f"{item.where} allows {word!r}, which is none of {', '.join(WAIVERS)}{_ask(near[word])}"
            for word in words
            if word not in WAIVERS
        ]
        if item.allow.startswith(NO_TEXT):
            reasons.append(f"{item.where} has a value of {ALLOW} that is not a text, and Kubernetes takes only texts")
        for reason in reasons:
            remedy = f"{ALLOW}: {meant}, there instead"
            yield Objection("unknown-waiver", reason, remedy=remedy, seen=item.seen).at(item.source)


def _ask(near: Sequence[str]) -> str:
    return f" (did you mean {near[0]!r}?)" if near else ""


def _words(said: Said) -> list[str]:
    return [word for text in said.allow.split(",") if (word := text.strip(' []{}"'))]
