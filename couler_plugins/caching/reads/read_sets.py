"""Read sets: what a computation has read, and what each of that was like, as JSON that anybody may have written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from operator import attrgetter
from typing import Literal, get_args

import msgspec

from couler_plugins.caching.reads.kinds import LIMIT, Kind
from couler_plugins.errors import InvalidInput

ORDER = {kind: number for number, kind in enumerate(get_args(Kind))}
PATHS = frozenset(get_args(Kind)) - {"variable", "variables", "directory", "module"}
LONGEST = 4096  # characters of a name: PATH_MAX of Linux
LONGEST_VALUE = 160


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """Something that was read.

    Attributes:
        kind: what it is.
        name: the absolute path, the variable, the prefix of variables or the module; empty for what there is one of.
        value: what it was like. Values of variables, links and contents are digests: they may be secrets.
    """

    kind: Kind
    name: str
    value: str

    def __post_init__(self) -> None:
        """Refuse what no observation gives."""
        self.name.encode()  # a name that is no text could not be written
        if not _is_name(self.kind, self.name) or len(self.name) > LONGEST or "\0" in self.name:
            raise ValueError(f"no {self.kind} has such a name")
        if not 0 < len(self.value) <= LONGEST_VALUE or not self.value.isascii() or not self.value.isprintable():
            raise ValueError(f"no {self.kind} is like that")

    @property
    def rank(self) -> tuple[int, str]:
        """Where it stands in a read set."""
        return ORDER[self.kind], self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


def _is_name(kind: Kind, name: str) -> bool:
    if kind in PATHS:
        return name.startswith("/")
    if kind == "variable":
        return bool(name) and "=" not in name
    if kind == "variables":
        return "=" not in name
    return name.isidentifier() if kind == "module" else not name


class ReadSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a computation has read, each once and sorted: equal reads are equal bytes.

    Attributes:
        reads: the reads.
        version: of this form.
    """

    reads: tuple[Read, ...]
    version: Literal[1] = 1

    def __post_init__(self) -> None:
        """Refuse too many reads, and those in another order."""
        if len(self.reads) > LIMIT:
            raise ValueError(f"more than {LIMIT} reads")
        ranks = [read.rank for read in self.reads]
        if any(one >= other for one, other in itertools.pairwise(ranks)):
            raise ValueError("reads out of order")


def read_set(reads: Iterable[Read]) -> ReadSet:
    """Return the set of some reads.

    Raises:
        ValueError: there are too many, or two of the same thing.
    """
    return ReadSet(tuple(sorted(reads, key=attrgetter("rank"))))


ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(ReadSet, strict=True)


def encode_reads(reads: ReadSet) -> bytes:
    """Return a read set as JSON, the same bytes for the same reads."""
    return ENCODER.encode(reads)


def decode_reads(data: bytes) -> ReadSet:
    """Return the read set of some JSON.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this is no read set: {error}") from error
