"""Digests of files: each content is read once in a process, as long as its stat signature stays the same."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from typing import NamedTuple

LARGEST = 1 << 30
"""How many bytes a file may have whose content is read."""
PIECE = 8 << 20  # bytes that are hashed on their own, so that several cores can
BUFFER = 1 << 18  # bytes at a time: what is copied stays in the core's cache
YOUNG = 2_000_000_000  # ns; the coarsest clock of a file system that is in use ticks that slowly
KEPT = 100_000  # digests, about 30 MB
PSEUDO = ("/proc/", "/sys/")  # their files tell neither their size nor when they changed
LARGEST_PSEUDO = 1 << 20
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Unusable(Exception):
    """What was read cannot be told, with the reason."""


class Signature(NamedTuple):
    """What changes whenever a file is written.

    Attributes:
        device: the device that it is on.
        inode: its number there.
        size: in bytes.
        written: when its content was written, in ns.
        changed: when its inode was changed, in ns.
    """

    device: int
    inode: int
    size: int
    written: int
    changed: int


_kept: dict[Signature, str] = {}
_lock = threading.Lock()


def signature_of(status: os.stat_result) -> Signature:
    """Return the signature of a file from its status."""
    return Signature(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def is_young(signature: Signature) -> bool:
    """Tell whether another write could still leave the same signature, as the clock has not ticked since the last."""
    return time.time_ns() - max(signature.written, signature.changed) < YOUNG


def is_pseudo(path: str) -> bool:
    """Tell whether a path is of a file system that makes up its files when they are read."""
    return path.startswith(PSEUDO)


def digest_file(path: str, largest: int) -> tuple[Signature, str]:
    """Return a file's signature and its size and digest, as `SIZE:DIGEST`.

    Args:
        path: the file; links are followed, and nothing but a regular file is opened.
        largest: how many bytes it may have.

    Raises:
        Unusable: it is larger, no regular file, or was changed meanwhile.
        OSError: it cannot be read.
    """
    before = os.stat(path)  # what is opened may have effects, where it is a device: look first  # noqa: PTH116
    if not stat.S_ISREG(before.st_mode):
        raise Unusable(f"{path} is no regular file")
    if is_pseudo(path):
        return signature_of(before), _digest_pseudo(path)
    signature = signature_of(before)
    if signature.size > largest:
        raise Unusable(f"{path} is larger than {largest} bytes")
    if (value := _kept.get(signature)) is not None:
        return signature, value
    young = is_young(signature)
    descriptor = os.open(path, FLAGS)
    try:
        if signature_of(os.fstat(descriptor)) != signature:
            raise Unusable(f"{path} was changed while it was read")
        value = f"{signature.size}:{_digest(descriptor, signature.size)}"
        if signature_of(os.fstat(descriptor)) != signature:
            raise Unusable(f"{path} was changed while it was read")
    finally:
        os.close(descriptor)
    if not young:
        with _lock:
            if len(_kept) >= KEPT:
                _kept.clear()
            _kept[signature] = value
    return signature, value


def _digest(descriptor: int, size: int) -> str:
    """The digest of the digests of all pieces."""
    if size <= BUFFER:  # most files are small
        content = os.read(descriptor, size)
        if len(content) != size:
            raise Unusable("a file became shorter while it was read")
        return hashlib.sha256(hashlib.sha256(content).digest()).hexdigest()
    starts = range(0, size, PIECE)
    workers = min(len(starts), os.cpu_count() or 1, 4)

    def piece(start: int) -> bytes:
        return _digest_piece(descriptor, start, min(PIECE, size - start))

    if workers == 1:
        pieces = list(map(piece, starts))
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            pieces = list(pool.map(piece, starts))
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def _digest_piece(descriptor: int, start: int, size: int) -> bytes:
    digest, view = hashlib.sha256(), memoryview(bytearray(BUFFER))
    done = 0
    while done < size:
        read = os.preadv(descriptor, [view[: size - done]], start + done)
        if read == 0:
            raise Unusable("a file became shorter while it was read")
        digest.update(view[:read])
        done += read
    return digest.digest()


def _digest_pseudo(path: str) -> str:
    descriptor = os.open(path, FLAGS)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123  # it is a descriptor
        content = b""
        while part := stream.read(LARGEST_PSEUDO + 1 - len(content)):
            content += part
    if len(content) > LARGEST_PSEUDO:
        raise Unusable(f"{path} is larger than {LARGEST_PSEUDO} bytes")
    return f"{len(content)}:{hashlib.sha256(content).hexdigest()}"
