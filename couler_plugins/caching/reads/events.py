"""Audit events (PEP 578) that tell what code touches, and what each of them means to a recorder.

Python's list is at https://docs.python.org/3/library/audit_events.html. Left out are:

- what has an event of its own further down: `glob.glob`, `os.walk`, `shutil.*`, `tempfile.*`, `urllib.Request`, …;
- what concerns the process alone: `gc.*`, `object.*`, `sys.*`, `code.*`, `resource.*`, `os.kill`;
- descriptors of files that have been opened before: `mmap.__new__`, `fcntl.*`;
- what there is on Windows alone.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import Any, Final, TypeAlias

from couler_plugins.caching.reads.callers import HERE, is_library, level_of, module_of, outer_frame, shows_source
from couler_plugins.caching.reads.recorder import Recorder

Arguments: TypeAlias = tuple[Any, ...]
Handler: TypeAlias = Callable[[Recorder, Arguments], None]

WRITING = os.O_WRONLY | os.O_RDWR
CHANGING = WRITING | os.O_CREAT | os.O_TRUNC
DESCRIPTOR = "/proc/self/fd"


def absolute_path(recorder: Recorder, path: Any, folder: int | None = None) -> str | None:
    """Return the absolute path of what code names; None for what is no path, such as a pipe.

    Args:
        recorder: learns of the working directory where the path depends on it.
        path: a path or a descriptor.
        folder: the descriptor of the folder that the path is relative to.
    """
    if isinstance(path, int):
        target = os.readlink(f"{DESCRIPTOR}/{path}")  # noqa: PTH115
        return target if target.startswith("/") and not target.endswith(" (deleted)") else None
    text = os.fsdecode(path)
    if text.startswith("/"):
        return text
    if folder is not None and folder >= 0:
        base = absolute_path(recorder, folder)
    else:
        base = os.getcwd()  # noqa: PTH109
        recorder.directory(base)
    return None if base is None else os.path.join(base, text)  # noqa: PTH118


def _open(recorder: Recorder, arguments: Arguments) -> None:
    path, mode, flags = arguments
    if isinstance(path, int):  # it was opened before
        return
    if not flags & CHANGING and isinstance(mode, str) and any(sign in mode for sign in "wax+"):
        flags |= os.O_RDWR  # what C opens by a mode has no flags
    handle_open(recorder, path, flags)


def handle_open(recorder: Recorder, path: Any, flags: int, folder: int | None = None) -> None:
    """Note that something is opened: most of what is has been opened before."""
    key = path, flags & CHANGING
    if folder is None and key in recorder.opened:
        return None
    name = absolute_path(recorder, path, folder)
    if name is None:
        return None
    if name.endswith(".pyc"):
        name = _source_of(name)
    if flags & WRITING or flags & os.O_CREAT:
        if os.path.isdir(name):  # it fails, or an `opener` opens another path; what has no name is no effect  # noqa: PTH112
            return recorder.look(name)
        fresh = flags & os.O_TRUNC or (flags & os.O_EXCL and recorder.rules.is_temporary(recorder.rules.real(name)))
        return recorder.write(name, keeps=not fresh)  # each time: somebody else may have written it since
    if name.endswith(".py") and shows_source(outer_frame()):
        return None
    recorder.read(name)
    if folder is None:
        recorder.opened.add(key)
    return None


def _source_of(path: str) -> str:
    """The source that a bytecode cache stands for: it was compared with that just before."""
    try:
        source = importlib.util.source_from_cache(path)
    except ValueError:
        return path
    return source if os.path.exists(source) else path  # noqa: PTH110


def _list(recorder: Recorder, arguments: Arguments) -> None:
    frame = outer_frame()
    if frame is not None and module_of(frame.f_code.co_filename) == "importlib":
        return  # what is imported is opened, and what cannot be is told by a finder
    path = absolute_path(recorder, "." if arguments[0] is None else arguments[0])
    if path is not None:
        recorder.list(path)


def _change(recorder: Recorder, arguments: Arguments) -> None:
    _each(recorder, recorder.change, arguments[0], arguments[-1])


def _alter(recorder: Recorder, arguments: Arguments) -> None:
    _each(recorder, recorder.alter, arguments[0], arguments[-1])


def _alter_only(recorder: Recorder, arguments: Arguments) -> None:
    _each(recorder, recorder.alter, arguments[0], -1)


def _each(recorder: Recorder, note: Callable[[str], None], path: Any, folder: Any) -> None:
    name = absolute_path(recorder, path, folder)
    if name is not None:
        note(name)


def _make_folder(recorder: Recorder, arguments: Arguments) -> None:
    _each(recorder, lambda name: recorder.write(name, folder=True), arguments[0], arguments[2])


def _rename(recorder: Recorder, arguments: Arguments) -> None:
    _both(recorder, recorder.move, arguments)


def _both(recorder: Recorder, note: Callable[[str, str], None], arguments: Arguments) -> None:
    source = absolute_path(recorder, arguments[0], arguments[2])
    target = absolute_path(recorder, arguments[1], arguments[3])
    if source is not None and target is not None:
        note(source, target)


def _link(recorder: Recorder, arguments: Arguments) -> None:
    _both(recorder, recorder.link, arguments)


def _symlink(recorder: Recorder, arguments: Arguments) -> None:
    _each(recorder, recorder.write, arguments[1], arguments[2])


def _database(recorder: Recorder, arguments: Arguments) -> None:
    handle_database(recorder, arguments[0])


def handle_database(recorder: Recorder, name: Any) -> None:
    """Note that a database of SQLite is opened or attached, by a path or a URI."""
    text = os.fsdecode(name)
    if text.startswith("file:"):
        from urllib.parse import unquote

        text, _, query = text.removeprefix("file:").partition("?")
        text = "" if "mode=memory" in query else unquote(text)
        text = text if not text.startswith("//") else f"/{text[2:].partition('/')[2]}"
    if text in ("", ":memory:"):
        return
    path = absolute_path(recorder, text)
    assert path is not None
    if not os.path.exists(path):  # noqa: PTH110
        recorder.write(path, keeps=True)
    for one in (path, f"{path}-wal", f"{path}-journal"):
        recorder.read(one)


def _connection(recorder: Recorder, arguments: Arguments) -> None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HERE):
        if frame.f_code.co_filename.endswith("wrappers.py"):
            return  # it has it tell what it attaches
        frame = frame.f_back
    recorder.fail("it makes a connection of SQLite without its function `connect`")


def _connect(recorder: Recorder, arguments: Arguments) -> None:
    if (address := arguments[1]) is not None:
        recorder.notes.tell("connections", _address(address))


def _look_up(recorder: Recorder, arguments: Arguments) -> None:
    if arguments[0]:
        recorder.notes.tell("connections", _address(arguments[:2]))


def _address(address: Any) -> str:
    if isinstance(address, (str, bytes, os.PathLike)):
        return os.fsdecode(address)
    if not isinstance(address, tuple) or not isinstance(address[0], (str, bytes)):
        return "kernel"  # such as netlink
    host, *port = address
    name = os.fsdecode(host)
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{port[0]}" if port and isinstance(port[0], (int, str)) else name


def _program(recorder: Recorder, arguments: Arguments) -> None:
    name = arguments[0] if arguments[0] is not None or len(arguments) == 1 else arguments[1]
    while isinstance(name, (list, tuple)):
        name = name[0]
    recorder.notes.tell("programs", os.fsdecode(name))


def _native(recorder: Recorder, name: Any) -> None:
    frame = outer_frame()
    while frame is not None and "/ctypes/" in frame.f_code.co_filename:
        frame = frame.f_back
    if name is None:  # the process itself, whose C functions read what they like
        if frame is not None and not is_library(frame.f_code.co_filename):
            recorder.notes.tell("native", "ctypes")
        return
    text = os.fsdecode(name)
    if "/" not in text:
        recorder.notes.tell("native", text)
        return
    path = absolute_path(recorder, text)
    if path is not None and not is_library(recorder.rules.real(path)):
        recorder.read(path)
        recorder.notes.tell("native", path)


def _load(recorder: Recorder, arguments: Arguments) -> None:
    _native(recorder, arguments[-1])


def _import(recorder: Recorder, arguments: Arguments) -> None:
    if arguments[1] is not None:
        _native(recorder, arguments[1])
    elif arguments[2] is not None:
        recorder.find(arguments[0], [folder for folder in arguments[2] if isinstance(folder, str)])


def _attributes(recorder: Recorder, arguments: Arguments) -> None:
    frame = outer_frame()
    if frame is not None and level_of(frame) == "stat":
        recorder.fail("it reads extended attributes")


def _input(recorder: Recorder, arguments: Arguments) -> None:
    recorder.fail("it reads standard input")


def _class(recorder: Recorder, arguments: Arguments) -> None:
    """Note the source of a class that is unpickled: its module may have been loaded before."""
    file = getattr(sys.modules.get(arguments[0]), "__file__", None)
    if isinstance(file, str) and file.startswith("/") and not is_library(file):
        recorder.read(file)


def _enter(recorder: Recorder, arguments: Arguments) -> None:
    name = absolute_path(recorder, arguments[0])
    if name is not None:
        recorder.look(name)
        recorder.follow(name)
    recorder.changed_directory = True
    recorder.opened = {key for key in recorder.opened if os.fsdecode(key[0]).startswith("/")}


def _variable(recorder: Recorder, arguments: Arguments) -> None:
    recorder.changed_variables.add(os.fsdecode(arguments[0]))


HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "open": _open,
        "sqlite3.connect": _database,
        "sqlite3.connect/handle": _connection,
        **dict.fromkeys(("os.listdir", "os.scandir"), _list),
        **dict.fromkeys(("os.remove", "os.rmdir"), _change),
        **dict.fromkeys(("os.chmod", "os.chown", "os.utime"), _alter),
        **dict.fromkeys(("os.truncate", "os.setxattr", "os.removexattr", "os.chflags"), _alter_only),
        "os.mkdir": _make_folder,
        "os.rename": _rename,
        "os.link": _link,
        "os.symlink": _symlink,
        "os.chdir": _enter,
        **dict.fromkeys(("os.putenv", "os.unsetenv"), _variable),
        **dict.fromkeys(("os.getxattr", "os.listxattr"), _attributes),
        **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), _connect),
        **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), _look_up),
        **dict.fromkeys(
            ("syslog.openlog", "syslog.syslog"),
            lambda recorder, arguments: recorder.notes.tell("connections", "syslog"),
        ),
        **dict.fromkeys(("subprocess.Popen", "os.exec", "os.posix_spawn", "pty.spawn"), _program),
        "os.spawn": lambda recorder, arguments: _program(recorder, arguments[1:2]),
        "os.system": lambda recorder, arguments: recorder.notes.tell("programs", "sh"),
        **dict.fromkeys(("os.fork", "os.forkpty"), lambda recorder, arguments: recorder.notes.tell("programs", "fork")),
        "import": _import,
        **dict.fromkeys(("ctypes.dlopen", "sqlite3.load_extension"), _load),
        "builtins.input": _input,
        "pickle.find_class": _class,
    }
)
"""What is done with each event; all others are left out."""
