"""Stores one result: reserved, written aside, published and committed, in that order."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.caching.artifacts.admission import choose, held_and_limits, room_beside
from couler_plugins.caching.artifacts.blobs import Blobs, Staged
from couler_plugins.caching.artifacts.entry import Entry, Meta, Output, check_entry, encode_entry
from couler_plugins.caching.artifacts.index import Index, Kept
from couler_plugins.caching.artifacts.ledger import Full, Piece
from couler_plugins.caching.artifacts.results import Admission, Existed, PutResult, Refused, Stored
from couler_plugins.caching.artifacts.sources import Source, entry_name, sources
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History

TRIES = 20
"""How often room is made for one result while other writers take it."""

PATIENCE = 5.0
"""Seconds that a writer waits for the removal of an object that it is about to write again."""


class _Work(NamedTuple):
    """A result on its way into the cache.

    Attributes:
        hold: the name of this put in the index.
        key: the key.
        parts: the outputs as (name, codec, source).
        meta: where the result comes from.
        replacing: the entry whose place it takes.
        asides: where the outputs are written first, with their bytes; the manifest comes last, and has none.
    """

    hold: str
    key: str
    parts: Sequence[tuple[str, str, Source]]
    meta: Meta
    replacing: Entry | None
    asides: Sequence[tuple[str, int]]


class Writer:
    """Puts results into one namespace.

    Args:
        index: its index.
        blobs: its objects.
        policy: gives the policy that decides what makes room.
        history: the runs that the policy knows.
        sweep: removes condemned objects from the store.
    """

    def __init__(
        self, index: Index, blobs: Blobs, policy: Callable[[], CachePolicy], history: History, sweep: Callable[[], bool]
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._policy = policy
        self._history = history
        self._sweep = sweep

    def put(
        self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta, replacing: Entry | None = None
    ) -> PutResult:
        """Stores a result, in the place of one where that is given.

        Until the moment in which the new one takes its place, the old one is there and counts against the limits.

        Raises:
            OSError: the store, the index or a source failed; nothing of the result can be seen.
        """
        asides = [(self._blobs.name_aside(), size) for size in (*(source.bytes for _, _, source in parts), 0)]
        work = _Work(secrets.token_hex(12), key, parts, meta, replacing, asides)
        try:
            began, evicted = self._reserve(work)
            if not isinstance(began, float):
                return began
            result = self._write(work, began)
        except BaseException:
            self._abandon(work.hold)
            raise
        return msgspec.structs.replace(result, evicted=tuple(evicted)) if isinstance(result, Stored) else result

    def admit(self, new: Candidate) -> Admission:
        """Whether a result would be kept, and what would make room for it; nothing is changed.

        Raises:
            OSError: the index failed.
            ValueError: the policy failed.
        """
        room, kept, fits = self._room(new)
        return Admission(admitted=True) if fits else choose(self._policy(), self._history, kept, new, room)

    def _reserve(self, work: _Work) -> tuple[float | PutResult, list[Entry]]:
        """Reserves bytes and makes room for them; the time of the reservation, or why there is none."""
        evicted: list[Entry] = []
        for number in range(TRIES):
            answer = self._index.reserve(work.hold, work.key, work.asides, replacing=work.replacing)
            if isinstance(answer, float):
                return answer, evicted
            if isinstance(answer, Entry):
                return Existed(entry=answer), evicted
            if not self._sweep():
                return Refused(reason=f"{answer.limit} is reached, and the store removes nothing"), evicted
            refused = self._make_room(work, answer, evicted)
            if refused is not None:
                return refused, evicted
            time.sleep(0.002 * number)
        return Refused(reason="other writers take the room that is made"), evicted

    def _make_room(self, work: _Work, full: Full, evicted: list[Entry]) -> Refused | None:
        now = self._index.now()
        new = Entry(namespace=self._index.namespace, key=work.key, outputs=(), meta=work.meta, created=now).candidate()
        try:
            admission = self.admit(msgspec.structs.replace(new, bytes=sum(size for _, size in work.asides)))
        except ValueError as error:
            return Refused(reason=str(error))
        if not admission.admitted:
            return Refused(reason=f"{full.limit} is reached: {admission.reason}")
        if admission.evicted:
            evicted += self._index.evict(admission.evicted)
            self._sweep()
        return None

    def _room(self, new: Candidate) -> tuple[int, list[Kept], bool]:
        """The bytes that a new result can share with what may be evicted, all entries, and whether it fits as it is.

        What its key has stays until the new one is there, and so makes no room for it.
        """
        kept = [item._replace(free=False) if item.entry.key == new.key else item for item in self._index.kept()]
        room, fits = None, True
        for used, limit in held_and_limits(self._index):
            if limit is not None:
                fits = fits and used + new.bytes <= limit
                beside = room_beside(kept, used, limit)
                room = beside if room is None else min(room, beside)
        return room or 0, kept, fits

    def _write(self, work: _Work, began: float) -> PutResult:
        staged: list[Staged] = []
        try:
            *asides, manifest_aside = (name for name, _ in work.asides)
            outputs = []
            for (name, codec, source), aside in zip(work.parts, asides, strict=True):
                staged.append(self._blobs.stage(source, aside))
                outputs.append(Output(name=name, codec=codec, bytes=source.bytes, sha256=staged[-1].sha256))
            entry = Entry(
                namespace=self._index.namespace, key=work.key, outputs=tuple(outputs), meta=work.meta, created=began
            )
            check_entry(entry)
            ((_, _, manifest),) = sources({"manifest": encode_entry(entry)})
            staged.append(self._blobs.stage(manifest, manifest_aside))
            names = [output.blob for output in outputs] + [entry_name(work.key, staged[-1].sha256)]
            pieces = [Piece(aside=one.aside, name=name) for one, name in zip(staged, names, strict=True)]
            return self._publish(work, entry, pieces, {one.aside: one for one in staged})
        finally:
            self._blobs.discard(staged)

    def _publish(self, work: _Work, entry: Entry, pieces: list[Piece], staged: Mapping[str, Staged]) -> PutResult:
        deadline = time.monotonic() + PATIENCE
        while (pending := self._index.arrive(work.hold, pieces)) is None:
            if time.monotonic() > deadline:
                self._abandon(work.hold)
                return Refused(reason="an object of the same content is being removed")
            time.sleep(0.02)
        for piece in pending:
            self._blobs.publish(staged[piece.aside], piece.name)
        other = self._index.commit(work.hold, entry, pieces, pending, replacing=work.replacing)
        self._sweep()
        return Stored(entry=entry) if other is None else Existed(entry=other)

    def _abandon(self, hold: str) -> None:
        self._index.release(hold)
        self._sweep()
