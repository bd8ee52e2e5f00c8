"""What the artifact cache needs of the place that keeps its entries: an index, or a store alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from couler_plugins.caching.artifacts.blobs import Blobs
from couler_plugins.caching.artifacts.entry import Entry, Meta
from couler_plugins.caching.artifacts.heartbeat import Release
from couler_plugins.caching.artifacts.index import Kept
from couler_plugins.caching.artifacts.results import Admission, PutResult, Report, Stats
from couler_plugins.caching.artifacts.sources import Source
from couler_plugins.runs import Candidate


class Backend(Protocol):
    """One namespace. Whatever fails in the store or the index raises OSError.

    Attributes:
        blobs: where its bytes are.
        counts_uses: whether it knows how often an entry was used; only an index does.
    """

    blobs: Blobs
    counts_uses: bool

    def find(self, key: str) -> Entry | None:
        """The entry of a key."""

    def lease(self, key: str) -> tuple[Entry, Release] | None:
        """The entry of a key, kept from being evicted until it is released, or its release is garbage."""

    def put(
        self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta, replacing: Entry | None = None
    ) -> PutResult:
        """Stores a result of (name, codec, source), whole, before it is seen.

        What the key has stays, unless it is `replacing`: then the new result takes its place at once, or it stays too.
        """

    def drop(self, entry: Entry) -> bool:
        """Takes out an entry, unless another has its key by now."""

    def claim(self, key: str) -> Release | None:
        """Claims the computing of a key until that is given up, or is garbage; None where somebody else has."""

    def claimed(self, key: str) -> bool:
        """Whether somebody who lives computes the key."""

    def pin(self, key: str, seconds: float) -> bool:
        """Keeps an entry from being evicted; False where there is none."""

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""

    def kept(self) -> list[Kept]:
        """All entries, by key."""

    def admit(self, new: Candidate) -> Admission:
        """Whether a result would be kept; ValueError where the policy failed."""

    def evict(self, entries: Iterable[Entry]) -> list[Entry]:
        """Takes out those that nobody reads and no pin holds; says which."""

    def stats(self) -> Stats:
        """What it holds."""

    def verify(self, *, repair: bool) -> Report:
        """Holds the entries to the store, and the store to the entries."""

    def rebuild(self) -> int:
        """Finds the entries again from their manifests in the store; how many were added."""

    def close(self) -> None:
        """Ends all leases and claims of this process."""
