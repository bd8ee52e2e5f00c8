"""Facts: what code did beside reading, and where it did it first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from couler_plugins.caching.reads.callers import is_loading, outer_frame, place_of

FactKind: TypeAlias = Literal["connections", "programs", "native", "clocks", "chances"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the code did which no read set can tell.

    Attributes:
        name: what it did it to: `HOST:PORT` or a path of a socket, a program without its arguments, a file.
        place: where it did it first, as `FILE:LINE`, outside of libraries; empty where nobody knows.
    """

    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the code did beside reading.

    Attributes:
        connections: hosts and sockets that it connected to, looked up or listened on.
        programs: programs that it started, `fork` for a copy of itself: nothing that they do is seen.
        written: files and folders that it wrote or removed, outside of temporary folders and outputs.
        leftovers: what it wrote into temporary folders and left there.
        native: shared libraries that it loaded beside those of installed distributions.
        clocks: libraries in it that asked for the time, as far as that may reach a result.
        chances: what in it drew by chance: libraries, or generators that nobody has seeded.
    """

    connections: tuple[Fact, ...] = ()
    programs: tuple[Fact, ...] = ()
    written: tuple[Fact, ...] = ()
    leftovers: tuple[Fact, ...] = ()
    native: tuple[Fact, ...] = ()
    clocks: tuple[Fact, ...] = ()
    chances: tuple[Fact, ...] = ()


class FactNotes:
    """The facts so far."""

    def __init__(self) -> None:
        self._places: dict[FactKind, dict[str, str]] = {kind: {} for kind in get_args(FactKind)}
        self._left: dict[str, str] = {}
        self._effects: dict[str, tuple[bool, str]] = {}  # whether something was there before, and the place

    def tell(self, kind: FactKind, name: str) -> None:
        """Note a fact, with its place if it is the first time; what a library does when it is loaded is none."""
        if is_loading(outer_frame()):
            return
        if name not in self._places[kind]:
            self._places[kind][name] = place_of(outer_frame())

    def tell_without_place(self, kind: FactKind, name: str) -> None:
        """Note a fact that is known only now that all has ended."""
        self._places[kind].setdefault(name, "")

    def tell_effect(self, path: str, *, existed: bool) -> None:
        """Note that something is written or removed.

        Args:
            path: what.
            existed: whether it was there before: what is made and removed again is no effect.
        """
        if path not in self._effects:
            self._effects[path] = existed, place_of(outer_frame())

    def tell_left(self, path: str) -> None:
        """Note that something is written into a temporary folder."""
        if path not in self._left:
            self._left[path] = place_of(outer_frame())

    def facts(self) -> Facts:
        """Return them all, sorted."""
        leftover = tuple(Fact(path, place) for path, place in sorted(self._left.items()) if os.path.lexists(path))
        effects = sorted(self._effects.items())
        written = tuple(Fact(path, place) for path, (existed, place) in effects if existed or os.path.lexists(path))
        facts = {
            kind: tuple(Fact(name, place) for name, place in sorted(places.items()))
            for kind, places in self._places.items()
        }
        return Facts(**facts, written=written, leftovers=leftover)
