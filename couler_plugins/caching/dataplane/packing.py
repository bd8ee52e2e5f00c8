"""Folders as one stream of bytes and back: a tar archive that is the same for the same content.

The format is that of POSIX.1-2001 (pax), members sorted by path, without times, owners and other modes than the
executable bit. What comes out of a store is not trusted: only what `Packed` gives is taken, and nothing leaves
the folder.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from couler_plugins.caching.artifacts.sources import same_file
from couler_plugins.caching.dataplane.contents import Entry, Skip, entries_of, is_inside, open_inside

FILE_MODE, PROGRAM_MODE = 0o644, 0o755
"""Modes of what is restored: readable by whoever runs the next step, under the process's umask."""

TYPES = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}
PIECE = 1 << 20  # bytes held in memory


class Packed:
    """A folder as an archive, as long as nobody changes the folder.

    Args:
        folder: the folder.
        skip: what of it is left out.

    Attributes:
        bytes: how many bytes the archive has.

    Raises:
        InvalidInput: something in it is neither a file, a folder nor a link, or a link leads out of it.
        OSError: it cannot be read.
    """

    def __init__(self, folder: Path, skip: Skip | None = None) -> None:
        self._folder = folder
        entries = [(item, item.path.lstat()) for item in entries_of(folder, skip)]
        self._members = [(_member(item, status), status) for item, status in entries]
        content = sum(len(_header(member)) + member.size + _padding(member.size) for member, _ in self._members)
        self._end = 2 * tarfile.BLOCKSIZE + -(content + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE
        self.bytes: int = content + self._end

    def chunks(self) -> Iterator[bytes]:
        """The archive, piece by piece.

        Raises:
            OSError: a file cannot be read, or was changed.
        """
        return _joined(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        for member, status in self._members:
            yield _header(member)
            if member.isreg():
                with open_inside(self._folder, member.name) as stream:
                    yield from exactly(stream, status)
                yield bytes(_padding(member.size))
        yield bytes(self._end)


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: each costs a store the same, however small."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _member(item: Entry, status: os.stat_result) -> tarfile.TarInfo:
    member = tarfile.TarInfo(item.name)
    member.type = TYPES[item.kind]
    member.linkname = item.target
    member.mode = PROGRAM_MODE if item.executable or item.kind == "folder" else FILE_MODE
    member.size = status.st_size if item.kind == "file" else 0
    return member


def _header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE


def exactly(stream: BinaryIO, before: os.stat_result) -> Iterator[bytes]:
    """The bytes of a file, piece by piece.

    Args:
        stream: the file.
        before: its status when its size was told.

    Raises:
        OSError: it is another file, or was written since then.
    """
    remaining = before.st_size
    while piece := stream.read(min(PIECE, remaining)):
        remaining -= len(piece)
        yield piece
    if remaining or not same_file(before, os.fstat(stream.fileno())):
        raise OSError(None, "it was changed while it was read")


def unpack(stream: BinaryIO, folder: Path) -> None:
    """Writes a packed folder into a new folder; on an error, what is there by then is the caller's to remove.

    Raises:
        ValueError: these are not the bytes of a folder, or something would leave it.
        OSError: it cannot be written, or there is something already.
    """
    folder.mkdir()
    links: list[tuple[Path, str]] = []
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                path = folder / _checked_name(member.name)
                if member.isdir():
                    path.mkdir()
                elif member.issym():
                    links.append((path, member.linkname))  # made last: nothing is ever written through a link
                elif member.type == tarfile.REGTYPE and not member.issparse():  # a hole could be larger than any disk
                    _write(archive, member, path)
                else:
                    raise ValueError(f"{member.name!r} is of a type that no folder is stored with")
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"these are not the bytes of a folder: {error}") from error
    _make_links(folder, links)


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError(f"{name!r} would leave its folder")
    return name


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = archive.extractfile(member)
    assert content is not None, "a regular member has content"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PROGRAM_MODE if member.mode & 0o100 else FILE_MODE)
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor, no path
        shutil.copyfileobj(content, file, PIECE)


def _make_links(folder: Path, links: list[tuple[Path, str]]) -> None:
    for path, target in links:
        if Path(target).is_absolute():
            raise ValueError(f"the link {path.name!r} would leave its folder")
        path.symlink_to(target)
    root = folder.resolve(strict=True)
    # Only when all are there is it known where they lead: one may go through another.
    for path, _ in links:
        if not is_inside(path, root):
            raise ValueError(f"the link {path.name!r} would leave its folder")
