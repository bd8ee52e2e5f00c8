"""Runs of a command under strace, its output as system calls, and tables of what these calls do to paths.

All strings are in hexadecimal (`-xx`), so that no name can be taken for anything else; descriptors have their paths
(`-y`). The tracer is no parent of the command (`-D`): signals and exit codes are those of the command itself.

Source: strace(1) of strace 5.3 to 6.x.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.reads.kinds import Kind

CALLS = (
    "%file,?fork,?vfork,?clone,?clone3,fchdir,?getdents,getdents64,connect,sendto,sendmsg,?sendmmsg,listen,unshare,setns,"
    "?io_uring_setup,?shmget,?mq_open,?open_by_handle_at"
)
OPTIONS = ("-D", "-f", "-q", "-y", "-xx", "-s", "0", "--seccomp-bpf", "-e", f"trace={CALLS}")
PATIENCE = 5.0  # seconds that the tracer may take to write down what has happened
PAUSE = 0.02
PROBE = 30.0  # seconds

LINE = re.compile(r"(\d+) +(.*)")
BEGUN = re.compile(r"(\w+)\((.*?) *<unfinished \.\.\.>")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
WHOLE = re.compile(
    r"(\w+)\((.*)\) += (-?\d+|\?)(?:<([^<>]*)>(?:\(deleted\))?)?(?: (E[A-Z0-9]+)\b.*| \(.*\)| <unavailable>)?"
)
MADE = re.compile(r"(?:\b(?:clone3?|v?fork)\(|<\.\.\. (?:clone3?|v?fork) resumed>).* = (\d+)\Z")
ENDED = re.compile(r"\+\+\+ (?:exited with \d+|killed by \w+(?: \(core dumped\))?) \+\+\+")
SIGNAL = re.compile(r"--- (?:SIG\w+ \{.*\}|stopped by \w+) ---")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?")


class NotUnderstood(Exception):
    """A line that says something else than expected; its message shows it."""


class Call(NamedTuple):
    """A system call.

    Attributes:
        process: who called, a thread or a process.
        name: of the call.
        arguments: as strace writes them.
        result: what it has returned; None where nobody knows.
        error: the name of the error; empty where there is none.
        path: where the descriptor leads that it has returned; empty where it has returned none.
    """

    process: int
    name: str
    arguments: tuple[str, ...]
    result: int | None
    error: str
    path: str


def traced(command: Sequence[str], file: Path) -> list[str]:
    """Return the command line that runs a command under strace, which writes to a file."""
    return ["strace", *OPTIONS, "-o", str(file), "--", *command]


def strace_problem() -> str:
    """Return why strace cannot be used here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    try:
        command = traced(["true"], Path(os.devnull))
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PROBE, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"strace does not work here: {error}"
    lines = ran.stderr.strip().splitlines()
    return f"strace does not work here: {lines[0] if lines else ran.returncode}" if ran.returncode or lines else ""


def finished_trace(file: Path) -> list[str]:
    """Return the lines of a trace, once all whom it follows have ended.

    Raises:
        TimeoutError: they have not after some time.
        OSError: it cannot be read.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        text = file.read_text(encoding="ascii")
        lines = text.splitlines()
        if text.endswith("\n") and _running(lines) == 0:
            return lines
        if time.monotonic() > deadline:
            raise TimeoutError("it has left something running")
        time.sleep(PAUSE)


def _running(lines: Iterable[str]) -> int:
    """How many have begun and not ended; one that was made may not have a line of its own yet."""
    begun: set[str] = set()
    ended: set[str] = set()
    for line in lines:
        process, _, rest = line.partition(" ")
        begun.add(process)
        if ENDED.fullmatch(rest.strip()):
            ended.add(process)
        elif created := MADE.search(rest):
            begun.add(created[1])
    return len(begun - ended)


def parse(lines: Iterable[str]) -> list[Call]:
    """Return the calls in the order in which they began.

    Raises:
        NotUnderstood: a line says something else.
    """
    calls: list[Call | None] = []
    begun: dict[int, tuple[int, str, str]] = {}
    for line in lines:
        split = LINE.fullmatch(line)
        if split is None:
            raise NotUnderstood(line)
        process, rest = int(split[1]), split[2].strip()
        if ENDED.fullmatch(rest):
            if process in begun:  # it has ended in the middle of a call, which may have done what it was to do
                place, name, head = begun.pop(process)
                calls[place] = _call(process, f"{name}({head.rstrip(', ')}) = ?")
        elif SIGNAL.fullmatch(rest):
            continue
        elif start := BEGUN.fullmatch(rest):
            if process in begun:
                raise NotUnderstood(line)
            begun[process] = len(calls), start[1], start[2]
            calls.append(None)
        elif end := RESUMED.fullmatch(rest):
            if process not in begun or begun[process][1] != end[1]:
                raise NotUnderstood(line)
            place, name, head = begun.pop(process)
            calls[place] = _call(process, f"{name}({head}{' ' if head.endswith(',') else ''}{end[2].strip()}")
        else:
            calls.append(_call(process, rest))
    if begun:
        raise NotUnderstood("the trace ends in the middle of a call")
    return [call for call in calls if call is not None]


def _call(process: int, text: str) -> Call:
    match = WHOLE.fullmatch(text)
    if match is None:
        raise NotUnderstood(text)
    name, arguments, result, path, error = match.groups()
    code = None if result == "?" else int(result)
    return Call(process, name, tuple(_split(arguments)), code, error or "", _decoded(path or ""))


def _split(text: str) -> Iterator[str]:
    """The arguments: what is between commas outside of brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "{[(") - (sign in "}])")
        if sign == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    if text.strip():
        yield text[start:].strip()


def text_of(argument: str) -> str:
    """Return the string that an argument is.

    Raises:
        NotUnderstood: it is none, or not whole.
    """
    match = STRING.fullmatch(argument)
    if match is None:
        raise NotUnderstood(argument)
    return _decoded(match[1])


def path_of(argument: str) -> str:
    """Return where a descriptor leads.

    Raises:
        NotUnderstood: it does not say so.
    """
    match = DESCRIPTOR.fullmatch(argument)
    if match is None:
        raise NotUnderstood(argument)
    return _decoded(match[1])


def _decoded(text: str) -> str:
    try:
        return os.fsdecode(bytes.fromhex(text.replace("\\x", "")))
    except ValueError:
        raise NotUnderstood(text) from None


PROGRAMS = frozenset(("execve", "execveat"))
AGAIN = frozenset(("EINTR", "ERESTARTSYS", "ERESTARTNOINTR", "ERESTARTNOHAND"))


class Places(NamedTuple):
    """Where the paths of a call are among its arguments: each with the descriptor that it starts at, if it has one."""

    paths: tuple[tuple[int | None, int], ...]
    follows: bool = True


FIRST, AT = Places(((None, 0),)), Places(((0, 1),))
LINK, LINK_AT = Places(((None, 0),), follows=False), Places(((0, 1),), follows=False)
LOOKS: dict[str, tuple[Kind, Places]] = {
    **dict.fromkeys(("stat", "stat64"), ("stat", FIRST)),
    **dict.fromkeys(("lstat", "lstat64"), ("lstat", LINK)),
    **dict.fromkeys(("newfstatat", "fstatat64", "statx"), ("stat", AT)),
    "access": ("access", FIRST),
    **dict.fromkeys(("faccessat", "faccessat2"), ("access", AT)),
    "readlink": ("link", LINK),
    "readlinkat": ("link", LINK_AT),
    **dict.fromkeys(("statfs", "statfs64", "getxattr", "listxattr", "chdir"), ("kind", FIRST)),
    **dict.fromkeys(("lgetxattr", "llistxattr"), ("lkind", LINK)),
}
CHANGES: dict[str, Places] = {
    **dict.fromkeys(("unlink", "rmdir", "lchown", "lsetxattr", "lremovexattr"), LINK),
    "unlinkat": LINK_AT,
    **dict.fromkeys(("chmod", "chown", "truncate", "truncate64", "utime", "utimes", "setxattr", "removexattr"), FIRST),
    **dict.fromkeys(("fchmodat", "fchmodat2", "fchownat", "utimensat", "futimesat"), AT),
}
MAKES: dict[str, Places] = {
    **dict.fromkeys(("mkdir", "mknod"), LINK),
    **dict.fromkeys(("mkdirat", "mknodat"), LINK_AT),
    "symlink": Places(((None, 1),), follows=False),
    "symlinkat": Places(((1, 2),), follows=False),
}
PAIRS: dict[str, Places] = {
    **dict.fromkeys(("rename", "link"), Places(((None, 0), (None, 1)), follows=False)),
    **dict.fromkeys(("renameat", "renameat2", "linkat"), Places(((0, 1), (2, 3)), follows=False)),
}
LISTS = frozenset(("getdents", "getdents64"))
STARTS = frozenset(("fork", "vfork", "clone", "clone3"))
SENDS = frozenset(("connect", "sendto", "sendmsg", "sendmmsg"))
