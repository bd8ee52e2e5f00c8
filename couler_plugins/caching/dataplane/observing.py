"""Runs a command while it is observed, and says what it has read, or why its result cannot be kept."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from couler_plugins.caching.dataplane.observed_calls import Observed, interpret
from couler_plugins.caching.dataplane.observed_reads import Unusable, reads_of
from couler_plugins.caching.dataplane.strace import NotUnderstood, finished_trace, parse, traced
from couler_plugins.caching.reads.read_sets import ReadSet

__all__ = ["TEMPORARY", "WAIVERS", "few", "handed_on", "run_observed"]

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
