"""The store in a local folder, and how a URL becomes a store."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from couler_plugins.caching.artifacts.alluxio_store import AlluxioStore
from couler_plugins.caching.artifacts.fsspec_store import FsspecStore
from couler_plugins.caching.artifacts.listing import refuse
from couler_plugins.caching.artifacts.sources import CHUNK, check_object, is_object, temporary_beside
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.hookspecs.stores import ArtifactStore, StoredObject
from couler_plugins.net.redacting import redact, redact_url

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")


@runtime_checkable
class StagingStore(ArtifactStore, Protocol):
    """A store in which an object can be written under a temporary name and be given its own name afterwards."""

    def write_aside(self, name: str, chunks: Iterable[bytes]) -> None:
        """Writes an object that is not yet to be seen, so that it survives a crash of the machine."""

    def publish(self, aside: str, name: str) -> None:
        """Gives what was written aside its own name, at once; what had that name is replaced."""


class FolderStore:
    """Objects as files in a folder of this machine: written aside, synchronised, and linked or renamed.

    Folders and files that are symbolic links are refused, so that no name leads out of the folder.
    """

    schemes: ClassVar[tuple[str, ...]] = ("file", "local")
    conditional: bool = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, url: str) -> FolderStore:
        folder = folder_of(checked_place(url))
        if folder is None:
            raise InvalidInput(f"{redact_url(url)} is no local folder")
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder.resolve())

    def put(self, name: str, content: bytes | Path, *, replace: bool = True) -> bool:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path(temporary_beside(name))
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(temporary, [content] if isinstance(content, bytes) else _read(content))
            if replace:
                temporary.replace(path)
                return True
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        return True

    def write_aside(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._write(path, chunks)
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            raise

    def publish(self, aside: str, name: str) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path(aside).replace(path)

    def read(self, name: str) -> BinaryIO:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe would wait for a writer
        try:
            descriptor = os.open(self._path(name), flags)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):
                raise
            raise FileNotFoundError(errno.ENOENT, f"{name} is no regular file") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, f"{name} is no regular file")
        return os.fdopen(descriptor, "rb", buffering=CHUNK)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        try:
            start = self._path(prefix.rstrip("/") + "/x").parent if prefix else self._folder
        except FileNotFoundError:
            return
        for folder, folders, files in os.walk(start, onerror=refuse):
            folders.sort()
            for file in sorted(files):
                path = Path(folder, file)
                name = path.relative_to(self._folder).as_posix()
                if not is_object(name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = path.lstat()
                    yield StoredObject(name=name, bytes=status.st_size, modified=status.st_mtime)

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        """The file of an object.

        Raises:
            InvalidInput: the name is none.
            FileNotFoundError: a folder on the way is a symbolic link: what it leads to is no part of the store.
        """
        path = self._folder
        *folders, last = check_object(name).split("/")
        for folder in folders:
            path /= folder
            if path.is_symlink():
                raise FileNotFoundError(errno.ENOENT, f"{folder} in the store is a symbolic link, not a folder")
        return path / last

    def _write(self, path: Path, chunks: Iterable[bytes]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o666), "wb", buffering=0) as file:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
            os.fsync(file.fileno())


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def checked_place(place: str | Path) -> str:
    """Where a store is, with the scheme of its URL in lower case; a plain path is a local folder.

    Raises:
        InvalidInput: it is nothing, or can be read in two ways.
    """
    if isinstance(place, Path):
        place = os.path.join(os.curdir, place)  # noqa: PTH118  # a path that begins like a URL stays a path
    if not place or "\0" in place:
        raise InvalidInput("the URL of the store is empty", hint="give a folder or a URL")
    match = SCHEME.match(place)
    if match is None:
        return place
    scheme, slashes = match[1].lower(), match[2]
    shown = redact_url(place)
    if not slashes:
        hint = f"give {scheme}://…, or ./{shown} for a folder of that name"
        raise InvalidInput(f"{shown} is neither a URL nor clearly a folder", hint=hint)
    with restating(ValueError, f"{shown} is no URL"):
        urlsplit(place)
    rest = place[match.end() :]
    if scheme in FolderStore.schemes:
        host = rest.partition("/")[0]
        if host not in ("", "localhost"):
            hint = f"give {scheme}:///… with the whole path, or the folder without {scheme}://"
            raise InvalidInput(f"{shown} names a host, {redact(host)}, and a local folder has none", hint=hint)
        if "?" in rest or "#" in rest:
            raise InvalidInput(f"{shown} has more than a path", hint="write %3F for ? and %23 for # in it")
    return f"{scheme}://{rest}"


def folder_of(place: str) -> Path | None:
    """The local folder that a place names, as `checked_place` gives it; None where it is of another kind."""
    if SCHEME.match(place) is None:
        return Path(place).expanduser()
    scheme, _, rest = place.partition("://")
    return Path(unquote(rest.removeprefix("localhost"))) if scheme in FolderStore.schemes else None


def open_store(place: str, stores: Iterable[type[ArtifactStore]] = ()) -> ArtifactStore:
    """The store at a place, by whoever serves its scheme.

    Args:
        place: a folder or a URL.
        stores: those who serve schemes, before the built-in ones.

    Raises:
        InvalidInput: the URL is not understood, or what serves its scheme is not installed.
        EngineError: the place cannot be used.
    """
    place = checked_place(place)
    match = SCHEME.match(place)
    scheme = "file" if match is None else match[1]
    kinds: list[type[ArtifactStore]] = [*stores, FolderStore, AlluxioStore, FsspecStore]
    kind = next(store for wanted in (scheme, "*") for store in kinds if wanted in store.schemes)
    try:
        return kind.open(place)
    except OSError as error:
        raise EngineError(f"the store {redact_url(place)} cannot be used: {redact(error)}") from None
