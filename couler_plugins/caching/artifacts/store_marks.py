"""Pins and claims as small objects beside the entries, for pods that share nothing but a store."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable

import msgspec

from couler_plugins.caching.artifacts.heartbeat import Heartbeat
from couler_plugins.caching.artifacts.names import namespace_of
from couler_plugins.hookspecs.stores import ArtifactStore

__all__ = ["StoreMarks"]

log = logging.getLogger(__name__)

LONGEST = 4096
"""Bytes of a mark that are read."""


class Mark(msgspec.Struct, frozen=True):
    """A pin or a claim: which key, until when, in seconds since 1970, and whose."""

    key: str
    until: float
    id: str = ""


class StoreMarks:
    """The pins and claims of one namespace.

    A claim is as exclusive as the store's conditional put; where the store has none, two may believe they lead.
    """

    def __init__(self, store: ArtifactStore, namespace: str, clock: Callable[[], float], lifetime: float) -> None:
        self._store = store
        self._folder = namespace_of(namespace)
        self._clock = clock
        self._lifetime = lifetime
        self._claims: dict[str, Mark] = {}
        self._heartbeat = Heartbeat(self._renew, lifetime / 3)

    def pin(self, key: str, seconds: float) -> None:
        """Pins a key for that long, or for longer where it is pinned already."""
        until = self._clock() + seconds
        found = self._read(self._name("pins", key))
        if found is None or found.until < until:
            self._store.put(self._name("pins", key), msgspec.json.encode(Mark(key, until)))

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""
        name = self._name("pins", key)
        found = self._read(name)
        self._store.delete(name)
        return found is not None

    def pinned(self) -> set[str]:
        """The keys that are pinned now."""
        now = self._clock()
        found = (self._read(item.name) for item in self._store.list(f"{self._folder}pins/"))
        return {mark.key for mark in found if mark is not None and mark.until > now}

    def claim(self, key: str) -> Callable[[], None] | None:
        """Claims a key and returns what gives it up; None where somebody who lives has."""
        name = self._name("claims", key)
        mark = Mark(key, self._clock() + self._lifetime, secrets.token_hex(12))
        if self.claimed(key):
            return None
        if not self._store.put(name, msgspec.json.encode(mark), replace=False):
            if self.claimed(key):
                return None
            self._store.delete(name)  # its owner is gone
            if not self._store.put(name, msgspec.json.encode(mark), replace=False):
                return None
        self._claims[mark.id] = mark
        self._heartbeat.begin()
        return lambda: self._give_up(mark)

    def claimed(self, key: str) -> bool:
        """Whether somebody who lives has claimed a key; a claim from the far future is a clock's mistake."""
        mark = self._read(self._name("claims", key))
        now = self._clock()
        return mark is not None and now < mark.until <= now + 2 * self._lifetime

    def close(self) -> None:
        """Gives all claims up."""
        for mark in list(self._claims.values()):
            self._give_up(mark)
        self._heartbeat.close()

    def _give_up(self, mark: Mark) -> None:
        if self._claims.pop(mark.id, None) is None:
            return
        self._heartbeat.end()
        name = self._name("claims", mark.key)
        found = self._read(name)
        if found is not None and found.id == mark.id:
            self._store.delete(name)

    def _renew(self) -> None:
        for mark in list(self._claims.values()):
            renewed = Mark(mark.key, self._clock() + self._lifetime, mark.id)
            self._store.put(self._name("claims", mark.key), msgspec.json.encode(renewed))

    def _read(self, name: str) -> Mark | None:
        try:
            with self._store.read(name) as stream:
                return msgspec.json.decode(stream.read(LONGEST), type=Mark)
        except FileNotFoundError:
            return None
        except ValueError:
            log.warning("the mark %s cannot be read and is left out", name)
            return None

    def _name(self, kind: str, key: str) -> str:
        return f"{self._folder}{kind}/{hashlib.sha256(key.encode()).hexdigest()}.json"
