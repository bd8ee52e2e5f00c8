"""Python programs that are observed while they run: what they read, and what forbids that their results are kept.

What compiled code reads past Python's observer: the system calls of a program, where strace works.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from couler_plugins.caching import reads
from couler_plugins.caching.code.distributions import is_seen, owner_of
from couler_plugins.caching.dataplane.observed_calls import interpret
from couler_plugins.caching.dataplane.observed_reads import few
from couler_plugins.caching.dataplane.observed_reads import reads_of as reads_of_calls
from couler_plugins.caching.dataplane.strace import NotUnderstood, finished_trace, parse, strace_problem, traced
from couler_plugins.caching.reads import Fact, Facts, Read, ReadSet
from couler_plugins.caching.reads.callers import is_library
from couler_plugins.caching.reads.digests import Unusable
from couler_plugins.caching.reads.kinds import Kind
from couler_plugins.caching.reads.probes import listing_value
from couler_plugins.caching.reads.read_sets import read_set

LINKED = re.compile(r"/(usr/)?(local/)?lib(64|32)?/([^/]+/)*[^/]+\.so(\.\d+)*|/etc/ld\.so\.\w+")
"""What the loader of the system reads; as with code that is not traced, no key covers it."""
SYSTEM = re.compile(r"/(usr|lib|lib32|lib64|proc|sys|dev|selinux)(/.*)?")
"""Where the loader and Python look for what need not be there."""
OURS = f"{Path(reads.__file__).parents[1]}/"
TICK = 10_000_000  # ns by which the clock of files may be behind ours
LARGEST_TRACE = 256 << 20  # bytes of a trace
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
        if trace.stat().st_size > LARGEST_TRACE:
            raise Unusable("it reads too many files to record them")
        observed = interpret(parse(finished_trace(trace)), folder / "root", [folder], ())
        written = [path for path in observed.written if _is_younger(path, started)]
        for reason in _trace_objections(observed.objections, observed.connections, written):
            raise Unusable(reason)
        counts = functools.partial(_counts, libraries=(*libraries, OURS), imports=imports)
        looks = {place: missing for place, missing in observed.reads.items() if counts(*place, missing)}
        counted = msgspec.structs.replace(observed, reads=looks, programs=())
        every = reads_of_calls(counted, started, [folder], times=False, kernel=True).reads
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


def _trace_objections(others: Collection[str], connections: Collection[str], written: Collection[str]) -> Iterator[str]:
    yield from others
    yield from (f"it connected to {name}" for name in connections)
    yield from (f"a hit would not write {name}" for name in written)


__all__ = ["SCRIPT", "Untraced", "Unusable", "has_python", "observed", "reads_of"]

SCRIPT, SEEN, TRACE = "script", "seen", "trace"
"""Files in the folder of an attempt: its program, and what was seen of it."""

PYTHON = re.compile(r"python(3(\.\d+)?)?")
OPTIONS = re.compile(r"-[bBdEIOPqsSuv]+|-[XW].+")
WITH_VALUE = ("-X", "-W")
IN_KEY = frozenset(("variable", "variables", "directory", "module"))
"""Reads that each key covers: a program sees no variable but those in it, and starts in a root of its own. Modules that
are not found are noted by their paths, too: other processes look elsewhere for them."""
LARGEST = 16 << 20  # bytes of what is written down of one program

ENTRY = str(Path(reads.__file__).with_name("entry.py"))


class Untraced(Unusable):
    """A program has loaded compiled code that only its system calls tell about, and nobody has traced them."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `entry` writes down.

    Attributes:
        reason: why nobody can tell what was read; empty where it is known.
        reads: what was read.
        facts: what the program did beside reading.
        extensions: the files of compiled modules that it has loaded.
        libraries: the folders of the interpreter and its distributions, which its identity stands for.
        path: where it looks for modules.
    """

    reason: str
    reads: tuple[Read, ...] = ()
    facts: Facts = Facts()
    extensions: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


def has_python(command: Sequence[str]) -> bool:
    """Tell whether a command is an interpreter of Python."""
    return PYTHON.fullmatch(PurePosixPath(command[0]).name) is not None


def observed(command: Sequence[str], folder: Path, *, trace: bool) -> list[str]:
    """Return the command that runs the program whose file follows while it is observed.

    It is the command as it was where its options say that no file follows: then nothing is seen.

    Args:
        command: an interpreter of Python and its options.
        folder: the folder of the attempt, where what is seen is written; nothing in it counts as read or written.
        trace: whether its system calls are traced as well.
    """
    options = iter(command[1:])
    for option in options:
        if option in WITH_VALUE:
            next(options, None)
        elif not OPTIONS.fullmatch(option):
            return list(command)
    return [*(tracer(folder / TRACE) if trace else ()), *command, ENTRY, str(folder / SEEN), str(folder)]


def reads_of(folder: Path, allow: Collection[str] = ()) -> ReadSet:
    """Return what a program has read, beside what its key covers.

    Args:
        folder: the folder of the attempt.
        allow: what its owner says is no matter: `network` for connections, `programs` for those that it starts.

    Raises:
        Unusable: it did more than reading, or nobody can tell what it read.
    """
    try:
        path = folder / SEEN
        if path.stat().st_size > LARGEST:
            raise Unusable("it reads too many files to record them")
        seen = msgspec.json.decode(path.read_bytes(), type=Seen)
        for reason in _objections(seen, folder / SCRIPT, allow):
            raise Unusable(reason)
        reads = {(read.kind, read.name): read for read in [*_native(seen, folder), *seen.reads]}
        return read_set(read for read in reads.values() if read.kind not in IN_KEY)
    except FileNotFoundError:
        raise Unusable("it was not observed, or not to its end") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Unusable(f"its reads cannot be determined: {error}") from None
    finally:
        (folder / TRACE).unlink(missing_ok=True)  # it is large, and nobody reads it


def _objections(seen: Seen, script: Path, allow: Collection[str]) -> Iterator[str]:
    facts = seen.facts
    for word, did, every in (
        ("network", "it connected to", facts.connections),
        ("programs", "it started", facts.programs),
        ("programs", "it loaded", facts.native),
        ("", "a hit would not write", (*facts.written, *facts.leftovers)),
    ):
        if every and word not in allow:
            remedy = f": add couler.io/cache-allow: {word}" if word else ""
            yield f"{did} {few(_named(one, script) for one in every)}{remedy}"
    if seen.reason:
        yield seen.reason


def _native(seen: Seen, folder: Path) -> list[Read]:
    """What compiled code has read that no observer of Python sees, as far as there is such code."""
    owners = {path: owner_of(Path(path)) for path in seen.extensions}
    unseen = sorted(
        {
            path if owner is None else owner.partition(" ")[0]
            for path, owner in owners.items()
            if owner == "python" or not is_seen(owner)
        }
    )
    if not unseen:
        return []
    if not (folder / TRACE).exists():
        hint = "its next run is traced" if tracer(folder) else "it could be traced if strace worked here"
        raise Untraced(f"it loaded {few(unseen)}, whose compiled code may read files unseen; {hint}")
    started = (folder / SCRIPT).stat().st_mtime_ns
    return native_reads(folder / TRACE, folder, started, seen.libraries, seen.path)


def _named(fact: Fact, script: Path) -> str:
    place = fact.place.replace(f"{script}:", "line ")
    return f"{fact.name} ({place})" if place else fact.name
