"""What the artifact cache answers with; a result that was found is not evicted while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Self, TypeAlias, TypeVar

import msgspec

from couler_plugins.caching.artifacts.blobs import Blobs
from couler_plugins.caching.artifacts.entry import Damaged, Entry, Output


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The result is in the cache now.

    Attributes:
        entry: what was stored.
        evicted: the entries that made room for it.
    """

    entry: Entry
    evicted: tuple[Entry, ...] = ()


class Existed(msgspec.Struct, frozen=True, kw_only=True):
    """The key had a result already, and keeps it."""

    entry: Entry


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The result is not in the cache, for this reason."""

    reason: str


PutResult: TypeAlias = Stored | Existed | Refused
"""What became of a result that was to be stored."""


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a result would be kept.

    Attributes:
        admitted: whether it would.
        evicted: the entries that would make room for it.
        reason: why not, where it would not.
    """

    admitted: bool
    evicted: tuple[Entry, ...] = ()
    reason: str = ""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one namespace takes.

    Attributes:
        entries: how many results it holds.
        bytes: the bytes of its blobs, with those that are about to be written or removed.
        quota: the most bytes that it may take; None where only the capacity limits it.
    """

    entries: int
    bytes: int
    quota: int | None = None


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a cache holds.

    Attributes:
        url: the store, without credentials.
        index: what kind of index it has: `sqlite`, `postgresql` or `none`.
        namespace: the namespace that was opened.
        capacity: the most bytes that all namespaces together may take; None where there is no limit.
        bytes: what they take.
        usage: what each namespace takes.
        leases: results that are being read or written.
        pins: results that are pinned.
        uses: how often the results in the opened namespace were made or asked for.
    """

    url: str
    index: str
    namespace: str
    capacity: int | None = None
    bytes: int = 0
    usage: Mapping[str, Usage] = {}
    leases: int = 0
    pins: int = 0
    uses: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found in one namespace.

    Attributes:
        entries: how many entries it looked at.
        blobs: how many blobs the store holds.
        bytes: their bytes.
        missing: keys of entries that lack a blob.
        corrupt: keys of entries with a blob whose bytes have another digest.
        orphans: objects in the store that nothing knows of.
        unknown: where index and store disagree (counts of bytes, manifests), and what cannot be read.
        later: manifests that a later version of the cache made; they and what they need are left alone.
        leases: leases and claims whose owner is gone.
        over: bytes above the capacity or the quota.
        repaired: whether what was found was mended.
    """

    entries: int = 0
    blobs: int = 0
    bytes: int = 0
    missing: tuple[str, ...] = ()
    corrupt: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    leases: int = 0
    over: int = 0
    repaired: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.corrupt or self.orphans or self.unknown or self.leases or self.over)


T = TypeVar("T")


class Closing:
    """Something that is closed at the end of a `with`."""

    def close(self) -> None:
        """Ends it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Hit(Closing):
    """An entry and the lease on it; close it, or use it in a `with`.

    Args:
        entry: the entry.
        blobs: where its bytes are.
        release: ends the lease.
        drop: takes out the entry, because a blob of it is damaged or missing.
    """

    def __init__(self, entry: Entry, blobs: Blobs, release: Callable[[], None], drop: Callable[[], None]) -> None:
        self.entry = entry
        self._blobs = blobs
        self._release: Callable[[], None] | None = release
        self._drop = drop

    @property
    def outputs(self) -> Mapping[str, Output]:
        """The outputs by name."""
        return {output.name: output for output in self.entry.outputs}

    @property
    def created(self) -> float:
        """When the result was stored, in seconds since 1970."""
        return self.entry.created

    def read(self, name: str) -> bytes:
        """The bytes of an output.

        Raises:
            Lost: there is no such output, or its blob is missing, damaged or cannot be read; go on as after a miss.
        """
        output = self.entry.output(name)
        return self._checked(lambda: self._blobs.read(output))

    def open(self, name: str) -> BinaryIO:
        """The bytes of an output as a file of the caller's own, verified already.

        Raises:
            Lost: as `read` does.
            OSError: there is no room for it.
        """
        output = self.entry.output(name)
        return self._checked(lambda: self._blobs.open(output))

    def save(self, name: str, path: Path) -> None:
        """Writes an output to a file, which is replaced at once when all is right.

        Raises:
            Lost: as `read` does.
            OSError: the file cannot be written.
        """
        output = self.entry.output(name)
        self._checked(lambda: self._blobs.save(output, path))

    def close(self) -> None:
        """Ends the lease. What was handed out stays readable."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def _checked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Damaged:
            self._drop()
            raise
