"""Verifying traces: a key that covers what is known beforehand leads to read sets, and each of these to a result.

After Mokhov et al., "Build Systems à la Carte", 2018.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from couler_plugins.caching.keys import digest
from couler_plugins.caching.reads.read_sets import ReadSet, encode_reads
from couler_plugins.caching.reads.verification import LARGEST, Memo, verify
from couler_plugins.errors import InvalidInput

__all__ = ["LIMIT", "Traces", "decode_traces", "trace_key"]

LIMIT = 16  # read sets of one key
LARGEST_LIST = 8 << 20  # bytes


class Traces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The read sets of one key, the one that was added last comes first.

    Attributes:
        sets: the read sets.
        version: of this form.
    """

    sets: tuple[ReadSet, ...] = ()
    version: Literal[1] = 1

    def __post_init__(self) -> None:
        """Refuse too many."""
        if len(self.sets) > LIMIT:
            raise ValueError(f"more than {LIMIT} read sets")

    def add(self, reads: ReadSet) -> Traces:
        """Return the traces with a read set before all others; those that are too many go, the oldest first."""
        sets = (reads, *(one for one in self.sets if one != reads))[:LIMIT]
        sizes = [len(encode_reads(one)) for one in sets]
        while len(sets) > 1 and sum(sizes[: len(sets)]) > LARGEST_LIST - 1024:
            sets = sets[:-1]
        return Traces(sets)

    def find(self, largest: int = LARGEST) -> ReadSet | None:
        """Return the first read set that still holds.

        Args:
            largest: how many bytes a file may have to be digested.
        """
        memo: Memo = {}
        return next((reads for reads in self.sets if verify(reads, memo, largest) is None), None)

    def encode(self) -> bytes:
        """Return the traces as JSON."""
        return msgspec.json.encode(self)


DECODER = msgspec.json.Decoder(Traces, strict=True)


def decode_traces(data: bytes) -> Traces:
    """Return the traces of some JSON.

    Raises:
        InvalidInput: it has none, or is too long.
    """
    if len(data) > LARGEST_LIST:
        raise InvalidInput(f"a list of read sets has at most {LARGEST_LIST} bytes")
    try:
        return DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this is no list of read sets: {error}") from error


def trace_key(key: str, reads: ReadSet) -> str:
    """Return the key of the result that a key and a read set lead to."""
    return digest(["trace/1", key, encode_reads(reads).decode()])
