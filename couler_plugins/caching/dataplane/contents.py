"""Contents and states of files and folders: a text that a key can cover, and whether it was written since."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, NamedTuple, NoReturn, TypeAlias

from couler_plugins.caching.keys import digest
from couler_plugins.errors import InvalidInput


class Entry(NamedTuple):
    """Something in a folder.

    Attributes:
        name: its path in the folder, with `/`.
        kind: what it is.
        path: where it is.
        executable: whether its owner may execute it; only files may be.
        target: what a link says.
    """

    name: str
    kind: Literal["file", "folder", "link"]
    path: Path
    executable: bool = False
    target: str = ""


Skip: TypeAlias = Callable[[Path], bool]
"""Tells which paths are left out, with all that is in them; it is asked once for each path, links in it followed."""


def entries_of(folder: Path, skip: Skip | None = None) -> Iterator[Entry]:
    """All that is in a folder, sorted by path; a folder comes before what is in it.

    Args:
        folder: the folder.
        skip: what is left out.

    Raises:
        InvalidInput: something in it is neither a file, a folder nor a link, or a link leads out of it.
        OSError: it cannot be read.
    """
    root = folder.resolve(strict=True)
    start = len(os.path.join(root, ""))  # noqa: PTH118  # of many, what a Path does is slow
    named = ((os.fspath(path)[start:], path) for path in _walk(root, skip or _nothing))
    for name, path in sorted(named, key=lambda item: item[0].split("/")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(path)  # noqa: PTH115  # a Path takes `a` and `a/` for the same, and a reader does not
            way = PurePosixPath(target)
            if way.is_absolute() or _leaves(PurePosixPath(name).parent, way) or not is_inside(path, root):
                raise InvalidInput(f"the link {name!r} leads out of its folder", file=str(folder))
            yield Entry(name, "link", path, target=target)
        elif stat.S_ISDIR(mode):
            yield Entry(name, "folder", path)
        elif stat.S_ISREG(mode):
            yield Entry(name, "file", path, executable=bool(mode & stat.S_IXUSR))
        else:
            raise InvalidInput(f"{name!r} is neither a file, a folder nor a link", file=str(folder))


def _walk(root: Path, skip: Skip) -> Iterator[Path]:
    for at, folders, files in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not skip(Path(at, name))]  # os.walk goes into those that are left
        yield from (Path(at, name) for name in folders)
        yield from (path for name in files if not skip(path := Path(at, name)))


def _nothing(path: Path) -> bool:
    return False


def resolved(path: Path) -> Path:
    """Where a path leads, through all links; one in a circle of links leads to itself."""
    return Path(os.path.realpath(path))


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path leads into a folder, whose own path is resolved."""
    return resolved(path).is_relative_to(root)


def _leaves(folder: PurePosixPath, target: PurePosixPath) -> bool:
    """Whether a link in a folder steps out of the root on its way, be it to come back by the root's own name."""
    depth = len(folder.parts)
    for part in target.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def open_plain(path: str | Path, folder: int | None = None) -> BinaryIO:
    """Opens a regular file, and nothing that a link of that name leads to; no pipe is waited for.

    Args:
        path: the file.
        folder: the descriptor of the folder that `path` is relative to.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return stream


def open_inside(root: Path, name: str) -> BinaryIO:
    """Opens a file in a folder by its path there, following no link, whoever puts one there meanwhile.

    Raises:
        OSError: it is no regular file any more, or cannot be read.
    """
    *folders, last = name.split("/")
    with contextlib.ExitStack() as stack:
        at: int | None = None
        for folder in (str(root), *folders):
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            stack.callback(os.close, at)
        return open_plain(last, at)


def _refuse(error: OSError) -> None:
    raise error


def content_of(path: Path, skip: Skip | None = None) -> str:
    """The content of a file (`sha256:…`, of its bytes) or of a folder (`tree:…`: names, bytes, links, executable bits).

    Args:
        path: the file or folder.
        skip: what of a folder is left out.

    Raises:
        InvalidInput: it is neither, or has something in it that is neither.
        OSError: it cannot be read.
    """
    if path.is_file():
        return f"sha256:{sha256_of(path)}"
    return tree_of(entries_of(path, skip)) if path.is_dir() else _refuse_kind(path)


def is_executable(path: Path) -> bool:
    """Whether this is a file that its owner may execute, which is no part of its bytes."""
    return path.is_file() and bool(path.stat().st_mode & stat.S_IXUSR)


def tree_of(entries: Iterable[Entry]) -> str:
    """The content of a folder that has these in it.

    Raises:
        OSError: one cannot be read.
    """
    rows = [
        [item.kind, item.name, item.executable, sha256_of(item.path) if item.kind == "file" else item.target]
        for item in entries
    ]
    return f"tree:{digest(rows)}"


def _refuse_kind(path: Path) -> NoReturn:
    raise InvalidInput("this is neither a file nor a folder", file=str(path))


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal; reads it piece by piece."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Status(NamedTuple):
    """What becomes another one once something is written or changed, be it with the same bytes.

    Attributes:
        kind: file, folder or link, as `stat.S_IFMT` tells them apart.
        device: the device that it is on.
        inode: its number there.
        bytes: its size.
        written: when its content was written, in ns.
        changed: when its inode was changed, in ns: also by a new name, another mode or another owner.
    """

    kind: int
    device: int
    inode: int
    bytes: int
    written: int
    changed: int


State: TypeAlias = Mapping[str, Status]
"""Of a file, or of a folder and all that is in it, by path."""


def state_of(path: Path) -> State:
    """Return the state of a file or folder; it is empty where there is none.

    Where the path is a link, the link itself counts, too.

    Raises:
        OSError: it cannot be read.
    """
    try:
        statuses = {"": status_of(path.lstat()), os.fspath(path): status_of(path.stat())}
    except FileNotFoundError:
        return {}
    for at, *names in os.walk(path, onerror=_refuse) if path.is_dir() else ():
        inner = (os.path.join(at, name) for kind in names for name in kind)  # noqa: PTH118  # of many, a Path is slow
        statuses |= {name: status_of(os.lstat(name)) for name in inner}
    return statuses


def status_of(result: os.stat_result) -> Status:
    """Return what counts of a stat."""
    return Status(
        stat.S_IFMT(result.st_mode),
        result.st_dev,
        result.st_ino,
        result.st_size,
        result.st_mtime_ns,
        result.st_ctime_ns,
    )


class WatchedInputs:
    """Files and folders, as they are now.

    A file that is changed and put back has its old content, but not its old times: so inode, size, mtime and ctime
    count, of all that is in a folder as well.

    Args:
        states: what gives the state of each, by the name that a message shows.

    Raises:
        InvalidInput: one is neither a file nor a folder.
        OSError: one cannot be read.
    """

    def __init__(self, states: Mapping[str, Callable[[], State]]) -> None:
        self._states = states
        self._before = {name: state() for name, state in states.items()}

    def changed(self) -> str:
        """Return the name of the first that is not what it was; empty where there is none.

        Raises:
            InvalidInput: one is neither a file nor a folder any more.
            OSError: one cannot be read.
        """
        return next((name for name, state in self._states.items() if state() != self._before[name]), "")
