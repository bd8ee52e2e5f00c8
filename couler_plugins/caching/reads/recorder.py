"""The recorder: what one observation knows so far of the files, settings and effects of the code."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

import msgspec

from couler_plugins.caching.reads.callers import is_library, outer_frame, place_of
from couler_plugins.caching.reads.digests import Signature, Unusable, digest_file, is_pseudo, is_young, signature_of
from couler_plugins.caching.reads.probes import MISSING, error_value, kind_of, listing_value, module_value, text_value
from couler_plugins.caching.reads.read_sets import ABSENT, LIMIT, Kind, Read, ReadSet, read_set

__all__ = ["Fact", "Facts", "Recorder"]

NOTHING = frozenset({"/dev/null", "/dev/full", "/dev/zero", "/dev/stdout", "/dev/stderr", "/dev/tty"})
TICK = 10_000_000  # ns by which the clock of files may be behind ours


class Fact(msgspec.Struct, frozen=True):
    """Something that the code did which no read set can tell.

    Attributes:
        name: what it did it to: `HOST:PORT` or a path of a socket, a program without its arguments, a file.
        place: where it did it first, as `FILE:LINE`, outside of libraries; empty where nobody knows.
    """

    name: str
    place: str


class Facts(msgspec.Struct, frozen=True):
    """What the code did beside reading.

    Attributes:
        connections: hosts and sockets that it connected to, looked up or listened on.
        programs: programs that it started, `fork` for a copy of itself: nothing that they do is seen.
        written: files and folders that it wrote or removed, outside of temporary folders and outputs.
        native: shared libraries that it loaded beside those of installed distributions.
    """

    connections: tuple[Fact, ...] = ()
    programs: tuple[Fact, ...] = ()
    written: tuple[Fact, ...] = ()
    native: tuple[Fact, ...] = ()


class Recorder:
    """What is known of one observation. All paths are absolute.

    Args:
        temporary: folders for temporary files; none for the process's own.
        outputs: files and folders that may be written.
        ignored: files and folders that count neither when read nor when written.
        largest: how many bytes a file may have that is read.
    """

    def __init__(
        self, temporary: Iterable[Path], outputs: Iterable[Path], ignored: Iterable[Path], largest: int
    ) -> None:
        self._temporary = _folders(temporary) or _folders([Path(tempfile.gettempdir())])
        self._outputs = _folders(outputs)
        self._ignored = _folders(ignored)
        self._largest = largest
        self._start = time.time_ns() - TICK
        self._values: dict[tuple[Kind, str], str] = {}
        self._files: dict[str, tuple[Signature, str]] = {}  # a digest where one has been taken already
        self._folders: set[str] = set()
        self._owned: set[str] = set()  # paths that the code itself has made
        self._parents: set[str] = set()  # the folders of those
        self._real: dict[str, str] = {}  # of folders
        self._effects: dict[str, tuple[bool, str]] = {}  # whether something was there before, and the place
        self._modules: set[str] = set()
        self.opened: set[tuple[str, int]] = set()
        self.changed_variables: set[str] = set()
        self.changed_directory = False
        self.connections: dict[str, str] = {}
        self.programs: dict[str, str] = {}
        self.native: dict[str, str] = {}
        self.reason = ""

    def fail(self, reason: str, frame: FrameType | None = None) -> None:
        """Make the observation unusable; the first reason stays."""
        place = place_of(frame or outer_frame())
        self.reason = self.reason or (f"{reason} ({place})" if place else reason)

    def tell(self, facts: dict[str, str], name: str) -> None:
        """Note a fact, with its place where it is the first time."""
        if name not in facts:
            facts[name] = place_of(outer_frame())

    def note(self, kind: Kind, name: str, value: str) -> None:
        """Note what something is like. What is like that no more when it is read again, somebody else has changed."""
        known = self._values.setdefault((kind, name), value)
        if known != value and not self._is_touched(name):
            self.fail(f"{name or kind} was changed meanwhile")
        if len(self._values) + len(self._files) > LIMIT:
            self.fail(f"it reads more than {LIMIT} things")

    def real(self, path: str, *, follow: bool = True) -> str:
        """Return where a path leads; of a link itself, where it is."""
        folder, _, name = path.rpartition("/")
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if (parent := self._real.get(folder)) is None:
            parent = self._real[folder] = os.path.realpath(folder or "/").rstrip("/")
        found = f"{parent}/{name}"
        return os.path.realpath(found) if follow and os.path.islink(found) else found  # noqa: PTH114

    def ignores(self, real: str, status: os.stat_result | None) -> bool:
        """Tell whether something counts as no read."""
        return (
            is_library(real)
            or real in NOTHING
            or _is_in(real, self._ignored)
            or self._is_own(real)
            # A temporary file that was there before is one like any other: who knows what has left it.
            or (status is not None and status.st_ctime_ns >= self._start and _is_in(real, self._temporary))
        )

    def _is_own(self, real: str) -> bool:
        while real and self._owned:
            if real in self._owned:
                return True
            real = real.rpartition("/")[0]
        return False

    def _is_touched(self, path: str) -> bool:
        real = self.real(path) if path.startswith("/") else ""
        return real in self._parents or self._is_own(real)

    def is_temporary(self, path: str) -> bool:
        """Tell whether something is in a temporary folder."""
        return _is_in(self.real(path), self._temporary)

    def status(self, kind: Kind, path: str, status: os.stat_result | None, value: str) -> None:
        """Note what the code has learnt of a path."""
        if not self.ignores(self.real(path, follow=not kind.startswith("l")), status):
            self.note(kind, path, value)

    def probe(self, kind: Kind, path: str, value: str) -> None:
        """Note what the code has learnt of a path itself, be it a link."""
        try:
            status = os.lstat(path)
        except OSError:
            status = None
        if not self.ignores(self.real(path, follow=False), status):
            self.note(kind, path, value)

    def variable(self, name: str, value: str) -> None:
        """Note the value of an environment variable, unless the code has set it."""
        if name not in self.changed_variables:
            self.note("variable", name, value)

    def directory(self, path: str) -> None:
        """Note the working directory, unless the code has changed it."""
        if not self.changed_directory:
            self.note("directory", "", text_value(path))

    def look(self, path: str) -> None:
        """Note that the code is about to learn what a path leads to."""
        try:
            found = os.stat(path)  # noqa: PTH116
        except OSError as error:
            return self.status("kind", path, None, error_value(error))
        return self.status("kind", path, found, kind_of(found.st_mode))

    def read(self, path: str) -> None:
        """Note that the code is about to read a file."""
        if path in self._files:
            return
        real = self.real(path)
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            if not self.ignores(real, None):
                self.note("kind", path, error_value(error))
            return
        if self.ignores(real, status):
            return
        if stat.S_ISDIR(status.st_mode):
            self.note("kind", path, "folder")
        elif not stat.S_ISREG(status.st_mode):
            self.fail(f"it reads {path}, which is no file")
        elif is_pseudo(real):
            self.note("file", path, self._digest(path)[1])
        else:
            signature = signature_of(status)
            # Of a young file, another content may have the same signature: what it holds is looked at right now.
            self._files[path] = self._digest(path) if is_young(signature) else (signature, "")
            if len(self._values) + len(self._files) > LIMIT:
                self.fail(f"it reads more than {LIMIT} things")

    def _digest(self, path: str) -> tuple[Signature, str]:
        return digest_file(path, self._largest)

    def list(self, path: str) -> None:
        """Note that the code is about to list a folder."""
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            return self.status("kind", path, None, error_value(error))
        if self.ignores(real := self.real(path), status):
            return None
        if not stat.S_ISDIR(status.st_mode):
            return self.note("kind", path, kind_of(status.st_mode))
        self._folders.add(path)
        return self.note("folder", path, self._listing(path, real))

    def _listing(self, path: str, real: str) -> str:
        own = {name.rpartition("/")[2] for name in self._owned if name.rpartition("/")[0] == real}
        return listing_value(path, own if real in self._parents else ())

    def write(self, path: str, *, keeps: bool = False, folder: bool = False) -> None:
        """Note that the code is about to write, make, change or remove something.

        Args:
            path: what it writes.
            keeps: whether what is there already stays a part of it.
            folder: whether it makes a folder.
        """
        real = self.real(path)
        if real in NOTHING or "/__pycache__/" in real or _is_in(real, self._ignored):
            return None
        existed = os.path.lexists(real)
        if not self._is_own(real):
            if existed and folder:
                return self.look(path)  # making it fails
            if existed and keeps:
                self.read(path)
            elif not existed and keeps:
                self.note("kind", path, ABSENT)
            self._settle(path)
            if not _is_in(real, (*self._temporary, *self._outputs)) and real not in self._effects:
                self._effects[real] = existed, place_of(outer_frame())
        self._owned.add(real)
        self._parents.add(real.rpartition("/")[0])
        return None

    def change(self, path: str) -> None:
        """Note that the code is about to change something that is there, or to remove it."""
        real = self.real(path, follow=False)
        if os.path.lexists(real):
            self.write(path)
        elif not self.ignores(real, None):
            self.note("lkind", path, ABSENT)

    def move(self, source: str, target: str) -> None:
        """Note that the code is about to rename something."""
        real = self.real(source, follow=False)
        if not self._is_own(real) and os.path.isdir(real):  # noqa: PTH112
            self.fail(f"it moves the folder {source}")
        self.read(source)
        self.change(source)
        self.write(target)

    def _settle(self, path: str) -> None:
        """Digest a file that was read before it gets another content."""
        known = self._files.get(path)
        if known is not None and not known[1]:
            found = self._digest(path)
            self._files[path] = found
            if found[0] != known[0]:
                self.fail(f"{path} was changed meanwhile")

    def lack(self, module: str, folders: Iterable[str] | None) -> None:
        """Note that a module was not found, in the folders of its package if it has one."""
        frame = outer_frame()
        while frame is not None and is_library(frame.f_code.co_filename) and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame is None or is_library(frame.f_code.co_filename):
            return  # what libraries do without, their versions and the environment tell
        if folders is None:
            self._modules.add(module)
        name = module.rpartition(".")[2]
        for folder in folders or ():
            if not is_library(f"{folder}/"):
                self.note("kind", os.path.join(folder, name), ABSENT)  # noqa: PTH118
                self.note("kind", os.path.join(folder, f"{name}.py"), ABSENT)  # noqa: PTH118

    def reads(self) -> ReadSet:
        """Return all that was read.

        Raises:
            Unusable: nobody can tell what that was.
        """
        for module in self._modules:
            if module_value(module) != ABSENT:
                raise Unusable(f"the module {module} was changed meanwhile")
            self._values["module", module] = ABSENT
        for path in sorted(self._folders):
            with _named(path):
                real = self.real(path)
                if self._listing(path, real) != self._values["folder", path] and real not in self._parents:
                    raise Unusable(f"{path} was changed meanwhile")
        for path, known in sorted(self._files.items()):
            if self.reason:
                break
            self._values["file", path] = self._content(path, *known)
        if self.reason:
            raise Unusable(self.reason)
        try:
            return read_set(Read(kind, name, value) for (kind, name), value in self._values.items())
        except ValueError as error:
            raise Unusable(f"what it reads cannot be told: {error}") from None

    def _content(self, path: str, signature: Signature, value: str) -> str:
        if value and self._is_own(self.real(path)):
            return value  # it was digested before the code wrote it
        with _named(path):
            # One that was young when it was digested is digested again: only those that are not are remembered.
            found = self._digest(path)
        if found[0] != signature or value not in ("", found[1]):
            raise Unusable(f"{path} was changed meanwhile")
        return found[1]

    def facts(self) -> Facts:
        """Return what was done beside reading."""
        written = {path: place for path, (existed, place) in self._effects.items() if existed or os.path.lexists(path)}
        return Facts(
            connections=_facts(self.connections),
            programs=_facts(self.programs),
            written=_facts(written),
            native=_facts(self.native),
        )


def _facts(found: dict[str, str]) -> tuple[Fact, ...]:
    return tuple(Fact(name, place) for name, place in sorted(found.items()))


def _folders(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(os.path.realpath(path) for path in paths)


def _is_in(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Say which file cannot be read."""
    try:
        yield
    except MISSING:
        raise Unusable(f"{path} was removed meanwhile") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
