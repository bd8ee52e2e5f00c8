"""What system calls say of a command: what it has looked at, written and connected to.

Deny by default: a call that is not known here, or does what nobody can follow, is an objection to keeping the result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from couler_plugins.caching.dataplane.strace import (
    AGAIN,
    CHANGES,
    LISTS,
    LOOKS,
    MAKES,
    PAIRS,
    PROGRAMS,
    SENDS,
    STARTS,
    Call,
    Places,
    path_of,
    text_of,
)
from couler_plugins.caching.reads.kinds import Kind
from couler_plugins.caching.reads.paths import is_inside, links_of, real_path

SILENT = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "stdin", "stdout", "stderr"))
OWN_STREAMS = ("/dev/fd/", "/proc/self/fd/", "/dev/pts/")
COMPILED = "/__pycache__/"
CACHED_MODULE = re.compile(r"(.*)/__pycache__/([^/.]+)\.[^/]*")
FLAGS = re.compile(r"flags=([A-Z_0-9|x]+)")
UNIX = re.compile(r'sun_path=@?"((?:\\x[0-9a-f]{2})*)"')
INTERNET = re.compile(r'(?:sin_addr=inet_addr\("|inet_pton\(AF_INET6, ")((?:\\x[0-9a-f]{2})*)"')
PORT = re.compile(r"port=htons\((\d+)\)")
LOCAL_FAMILIES = ("AF_NETLINK", "AF_UNSPEC")


class Observed(msgspec.Struct, frozen=True):
    """What a command has done.

    Attributes:
        reads: what it has looked at, of what was there before; and whether that was missing, None where nobody knows.
        programs: the files that it has executed.
        connections: hosts and sockets that it has connected to.
        written: what it has written outside of its outputs and the folders for temporary files, and left there.
        touched: the folders that it has made something in, or removed something from.
        created: what it has made itself, its outputs among them.
        processes: the processes and threads that it consists of, as names of folders of /proc.
        objections: what else keeps anybody from telling what its result depends on.
    """

    reads: dict[tuple[Kind, str], bool | None]
    programs: tuple[str, ...]
    connections: tuple[str, ...]
    written: tuple[str, ...]
    touched: frozenset[str]
    created: frozenset[str]
    processes: frozenset[str]
    objections: tuple[str, ...]


def interpret(calls: Iterable[Call], folder: Path, outputs: Iterable[Path], temporary: Iterable[Path]) -> Observed:
    """Return what some calls have done.

    Args:
        calls: in the order in which they began.
        folder: the one that the first process runs in.
        outputs: what may be written, and was not there before; all links followed.
        temporary: folders that may be written to.

    Raises:
        NotUnderstood: an argument says something else than expected.
    """
    interpreter = _Interpreter(folder, [str(path) for path in outputs], [os.path.realpath(path) for path in temporary])
    for call in calls:
        interpreter.add(call)
    return interpreter.observed()


class _Interpreter:
    def __init__(self, folder: Path, outputs: list[str], temporary: list[str]) -> None:
        self._outputs, self._temporary = outputs, temporary
        self._place = os.path.realpath(folder)
        self._first = [str(folder)]
        self._folders: dict[int, list[str]] = {}  # threads share theirs
        self._own: set[str] = set(outputs)
        self._reads: dict[tuple[Kind, str], bool | None] = {}
        self._programs: dict[str, None] = {}
        self._connections: dict[str, None] = {}
        self._written: dict[str, bool] = {}  # whether it has made it itself
        self._touched: set[str] = set()
        self._processes: set[int] = set()
        self._objections: dict[str, None] = {}

    def observed(self) -> Observed:
        return Observed(
            reads=dict(sorted(self._reads.items())),
            programs=tuple(self._programs),
            connections=tuple(self._connections),
            written=tuple(path for path, own in self._written.items() if not own or os.path.lexists(path)),
            touched=frozenset(self._touched),
            created=frozenset(self._own),
            processes=frozenset({"self", "thread-self", *map(str, self._processes)}),
            objections=tuple(self._objections),
        )

    def add(self, call: Call) -> None:
        """Add one call."""
        self._processes.add(call.process)
        if call.error in AGAIN or (call.name in LISTS and call.error):
            return
        name = call.name
        if name in LOOKS:
            self._look(call, *LOOKS[name])
        elif name in ("open", "openat", "openat2", "creat"):
            self._open(call)
        elif name in PROGRAMS:
            self._execute(call)
        elif name in LISTS:
            self._note("folder", path_of(call.arguments[0]))
        elif name in STARTS:
            self._start(call)
        elif name in SENDS:
            self._send(call)
        elif name in CHANGES:
            self._each(call, CHANGES[name], lambda path: self._write(path, created=False))
        elif name in MAKES:
            self._each(call, MAKES[name], lambda path: self._write(path, created=True, folder=name.startswith("mkdir")))
        elif name in PAIRS:
            self._pair(call)
        elif name == "fchdir":
            if not call.error:
                self._folder(call)[0] = path_of(call.arguments[0])
        elif name == "getcwd":
            pass  # the folder that it begins in is known, and any other is one that it has gone to
        elif name == "listen":
            self._connections["a port or socket that it listens on"] = None
        elif not call.error:
            self._objections[f"it calls {name}, which nobody can follow"] = None

    def _folder(self, call: Call) -> list[str]:
        return self._folders.setdefault(call.process, self._first)

    def _path(self, call: Call, start: int | None, place: int) -> str:
        """An absolute path; a descriptor without a path stands for itself."""
        folder = self._folder(call)
        if start is not None and call.arguments[start].startswith("AT_FDCWD"):
            folder[0] = path_of(call.arguments[start])
        text = "" if call.arguments[place] == "NULL" else text_of(call.arguments[place])
        if text.startswith("/"):
            return text
        base = folder[0] if start is None else path_of(call.arguments[start])
        return f"{base.rstrip('/')}/{text}" if text else base

    def _each(self, call: Call, places: Places, done: Callable[[str], None]) -> None:
        """What a call does to each of its paths; where it fails, it has only looked."""
        for start, place in places.paths:
            path = self._path(call, start, place)
            if call.error:
                self._missed(call, path, follows=places.follows)
            else:
                done(path)

    def _missed(self, call: Call, path: str, *, follows: bool = True) -> None:
        """What a call that fails has learnt of a path."""
        if call.error in ("EACCES", "EPERM"):
            self._note("access", path)
        else:
            sure = call.error == "ENOENT" and call.name not in PAIRS and call.name not in PROGRAMS
            self._note("kind" if follows else "lkind", path, missing=True if sure else None)

    def _note(self, kind: Kind, path: str, *, missing: bool | None = False) -> None:
        """Note what it has looked at, unless it has made that itself."""
        real = real_path(path, follows=not kind.startswith("l"))
        if not path.startswith("/") or path.startswith(OWN_STREAMS) or real in SILENT or self._is_own(real):
            return
        if module := CACHED_MODULE.fullmatch(path):
            if kind == "file":
                self._note("file", f"{module[1]}/{module[2]}.py")
            return
        if not path.endswith(COMPILED.rstrip("/")):
            self._reads.setdefault((kind, path), missing)

    def _look(self, call: Call, kind: Kind, places: Places) -> None:
        (start, place) = places.paths[0]
        path = self._path(call, start, place)
        if call.arguments[place] in ("NULL", '""'):
            return  # of a descriptor, whose file was opened before
        flags = call.arguments[-1] if call.name != "statx" else call.arguments[2]
        follows = places.follows and "AT_SYMLINK_NOFOLLOW" not in flags
        if call.error:
            self._missed(call, path, follows=follows)
        else:
            self._note("lstat" if kind == "stat" and not follows else kind, path)
        if call.name == "chdir" and not call.error:
            self._follow(path)
            self._folder(call)[0] = os.path.realpath(path)

    def _follow(self, path: str) -> None:
        """Note where a folder is: what is read relative to it is named by that place."""
        for link, _ in links_of(path):
            self._note("link", link)

    def _open(self, call: Call) -> None:
        at = call.name in ("openat", "openat2")
        path = self._path(call, 0 if at else None, 1 if at else 0)
        text = "O_WRONLY|O_CREAT|O_TRUNC" if call.name == "creat" else call.arguments[2 if at else 1]
        if call.name == "openat2":
            text = (FLAGS.search(text) or ["", ""])[1]
        flags = frozenset(text.split("|"))
        if call.error:
            self._missed(call, path, follows="O_NOFOLLOW" not in flags)
            return
        if call.path and not call.path.startswith("/"):
            return  # a pipe or socket of its own
        real = call.path or real_path(path)
        shown = path if real_path(path) == real else real
        if "O_TMPFILE" in flags:
            return  # it has no name, unless it is linked, which is seen
        if not flags & {"O_WRONLY", "O_RDWR"}:
            is_folder = Path(real).is_dir()
            self._note("kind" if "O_PATH" in flags or is_folder else "file", shown)
            if is_folder:
                self._follow(path)
        elif "O_TRUNC" in flags or {"O_CREAT", "O_EXCL"} <= flags or self._reads.get(("kind", shown)):
            self._write(shown, created=True)
        elif not self._is_own(real) and real not in SILENT:
            self._note("file", shown)  # what it appends to, or changes a part of
            self._write(shown, created=False)

    def _execute(self, call: Call) -> None:
        at = call.name == "execveat"
        path = self._path(call, 0 if at else None, 1 if at else 0)
        if call.error:
            self._missed(call, path)
            return
        self._note("file", path)
        self._note("access", path)
        if not self._is_own(real_path(path)):
            self._programs[path] = None

    def _start(self, call: Call) -> None:
        if call.result is None or call.result <= 0:
            return
        folder = self._folder(call)
        self._folders[call.result] = folder if "CLONE_FS" in " ".join(call.arguments) else list(folder)

    def _pair(self, call: Call) -> None:
        (first, second) = (self._path(call, start, place) for start, place in PAIRS[call.name].paths)
        if call.error:
            self._missed(call, first, follows=False)
            self._missed(call, second, follows=False)
            return
        if not self._is_own(real_path(first, follows=False)):
            self._note("file", first)
            if call.name.startswith("rename"):
                self._objections[f"it moves {first}"] = None
        self._write(second, created=True)

    def _write(self, path: str, *, created: bool, folder: bool = False) -> None:
        """Note that it has made something, or changed what was there."""
        real = real_path(path, follows=False)
        if real in SILENT or path.startswith(OWN_STREAMS):
            return
        own = created or self._is_own(real)
        self._touched.add(real.rpartition("/")[0])
        around = folder and any(is_inside(output, [real]) for output in self._outputs)
        passing = is_inside(real, self._temporary) and not is_inside(real, [self._place])
        if not (around or passing or COMPILED in f"{real}/" or is_inside(real, self._outputs)):
            self._written.setdefault(real, own)
        if created:
            self._own.add(real)

    def _is_own(self, real: str) -> bool:
        while real and real != "/":
            if real in self._own:
                return True
            real = real.rpartition("/")[0]
        return False

    def _send(self, call: Call) -> None:
        text = ", ".join(call.arguments[1:])
        if "sa_family=" not in text or any(f"sa_family={family}" in text for family in LOCAL_FAMILIES):
            return
        if socket := UNIX.search(text):
            path = text_of(f'"{socket[1]}"')
            if call.error == "ENOENT" and path.startswith("/"):
                self._note("kind", path, missing=True)
            else:
                self._connections[path or "a socket"] = None
            return
        address, port = INTERNET.search(text), PORT.search(text)
        host = text_of(f'"{address[1]}"') if address else "a network"
        self._connections[f"{host}:{port[1]}" if port else host] = None
