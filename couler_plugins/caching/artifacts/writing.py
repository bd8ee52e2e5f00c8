"""Stores one result: reserved, written aside, published and committed, in that order."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from couler_plugins.caching.artifacts.admission import choose, room_beside
from couler_plugins.caching.artifacts.blobs import Blobs, Staged
from couler_plugins.caching.artifacts.entry import Entry, Meta, Output, check_entry, encode_entry
from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.ledger import Full, Piece
from couler_plugins.caching.artifacts.names import entry_name
from couler_plugins.caching.artifacts.results import Admission, Existed, PutResult, Refused, Stored
from couler_plugins.caching.artifacts.sources import Content, Source
from couler_plugins.caching.artifacts.usage import held_and_limits
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History

__all__ = ["Writer"]

TRIES = 20
"""How often room is made for one result while other writers take it."""

PATIENCE = 5.0
"""Seconds that a writer waits for the removal of an object that it is about to write again."""


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

    def put(self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta) -> PutResult:
        """Stores a result.

        Raises:
            OSError: the store, the index or a source failed; nothing of the result can be seen.
        """
        hold = secrets.token_hex(12)
        asides = [(self._blobs.name_aside(), source.bytes) for _, _, source in parts]
        manifest_aside = self._blobs.name_aside()
        try:
            began, evicted = self._reserve(hold, key, [*asides, (manifest_aside, 0)], meta)
            if not isinstance(began, float):
                return began
            result = self._write(hold, key, parts, meta, [name for name, _ in asides], manifest_aside, began)
        except BaseException:
            self._abandon(hold)
            raise
        return msgspec.structs.replace(result, evicted=tuple(evicted)) if isinstance(result, Stored) else result

    def admit(self, new: Candidate) -> Admission:
        """Whether a result would be kept, and what would make room for it; nothing is changed.

        Raises:
            OSError: the index failed.
            ValueError: the policy failed.
        """
        room, kept, fits = self._room(new.bytes)
        return Admission(admitted=True) if fits else choose(self._policy(), self._history, kept, new, room)

    def _reserve(
        self, hold: str, key: str, pieces: Sequence[tuple[str, int]], meta: Meta
    ) -> tuple[float | PutResult, list[Entry]]:
        """Reserves bytes and makes room for them; the time of the reservation, or why there is none."""
        need = sum(size for _, size in pieces)
        evicted: list[Entry] = []
        for number in range(TRIES):
            answer = self._index.reserve(hold, key, pieces)
            if isinstance(answer, float):
                return answer, evicted
            if isinstance(answer, Entry):
                return Existed(entry=answer), evicted
            if not self._sweep():
                return Refused(reason=f"{answer.limit} is reached, and the store removes nothing"), evicted
            refused = self._make_room(key, need, meta, answer, evicted)
            if refused is not None:
                return refused, evicted
            time.sleep(0.002 * number)
        return Refused(reason="other writers take the room that is made"), evicted

    def _make_room(self, key: str, need: int, meta: Meta, full: Full, evicted: list[Entry]) -> Refused | None:
        now = self._index.now()
        new = Entry(namespace=self._index.namespace, key=key, outputs=(), meta=meta, created=now).candidate()
        try:
            admission = self.admit(msgspec.structs.replace(new, bytes=need))
        except ValueError as error:
            return Refused(reason=str(error))
        if not admission.admitted:
            return Refused(reason=f"{full.limit} is reached: {admission.reason}")
        if admission.evicted:
            evicted += self._index.evict(admission.evicted)
            self._sweep()
        return None

    def _room(self, need: int) -> tuple[int, list, bool]:  # type: ignore[type-arg]
        kept = self._index.kept()
        room, fits = None, True
        for used, limit in held_and_limits(self._index):
            if limit is not None:
                fits = fits and used + need <= limit
                beside = room_beside(kept, used, limit)
                room = beside if room is None else min(room, beside)
        return room or 0, kept, fits

    def _write(
        self,
        hold: str,
        key: str,
        parts: Sequence[tuple[str, str, Source]],
        meta: Meta,
        asides: Sequence[str],
        manifest_aside: str,
        began: float,
    ) -> PutResult:
        staged: list[Staged] = []
        try:
            outputs = []
            for (name, codec, source), aside in zip(parts, asides, strict=True):
                staged.append(self._blobs.stage(source, aside))
                outputs.append(Output(name=name, codec=codec, bytes=source.bytes, sha256=staged[-1].sha256))
            entry = Entry(namespace=self._index.namespace, key=key, outputs=tuple(outputs), meta=meta, created=began)
            check_entry(entry)
            manifest = encode_entry(entry)
            staged.append(self._blobs.stage(_value(manifest), manifest_aside))
            names = [output.blob for output in outputs] + [entry_name(key, staged[-1].sha256)]
            pieces = [Piece(aside=one.aside, name=name) for one, name in zip(staged, names, strict=True)]
            return self._publish(hold, entry, pieces, {one.aside: one for one in staged})
        finally:
            self._blobs.discard(staged)

    def _publish(self, hold: str, entry: Entry, pieces: list[Piece], staged: dict[str, Staged]) -> PutResult:
        deadline = time.monotonic() + PATIENCE
        while (pending := self._index.arrive(hold, pieces)) is None:
            if time.monotonic() > deadline:
                self._abandon(hold)
                return Refused(reason="an object of the same content is being removed")
            time.sleep(0.02)
        for piece in pending:
            self._blobs.publish(staged[piece.aside], piece.name)
        other = self._index.commit(hold, entry, pieces, pending)
        self._sweep()
        return Stored(entry=entry) if other is None else Existed(entry=other)

    def _abandon(self, hold: str) -> None:
        self._index.release(hold)
        self._sweep()


def _value(data: bytes) -> Source:
    from couler_plugins.caching.artifacts.sources import sources

    return sources({"manifest": Content(data)})[0][2]
