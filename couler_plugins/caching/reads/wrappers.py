"""Wrappers of what leaves no audit event: the status of files, links, the working directory, what SQLite attaches.

Code may keep one beyond the observation; it then calls what is behind it.
"""

from __future__ import annotations

import copy
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType, MethodType
from typing import Any, Final

from couler_plugins.caching.reads.callers import is_standard, level_of, module_of
from couler_plugins.caching.reads.dispatch import dispatch, is_observed
from couler_plugins.caching.reads.events import absolute_path, handle_database, handle_open
from couler_plugins.caching.reads.kinds import Kind
from couler_plugins.caching.reads.probes import access_value, error_value, status_value, text_value
from couler_plugins.caching.reads.recorder import Recorder

ATTACH = 24  # SQLITE_ATTACH
EXECUTOR = "concurrent"  # it calls what code has handed to it


class Wrapper:
    """A function that is told to recorders once it has returned or raised an OSError.

    It equals what it wraps, as `os.supports_dir_fd` is asked for it, and is no function: in a class, it is no method.

    Args:
        original: what it wraps.
        note: notes a call: it gets a recorder, the caller's frame, what was returned or raised, and the arguments.
        module: the name of the module that it is in.
    """

    def __init__(self, original: Callable[..., Any], note: Callable[..., None], module: str) -> None:
        self.__wrapped__ = original
        self.__module__ = module
        self.__name__ = self.__qualname__ = original.__name__
        self.__doc__ = original.__doc__
        self._note = note

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not is_observed():
            return self.__wrapped__(*args, **kwargs)
        try:
            result = self.__wrapped__(*args, **kwargs)
        except OSError as error:
            self._tell(sys._getframe(1), error, args, kwargs)
            raise
        self._tell(sys._getframe(1), result, args, kwargs)
        return result

    def _tell(self, frame: FrameType, outcome: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        dispatch(lambda recorder: self._note(recorder, frame, outcome, *args, **kwargs))

    def __eq__(self, other: object) -> bool:
        return self is other or self.__wrapped__ == other

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __reduce__(self) -> Any:
        """Return the name where it is in place, else what is behind it: who reads that may have no module of ours."""
        if getattr(sys.modules[self.__module__], self.__name__, None) is self:
            return self.__name__
        return copy.copy, (self.__wrapped__,)


class EarlyWrapper(Wrapper):
    """A function that is told before it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_observed():
            self._tell(sys._getframe(1), None, args, kwargs)
        return self.__wrapped__(*args, **kwargs)


class MethodWrapper(EarlyWrapper):
    """A method that is told before it is called."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)


class ScanWrapper(Wrapper):
    """`os.scandir`: it has an event, but its entries tell their status without one."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self.__wrapped__(*args, **kwargs)
        if not is_observed() or module_of(sys._getframe(1).f_code.co_filename) not in ("", EXECUTOR):
            return result
        folder = args[0] if args else kwargs.get("path")
        return Scan(result, folder if isinstance(folder, int) else None)


class Scan:
    """What `os.scandir` returns, of entries whose status is recorded."""

    def __init__(self, entries: Any, folder: int | None) -> None:
        self._entries = entries
        self._folder = folder

    def __iter__(self) -> Iterator[ScanEntry]:
        return self

    def __next__(self) -> ScanEntry:
        return ScanEntry(next(self._entries), self._folder)

    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries.close()


class ScanEntry:
    """An entry of a folder, whose status is recorded; the listing has told its name and kind."""

    def __init__(self, entry: os.DirEntry[Any], folder: int | None) -> None:
        self._entry = entry
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> Any:
        return self._entry.path

    def __repr__(self) -> str:
        return repr(self._entry)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # `isinstance` takes it for what it stands for
        return os.DirEntry

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        # The wrapper records it.
        return os.stat(self._entry.path, dir_fd=self._folder, follow_symlinks=follow_symlinks)


def note_status(
    recorder: Recorder,
    frame: FrameType | None,
    outcome: Any,
    path: Any,
    *,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    """Note the outcome of `os.stat`."""
    level = level_of(frame)
    name = absolute_path(recorder, path, dir_fd) if level else None
    if level == "lack" and frame is not None and frame.f_locals.get("ignore_errors"):
        if name is not None and isinstance(outcome, OSError):
            recorder.cleared.setdefault(recorder.rules.real(name), (name, error_value(outcome)))
        return
    if name is None or not level:
        return
    if isinstance(outcome, OSError):
        # Nothing, or nothing that can be looked at: one read for all, whatever is wanted of it.
        recorder.status("kind" if follow_symlinks else "lkind", name, None, error_value(outcome))
    elif level != "lack":
        kind: Kind = level if follow_symlinks else f"l{level}"  # type: ignore[assignment]  # all eight are kinds
        recorder.status(kind, name, outcome, status_value(kind, outcome))


def _note_link_status(recorder: Recorder, frame: FrameType, outcome: Any, path: Any, **more: Any) -> None:
    note_status(recorder, frame, outcome, path, follow_symlinks=False, **more)


def _note_open_status(recorder: Recorder, frame: FrameType, outcome: Any, fd: int) -> None:
    if not is_standard(frame) or module_of(frame.f_code.co_filename) == "tarfile":  # others only want a size to copy
        note_status(recorder, frame, outcome, fd)


def _note_access(recorder: Recorder, frame: FrameType, outcome: Any, path: Any, mode: int, **more: Any) -> None:
    name = absolute_path(recorder, path, more.get("dir_fd")) if level_of(frame) else None
    if name is not None:
        recorder.probe("access", name, access_value(name))


def _note_link(recorder: Recorder, frame: FrameType, outcome: Any, path: Any, *, dir_fd: int | None = None) -> None:
    name = absolute_path(recorder, path, dir_fd)
    if name is not None and isinstance(outcome, OSError):
        recorder.status("lkind", name, None, error_value(outcome)) if outcome.errno != errno.EINVAL else None
    elif name is not None:
        recorder.probe("link", name, text_value(os.fsdecode(outcome)))


def _note_directory(recorder: Recorder, frame: FrameType, outcome: Any) -> None:
    if level_of(frame) and not isinstance(outcome, OSError):
        recorder.directory(os.fsdecode(outcome))


def _note_open(
    recorder: Recorder,
    frame: FrameType,
    outcome: None,
    path: Any,
    flags: int,
    mode: int = 0,
    *,
    dir_fd: int | None = None,
) -> None:
    if dir_fd is not None:  # the event does not tell it
        handle_open(recorder, path, flags, dir_fd)


def _note_node(recorder: Recorder, frame: FrameType, outcome: None, path: Any, *args: Any, **more: Any) -> None:
    name = absolute_path(recorder, path, more.get("dir_fd"))
    if name is not None:
        recorder.write(name)


def _note_spec(recorder: Recorder, frame: FrameType, outcome: Any, *args: Any, **more: Any) -> None:
    origin = getattr(outcome, "origin", None)  # of what is not found, a finder tells
    if isinstance(origin, str) and origin.startswith("/"):
        recorder.look(origin)


def _note_database(recorder: Recorder, frame: FrameType, outcome: Any, *args: Any, **more: Any) -> None:
    """Follow what a database attaches: there is no event, but it asks whether it may."""
    if isinstance(outcome, OSError):
        return

    def authorize(action: int, name: str | None, *_: Any) -> int:
        if action == ATTACH and is_observed():
            if name is None:  # it is no literal
                dispatch(lambda each: each.fail("it attaches a database by a parameter"))
            else:
                dispatch(lambda each: handle_database(each, name))
        return 0

    outcome.set_authorizer(authorize)


def _note_process(recorder: Recorder, frame: FrameType, outcome: None, *args: Any) -> None:
    recorder.notes.tell("programs", os.fsdecode(args[1][0]))


def _note_locale(recorder: Recorder, frame: FrameType, outcome: Any, category: int, locale: Any = None) -> None:
    if locale == "":  # C asks the environment
        for name in ("LANG", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"):
            recorder.variable(name, os.environ.get(name))


WRAPPED: Final[tuple[tuple[str, str, type[Wrapper], Callable[..., Any]], ...]] = (
    ("os", "stat", Wrapper, note_status),
    ("os", "lstat", Wrapper, _note_link_status),
    ("os", "fstat", Wrapper, _note_open_status),
    ("os", "access", Wrapper, _note_access),
    ("os", "readlink", Wrapper, _note_link),
    ("os", "getcwd", Wrapper, _note_directory),
    ("os", "getcwdb", Wrapper, _note_directory),
    ("os", "open", EarlyWrapper, _note_open),
    ("os", "mkfifo", EarlyWrapper, _note_node),
    ("os", "mknod", EarlyWrapper, _note_node),
    ("os", "scandir", ScanWrapper, note_status),
    ("locale", "setlocale", Wrapper, _note_locale),
    ("importlib.util", "find_spec", Wrapper, _note_spec),
    ("sqlite3", "connect", Wrapper, _note_database),
    ("sqlite3.dbapi2", "connect", Wrapper, _note_database),
    ("_posixsubprocess", "fork_exec", EarlyWrapper, _note_process),  # how `multiprocessing` spawns
)
"""Modules and their functions, and how each is wrapped."""
