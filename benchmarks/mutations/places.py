"""Places outside of workflows, by the URLs that inputs of steps name: what steps find there, and what they leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.argo.caching.values import digest

__all__ = ["TAMPERED", "At", "CannotRun", "There", "named_in", "places_in", "tampered"]

OPTION = "--place="
VALUE = re.compile(r"(?:\{\{inputs\.parameters|\$\(params)\.(.+?)(?:\}\}|\))")
TAMPERED = ("an object changed at a place", "an object removed at a place", "an object added at a place")
"""What somebody else does at every place, between two runs."""


class CannotRun(Exception):
    """A manifest that the judge does not understand, or that is too big for it."""


@dataclass(frozen=True)
class At:
    """What a step does at one place.

    Attributes:
        name: the input that names it.
        words: `in`, `out` or both.
        url: where it is.
    """

    name: str
    words: frozenset[str]
    url: str


class There:
    """What is at places while a run goes on.

    Args:
        left: what runs before have left there, by URL.
        outside: what tells the states of all other places apart.
    """

    def __init__(self, left: Mapping[str, str], outside: str) -> None:
        self.left, self._outside = dict(left), outside

    def content(self, url: str) -> str:
        """Return what is at a URL."""
        return self.left.get(url, f"{url} {self._outside}")

    def read(self, places: Iterable[At]) -> list[str]:
        """Return what a step reads."""
        return [f"{at.name}: {self.content(at.url)}" for at in places if "in" in at.words]

    def leave(self, places: Iterable[At], truth: str) -> dict[str, str]:
        """Return what a step leaves at the places that it writes, which is there from now on."""
        left = {at.url: digest([truth, at.name]) for at in places if "out" in at.words}
        self.left |= left
        return left


def named_in(documents: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether anybody declares a place."""
    return "couler.io/cache-place." in str(documents) or any("places" in row for row in rows)


def tampered(left: Mapping[str, str], how: str) -> dict[str, str]:
    """Return what is at places after somebody else was there; nothing of what was removed."""
    return {url: f"{how}: {content}" if how else content for url, content in left.items()}


def places_in(words: Sequence[str], values: Mapping[str, Any]) -> list[At]:
    """Return the places that the arguments of a wrapper name.

    Args:
        words: the arguments, whose URLs are the values of inputs: `{{inputs.parameters.NAME}}`, `$(params.NAME)`.
        values: the texts of the inputs by name.
    """
    said = [word.removeprefix(OPTION).split("=", 2) for word in words if word.startswith(OPTION)]
    tags = [(name, kinds, VALUE.fullmatch(url)) for name, kinds, url in said]
    if not all(tag for *_, tag in tags):
        raise CannotRun("a place is not the value of an input")
    return [At(name, frozenset(kinds.split(",")), str(values[tag[1]])) for name, kinds, tag in tags if tag]
