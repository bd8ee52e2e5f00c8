"""Pins and claims as small objects beside the entries, for pods that share nothing but a store."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from functools import partial

import msgspec

from couler_plugins.caching.artifacts.heartbeat import Heartbeat, Release, begins_anew
from couler_plugins.caching.artifacts.sources import namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore

log = logging.getLogger(__name__)

LONGEST = 4096
"""Bytes of a mark that are read."""


class Mark(msgspec.Struct, frozen=True):
    """A pin or a claim: which key, until when, in seconds since 1970, whose, and how long it lasts if not renewed."""

    key: str
    until: float
    id: str = ""
    lifetime: float = 60.0


class StoreMarks:
    """The pins and claims of one namespace.

    A claim is as exclusive as the store's conditional put; where the store has none, two may believe they lead.
    """

    def __init__(self, store: ArtifactStore, namespace: str, clock: Callable[[], float], lifetime: float) -> None:
        self._store = store
        self._folder = namespace_of(namespace)
        self._clock = clock
        self._lifetime = lifetime
        self._heartbeat = Heartbeat(self._renew, lifetime / 3)
        self.forked()
        begins_anew(self)

    def forked(self) -> None:
        """Has no claims."""
        self._claims: dict[str, Mark] = {}

    def pin(self, key: str, seconds: float) -> None:
        """Pins a key for that long, or for longer where it is pinned already."""
        until = self._clock() + seconds
        mark = self._read(self._pin(key))
        if mark is None or mark.until < until:
            self._store.put(self._pin(key), msgspec.json.encode(Mark(key, until)))

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""
        name = self._pin(key)
        mark = self._read(name)
        self._store.delete(name)
        return mark is not None

    def pinned(self) -> set[str]:
        """The keys that are pinned now."""
        now = self._clock()
        marks = (self._read(item.name) for item in self._store.list(f"{self._folder}pins/"))
        return {mark.key for mark in marks if mark is not None and mark.until > now}

    def claim(self, key: str) -> Release | None:
        """Claims a key and returns what gives it up; None where somebody who lives has.

        Claims are numbered: the next one is put under a condition, and what the dead left is never replaced. Whoever
        finds another's living claim beside their own gives way, so that no two lead.
        """
        marks = self._found(key)
        if any(self._lives(mark) for mark in marks.values()):
            return None
        name = f"{self._place(key)}{max(marks, default=0) + 1}.json"
        mark = Mark(key, self._clock() + self._lifetime, secrets.token_hex(12), self._lifetime)
        if not self._store.put(name, msgspec.json.encode(mark), replace=False):
            return None
        if any(self._lives(other) for other in self._found(key).values() if other.id != mark.id):
            self._store.delete(name)
            return None
        for number in marks:
            self._store.delete(f"{self._place(key)}{number}.json")
        self._claims[name] = mark
        return self._heartbeat.hold(partial(self._give_up, name, mark.id))

    def claimed(self, key: str) -> bool:
        """Whether somebody who lives has claimed a key."""
        return any(self._lives(mark) for mark in self._found(key).values())

    def close(self) -> None:
        """Gives all claims up."""
        self._heartbeat.close()
        for name, mark in list(self._claims.items()):
            self._give_up(name, mark.id)

    def _give_up(self, name: str, whose: str) -> None:
        self._claims.pop(name, None)
        mark = self._read(name)
        if mark is not None and mark.id == whose:
            self._store.delete(name)

    def _renew(self) -> None:
        for name, mark in list(self._claims.items()):
            result = self._read(name)
            if result is not None and result.id == mark.id:  # else it was over, and is somebody else's
                renewed = msgspec.structs.replace(mark, until=self._clock() + self._lifetime)
                self._store.put(name, msgspec.json.encode(renewed))
                if name not in self._claims:  # it was given up meanwhile
                    self._store.delete(name)

    def _lives(self, mark: Mark) -> bool:
        """Whether a claim's time is not over; one from too far ahead is a clock's mistake."""
        now = self._clock()
        return now < mark.until <= now + 2 * mark.lifetime

    def _found(self, key: str) -> dict[int, Mark]:
        """The claims of a key by number."""
        marks = {}
        for item in self._store.list(self._place(key)):
            number = item.name.rpartition("/")[2].removesuffix(".json")
            mark = self._read(item.name)
            if number.isdecimal() and mark is not None:
                marks[int(number)] = mark
        return marks

    def _place(self, key: str) -> str:
        return f"{self._folder}claims/{hashlib.sha256(key.encode()).hexdigest()}/"

    def _read(self, name: str) -> Mark | None:
        try:
            with self._store.read(name) as stream:
                return msgspec.json.decode(stream.read(LONGEST), type=Mark)
        except FileNotFoundError:
            return None
        except ValueError:
            log.warning("the mark %s cannot be read and is left out", name)
            return None

    def _pin(self, key: str) -> str:
        return f"{self._folder}pins/{hashlib.sha256(key.encode()).hexdigest()}.json"
