"""Read sets: what a computation has read, and what each of that was like, as JSON that anybody may have written.

Verification: whether all that was read is still as it was. Nothing is executed, imported or told.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from operator import attrgetter
from typing import Literal, get_args

import msgspec

from couler_plugins.caching.reads.digests import LARGEST, Unusable, digest_file, is_pseudo
from couler_plugins.caching.reads.dispatch import unobserved
from couler_plugins.caching.reads.kinds import LIMIT, Kind
from couler_plugins.caching.reads.probes import (
    access_value,
    error_value,
    listing_value,
    module_value,
    status_value,
    text_value,
    variable_value,
    variables_value,
)
from couler_plugins.errors import restating

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
    with restating((msgspec.MsgspecError, ValueError, RecursionError), "this is no read set"):
        return DECODER.decode(data)


__all__ = ["LARGEST", "verify"]

Memo = dict[tuple[Kind, str], str]


def verify(reads: ReadSet, memo: Memo | None = None, largest: int = LARGEST) -> Read | None:
    """Return the first read that does not hold any more, None where all do.

    No file, however bad, raises an error or keeps it waiting: such a read does not hold.

    Args:
        reads: what was read.
        memo: what is known of the present, from verifying other read sets just before; more is added.
        largest: how many bytes a file may have to be digested.
    """
    memory = {} if memo is None else memo
    with unobserved():
        return next((read for read in reads.reads if not _holds(read, memory, largest)), None)


def _holds(read: Read, memo: Memo, largest: int) -> bool:
    place = read.kind, read.name
    value = memo.get(place)
    if value is None:
        try:
            if read.kind == "file" and _has_other_size(read):
                return False
            value = _present(read.kind, read.name, largest)
        except OSError as error:
            value = error_value(error)
        except (Unusable, ValueError):
            return False
        memo[place] = value
    return value == read.value


def _has_other_size(read: Read) -> bool:
    """Tell without reading it that a file has another content."""
    return not is_pseudo(read.name) and not read.value.startswith(f"{os.stat(read.name).st_size}:")  # noqa: PTH116


def _present(kind: Kind, name: str, largest: int) -> str:
    match kind:
        case "variable":
            return variable_value(name, os.environ.get(name))
        case "variables":
            return variables_value(key for key in os.environ if key.startswith(name))
        case "directory":
            return text_value(os.getcwd())  # noqa: PTH109
        case "module":
            return module_value(name)
        case "link":
            return text_value(os.readlink(name))  # noqa: PTH115
        case "access":
            return access_value(name)
        case "folder":
            return listing_value(name)
        case "file":
            return digest_file(name, largest)[1]
        case _:
            return status_value(kind, os.stat(name, follow_symlinks=not kind.startswith("l")))  # noqa: PTH116
