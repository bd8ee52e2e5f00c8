"""Observed commands: a run under observation, and the read set that comes of it."""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from couler_plugins.caching.dataplane.observed_calls import Observed, interpret
from couler_plugins.caching.dataplane.strace import NotUnderstood, finished_trace, parse, traced
from couler_plugins.caching.reads.digests import LARGEST, Unusable, digest_file, is_pseudo
from couler_plugins.caching.reads.kinds import ABSENT, Kind
from couler_plugins.caching.reads.probes import access_value, error_value, listing_value, status_value, text_value
from couler_plugins.caching.reads.read_sets import Read, ReadSet, read_set, verify
from couler_plugins.caching.reads.traces import Traces

__all__ = ["TEMPORARY", "WAIVERS", "Unusable", "few", "handed_on", "holding", "reads_of", "run_observed"]


TICK = 10_000_000  # ns by which the clock of files may be behind ours
STEADY = ("/proc/filesystems", "/proc/sys/", "/sys/devices/system/cpu/")
"""What the kernel tells that stays until somebody changes it; its other files tell of moments or processes."""
PROCESS = re.compile(r"/proc/(self|thread-self|\d+)(?:/task/\d+)?/?([^/]*)(?:/.*)?")
ITSELF = frozenset(("", "auxv", "cmdline", "comm", "environ", "exe", "fd", "maps", "stat", "statm", "status"))
"""What a process reads of itself: nothing that its program, environment and chance do not tell."""
ASIDE, COMPILED = ".couler-", "__pycache__"
INTERPRETERS = 4  # of one script: as many as Linux follows
FIRST_LINE = 256  # bytes, as in Linux


def reads_of(observed: Observed, started: int, outputs: Collection[Path], *, times: bool, kernel: bool) -> ReadSet:
    """Return what a command has read.

    Args:
        observed: what it has done.
        started: when it began, in ns since 1970.
        outputs: what it has made; all links followed.
        times: whether the times of files count.
        kernel: whether files count that the kernel makes up when they are read, and devices.

    Raises:
        Unusable: nobody can tell, with the reason.
    """
    reads = dict(observed.reads)
    for program in observed.programs:
        reads |= {("file", path): False for path in _interpreters(program)}
    result: dict[tuple[Kind, str], Read] = {}
    for (kind, name), missing in reads.items():
        for each in _kinds(kind, name, times=times):
            if missing and _is_made(name, observed.created):  # it was missing, before the command made it
                result[each, name] = Read(each, name, ABSENT)
            elif value := _value(each, name, started, outputs, observed, kernel=kernel):
                if missing is not None and missing is not (value == ABSENT):
                    raise Unusable(f"{name} was changed while the command ran")
                try:
                    result[each, name] = Read(each, name, value)
                except ValueError as error:
                    raise Unusable(f"{name!r} cannot be noted: {error}") from None
    try:
        return read_set(result.values())
    except ValueError as error:
        raise Unusable(str(error)) from None


def holding(traces: Traces, outputs: Collection[Path]) -> ReadSet | None:
    """Return the first read set that still holds; None where there is none.

    Args:
        traces: the read sets.
        outputs: what the command makes, which counts in no listing of a folder.
    """
    memo: dict[tuple[Kind, str], str] = {}
    for reads in (trace.reads for trace in traces.traces):
        for read in reads.reads:
            if read.kind == "folder" and ("folder", read.name) not in memo:
                try:
                    memo["folder", read.name] = _listing(read.name, outputs)
                except (OSError, Unusable):
                    break
        else:
            if verify(reads, memo) is None:
                return reads
    return None


def _is_made(name: str, created: Collection[str]) -> bool:
    real = os.path.realpath(name)
    while real != "/":
        if real in created:
            return True
        real = os.path.dirname(real)  # noqa: PTH120
    return False


def _kinds(kind: Kind, name: str, *, times: bool) -> Iterator[Kind]:
    """What counts of a look: of a folder not its times, which change with what is in it."""
    if kind not in ("stat", "lstat"):
        yield kind
        return
    prefix = kind.removesuffix("stat")
    try:
        mode = os.stat(name, follow_symlinks=not prefix).st_mode  # noqa: PTH116
    except OSError:
        mode = 0
    names = ("stat",) if times else ("mode", "size")
    if stat.S_ISLNK(mode):
        yield "link"
    elif not stat.S_ISREG(mode) or is_pseudo(name):
        yield "lmode" if prefix else "mode"
    else:
        yield from (f"{prefix}{each}" for each in names)  # type: ignore[misc]


def _value(kind: Kind, name: str, started: int, outputs: Collection[Path], observed: Observed, *, kernel: bool) -> str:
    """What something is like; empty where it does not count."""
    if (process := PROCESS.fullmatch(name)) and process[1] in observed.processes and process[2] in ITSELF:
        return ""
    real = os.path.realpath(name)
    passing = is_pseudo(name) and (process or (kind == "file" and not real.startswith(STEADY)))
    try:
        status = None if passing else os.stat(name, follow_symlinks=not kind.startswith("l"))  # noqa: PTH116
        if status is None or (kind == "file" and not stat.S_ISREG(status.st_mode)):
            if kernel:
                return ""
            what = "which tells of this moment" if status is None else "which is no file"
            raise Unusable(f"it reads {name}, {what}; `--allow files` if that does not change the result")
        young = status.st_ctime_ns >= started - TICK and not is_pseudo(real)
        if young and _counts_as_changed(kind, real, outputs, observed):
            raise Unusable(f"{name} was changed while the command ran")
        return _present(kind, name, status, outputs)
    except OSError as error:
        return error_value(error)


def _counts_as_changed(kind: Kind, real: str, outputs: Iterable[Path], observed: Observed) -> bool:
    if kind == "folder":  # what the command and we ourselves make in it changes it as well
        return real not in observed.touched and not any(str(path.parent) == real for path in outputs)
    return kind in ("file", "stat", "lstat")


def _present(kind: Kind, name: str, status: os.stat_result, outputs: Collection[Path]) -> str:
    match kind:
        case "file":
            return digest_file(name, LARGEST)[1]
        case "folder":
            return _listing(name, outputs)
        case "link":
            return text_value(os.readlink(name))  # noqa: PTH115
        case "access":
            return access_value(name)
        case _:
            return status_value(kind, status)


def _listing(name: str, outputs: Iterable[Path]) -> str:
    """What is in a folder, but for what we put there, or Python."""
    real = os.path.realpath(name)
    without = {path.name for path in outputs if str(path.parent) == real}
    without |= {entry for entry in os.listdir(name) if entry.startswith(ASIDE) or entry == COMPILED}  # noqa: PTH208
    return listing_value(name, without)


def _interpreters(program: str) -> Iterator[str]:
    """The programs that the kernel starts for a script, without a call that anybody sees."""
    for _ in range(INTERPRETERS):
        try:
            with open(program, "rb") as stream:  # noqa: PTH123
                line = stream.read(FIRST_LINE).partition(b"\n")[0]
        except OSError:
            return
        words = line[2:].split(maxsplit=1) if line.startswith(b"#!") else []
        if not words:
            return
        program = os.fsdecode(words[0])
        if not program.startswith("/"):
            raise Unusable(f"its interpreter {program} depends on a folder")
        yield program


log = logging.getLogger(__name__)
WAIVERS = ("network", "files", "times")
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # whoever writes there leaves nothing for others
HANDED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "VIRTUAL_ENV")
"""What a command gets of our environment beside LC_*, and what it declares: nobody can observe what it reads of it."""
SHOWN = 3
LONGEST = 200  # characters of a line that was not understood


def handed_on(declared: Collection[str]) -> dict[str, str]:
    """Return the variables that a command gets, but for its folder for temporary files."""
    names = [name for name in os.environ if name in HANDED_ON or name in declared or name.startswith("LC_")]
    return {name: os.environ[name] for name in sorted(names)}


def run_observed(
    command: Sequence[str],
    outputs: Collection[Path],
    allow: Collection[str],
    environment: Mapping[str, str],
    start: Callable[[Sequence[str], Mapping[str, str]], int],
) -> tuple[int, ReadSet | None]:
    """Run a command under strace; its exit code, and what it has read, None where nobody can tell.

    Args:
        command: the command line.
        outputs: the places of its outputs, all links followed.
        allow: what does not change the result: some of `WAIVERS`.
        environment: what it gets of our environment.
        start: runs a command line in an environment, and returns its exit code.
    """
    temporary = tempfile.gettempdir()
    environment = {**environment, "TMPDIR": temporary}
    if shutil.which(command[0], path=environment.get("PATH")) is None:
        return start(command, environment), None  # which says why
    with tempfile.TemporaryDirectory(prefix="couler-") as folder:
        trace = Path(folder, "trace")
        started = time.time_ns()
        code = start(traced(command, trace), environment)
        if code != 0:
            return code, None
        try:
            observed = interpret(parse(finished_trace(trace)), Path.cwd(), outputs, map(Path, (temporary, *TEMPORARY)))
            if reason := _objection(observed, allow):
                raise Unusable(reason)
            reads = reads_of(observed, started, outputs, times="times" not in allow, kernel="files" in allow)
        except (Unusable, TimeoutError) as error:
            log.warning("the result is not kept: %s", error)
        except (NotUnderstood, OSError, ValueError) as error:
            log.warning("the result is not kept: the output of strace is not understood: %.*s", LONGEST, error)
        else:
            return code, reads
    return code, None


def _objection(observed: Observed, allow: Collection[str]) -> str:
    if observed.objections:
        return observed.objections[0]
    if observed.connections and "network" not in allow:
        return f"it connected to {few(observed.connections)}; `--allow network` if that does not change the result"
    if observed.written and "files" not in allow:
        return f"it wrote {few(observed.written)}; name it with --output, or `--allow files` if nobody needs it"
    return ""


def few(names: Iterable[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
