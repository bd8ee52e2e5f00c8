"""What compiled code reads past Python's observer: the system calls of a program, where strace works."""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from couler_plugins.caching import reads
from couler_plugins.caching.dataplane.observed_calls import interpret
from couler_plugins.caching.dataplane.observed_reads import reads_of
from couler_plugins.caching.dataplane.strace import NotUnderstood, finished_trace, parse, strace_problem, traced
from couler_plugins.caching.reads import Read
from couler_plugins.caching.reads.callers import is_library
from couler_plugins.caching.reads.digests import Unusable
from couler_plugins.caching.reads.kinds import Kind
from couler_plugins.caching.reads.probes import listing_value

LINKED = re.compile(r"/(usr/)?(local/)?lib(64|32)?/([^/]+/)*[^/]+\.so(\.\d+)*|/etc/ld\.so\.\w+")
"""What the loader of the system reads; as with code that is not traced, no key covers it."""
SYSTEM = re.compile(r"/(usr|lib|lib32|lib64|proc|sys|dev|selinux)(/.*)?")
"""Where the loader and Python look for what need not be there."""
OURS = f"{Path(reads.__file__).parents[1]}/"
TICK = 10_000_000  # ns by which the clock of files may be behind ours
LARGEST = 256 << 20  # bytes of a trace
LONGEST = 200  # characters of a line that was not understood


def tracer(file: Path) -> list[str]:
    """Return the command that traces the one that follows, into a file; empty where strace does not work here."""
    path = _strace()
    return [path, *traced([], file)[1:]] if path else []


@functools.cache
def _strace() -> str:
    return "" if strace_problem() else shutil.which("strace") or ""


def native_reads(
    trace: Path, folder: Path, started: int, libraries: Sequence[str], imports: Collection[str]
) -> list[Read]:
    """Return what a program has read by its system calls: files, folders, and what it has not found.

    What else it looks at is Python's doing, and observed. So is what it does to import modules.

    Args:
        trace: the file that strace has written.
        folder: the folder of the attempt, in which nothing counts.
        started: when the program began, in ns since 1970.
        libraries: the folders of its interpreter and distributions, each with a slash at its end.
        imports: the folders where it looks for modules.

    Raises:
        Unusable: it did more than reading, or nobody can tell what it read.
    """
    try:
        if trace.stat().st_size > LARGEST:
            raise Unusable("it reads too many files to record them")
        observed = interpret(parse(finished_trace(trace)), folder / "root", [folder], ())
        written = [path for path in observed.written if _is_younger(path, started)]
        for reason in _objections(observed.objections, observed.connections, written):
            raise Unusable(reason)
        counts = functools.partial(_counts, libraries=(*libraries, OURS), imports=imports)
        looks = {place: missing for place, missing in observed.reads.items() if counts(*place, missing)}
        counted = msgspec.structs.replace(observed, reads=looks, programs=())
        every = reads_of(counted, started, [folder], times=False, kernel=True).reads
        return [
            Read(read.kind, read.name, listing_value(read.name)) if read.kind == "folder" else read for read in every
        ]
    except NotUnderstood as error:
        raise Unusable(f"the output of strace is not understood: {error!s:.{LONGEST}}") from None
    except (OSError, ValueError) as error:
        raise Unusable(f"the output of strace cannot be used: {error}") from None


def _counts(
    kind: Kind, name: str, missing: bool | None, *, libraries: tuple[str, ...], imports: Collection[str]
) -> bool:
    """Tell whether compiled code may have had a look at something, rather than Python or the loader."""
    real = os.path.realpath(name)
    if f"{name}/".startswith(libraries) or f"{real}/".startswith(libraries) or is_library(name):
        return False
    match kind:
        case "file":
            return not LINKED.fullmatch(name)
        case "folder":
            return real not in imports
        case _:
            around = os.path.dirname(real)  # noqa: PTH120
            return kind == "kind" and missing is not False and around not in imports and not SYSTEM.fullmatch(name)


def _is_younger(path: str, started: int) -> bool:
    """Tell whether something that was opened to be written has been, or is gone: databases are never only read."""
    try:
        return os.lstat(path).st_ctime_ns >= started - TICK
    except OSError:
        return True


def _objections(others: Collection[str], connections: Collection[str], written: Collection[str]) -> Iterator[str]:
    yield from others
    yield from (f"it connected to {name}" for name in connections)
    yield from (f"a hit would not write {name}" for name in written)
