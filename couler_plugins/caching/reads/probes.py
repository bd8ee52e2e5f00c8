"""Probes: what something that can be read is like now, in the words of a read set."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator

from couler_plugins.caching.keys import digest
from couler_plugins.caching.reads.digests import Unusable
from couler_plugins.caching.reads.kinds import ABSENT, Kind

ENTRIES = 100_000  # of a folder; a larger one takes longer to list than is worth it
MISSING = (FileNotFoundError, NotADirectoryError)


def status_value(kind: Kind, status: os.stat_result) -> str:
    """Return what a status says, as far as a kind of read tells it."""
    of = kind_of(status.st_mode)
    match kind.removeprefix("l"):
        case "kind":
            return of
        case "mode":
            return f"{of} {stat.S_IMODE(status.st_mode):o}"
        case "size":
            return f"{of} {status.st_size}"
        case _:
            owner = f"{status.st_uid}:{status.st_gid} {status.st_nlink}"
            return f"{of} {stat.S_IMODE(status.st_mode):o} {status.st_size} {status.st_mtime_ns} {owner}"


def kind_of(mode: int) -> str:
    """Return what has a mode."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"


def error_value(error: OSError) -> str:
    """Return what a failed look at a path says of it."""
    return ABSENT if isinstance(error, MISSING) else f"error {errno.errorcode.get(error.errno or 0, 'unknown')}"


def access_value(path: str) -> str:
    """Return what this process may do with a path."""
    rights = zip("frwx", (os.F_OK, os.R_OK, os.W_OK, os.X_OK), strict=True)
    return "".join(name if os.access(path, right) else "-" for name, right in rights)


def listing_value(path: str, without: Collection[str] = ()) -> str:
    """Return the digest of the names and kinds in a folder.

    Args:
        path: the folder.
        without: names to leave out.

    Raises:
        Unusable: there are too many.
        OSError: it cannot be listed.
    """
    result: list[bytes] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if len(result) >= ENTRIES:
                raise Unusable(f"{path} has more than {ENTRIES} entries")
            if entry.name not in without:
                kind = b"d" if entry.is_dir() else b"f" if entry.is_file() else b"-"
                result.append(os.fsencode(entry.name) + b"\0" + kind + (b"l" if entry.is_symlink() else b""))
    return hashlib.sha256(b"\0\0".join(sorted(result))).hexdigest()


def variable_value(name: str, value: str | None) -> str:
    """Return the digest of an environment variable, which is another one for another name."""
    return ABSENT if value is None else digest(["variable", name, value])


def variables_value(names: Iterable[str]) -> str:
    """Return the digest of the names of environment variables."""
    return digest(["variables", *sorted(names)])


def text_value(text: str) -> str:
    """Return the digest of a path that is not to be told."""
    return digest(["text", text])


def module_value(name: str) -> str:
    """Return whether a top-level module can be found; nothing is imported."""
    from importlib.machinery import PathFinder

    return ABSENT if PathFinder.find_spec(name) is None else "present"


def module_folder(module: str) -> str:
    """Return the folder of the search path that a top-level module was found in; empty where that is not known."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    origin = getattr(spec, "origin", None)
    if not isinstance(origin, str):
        return ""
    is_package = getattr(spec, "submodule_search_locations", None) is not None
    folder = os.path.dirname(origin)  # noqa: PTH120
    return os.path.dirname(folder) if is_package else folder  # noqa: PTH120


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Say which file cannot be read."""
    try:
        yield
    except MISSING:
        raise Unusable(f"{path} was removed meanwhile") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
