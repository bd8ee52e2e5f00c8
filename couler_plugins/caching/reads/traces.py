"""Verifying traces: a key that covers what is known beforehand leads to read sets, and each of these to a result.

After Mokhov et al., "Build Systems à la Carte", 2018.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from couler_plugins.caching.keys import digest
from couler_plugins.caching.reads.digests import LARGEST
from couler_plugins.caching.reads.read_sets import Memo, ReadSet, encode_reads, verify
from couler_plugins.errors import restating

LIMIT = 16  # traces of one key
LARGEST_LIST = 8 << 20  # bytes of all but the newest


class Trace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of what was read.

    Attributes:
        reads: what was read.
        content: the result, or the key that it has.
    """

    reads: ReadSet
    content: bytes


class Traces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The traces of one key, the one that was added last comes first.

    Attributes:
        traces: the traces.
        version: of this form.
    """

    traces: tuple[Trace, ...] = ()
    version: Literal[1] = 1

    def __post_init__(self) -> None:
        """Refuse too many."""
        if len(self.traces) > LIMIT:
            raise ValueError(f"more than {LIMIT} traces")

    def add(self, reads: ReadSet, content: bytes) -> Traces:
        """Return the traces with one before all others; those that are too many or too large go, the oldest first."""
        kept = [Trace(reads, content)]
        size = 0
        for trace in self.traces:
            size += len(trace.content) + len(encode_reads(trace.reads))
            if trace.reads != reads and size <= LARGEST_LIST and len(kept) < LIMIT:
                kept.append(trace)
        return Traces(tuple(kept))

    def find(self, largest: int = LARGEST) -> Trace | None:
        """Return the first trace whose reads still hold.

        Args:
            largest: how many bytes a file may have to be digested.
        """
        memo: Memo = {}
        return next((trace for trace in self.traces if verify(trace.reads, memo, largest) is None), None)

    def encode(self) -> bytes:
        """Return the traces as JSON."""
        return msgspec.json.encode(self)


DECODER = msgspec.json.Decoder(Traces, strict=True)


def decode_traces(data: bytes) -> Traces:
    """Return the traces of some JSON.

    Raises:
        InvalidInput: it has none.
    """
    with restating((msgspec.MsgspecError, ValueError, RecursionError), "these are no traces"):
        return DECODER.decode(data)


def trace_key(key: str, reads: ReadSet) -> str:
    """Return the key of the result that a key and a read set lead to."""
    return digest(["trace/1", key, encode_reads(reads).decode()])
