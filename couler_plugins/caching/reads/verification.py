"""Verification: whether all that was read is still as it was. Nothing is executed, imported or told."""

from __future__ import annotations

import os

from couler_plugins.caching.reads.digests import LARGEST, Unusable, digest_file, is_pseudo
from couler_plugins.caching.reads.dispatch import unobserved
from couler_plugins.caching.reads.kinds import Kind
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
from couler_plugins.caching.reads.read_sets import Read, ReadSet

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
