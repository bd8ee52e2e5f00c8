"""The objects in a store: bytes of outputs under the sha256 of their content, and the manifests of results.

They are hashed while they are written, in one pass, and compared with their digest before anybody is handed them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from couler_plugins.caching.artifacts.entry import LONGEST, Damaged, Entry, LaterVersion, Lost, Output, decode_entry
from couler_plugins.caching.artifacts.sources import (
    CHUNK,
    Source,
    blob_name,
    chunks_of,
    entry_name,
    namespace_of,
    temporary_name,
)
from couler_plugins.caching.artifacts.stores import StagingStore
from couler_plugins.hookspecs.stores import ArtifactStore
from couler_plugins.net.redacting import redact

IN_MEMORY = 8 << 20
"""Bytes of an output that are handed out from memory; what is larger goes through a temporary file."""


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that were written aside and hashed.

    Attributes:
        aside: the name that they have aside.
        sha256: their digest.
        bytes: how many there are.
        local: where they are on this machine, for a store in which nothing can be written aside.
    """

    aside: str
    sha256: str
    bytes: int
    local: Path | None = None


class Blobs:
    """The objects of one namespace in a store."""

    def __init__(self, store: ArtifactStore, namespace: str) -> None:
        self._store = store
        self._folder = namespace_of(namespace)

    def name_aside(self) -> str:
        """A new name for something that is written aside."""
        return temporary_name(secrets.token_hex(12))

    def stage(self, source: Source, aside: str) -> Staged:
        """Writes a source aside and hashes it on the way.

        Raises:
            OSError: reading or writing fails, or the source has another size than it said.
        """
        digest = hashlib.sha256()
        chunks = _hashed(chunks_of(source), digest.update)
        if isinstance(self._store, StagingStore):
            self._store.write_aside(self._folder + aside, chunks)
            return Staged(aside=aside, sha256=digest.hexdigest(), bytes=source.bytes)
        local = _spool(chunks)
        return Staged(aside=aside, sha256=digest.hexdigest(), bytes=source.bytes, local=local)

    def publish(self, staged: Staged, name: str) -> None:
        """Gives what was written aside its own name; equal content may be there already."""
        if staged.local is not None:
            self._store.put(self._folder + name, staged.local)
        else:
            assert isinstance(self._store, StagingStore)
            self._store.publish(self._folder + staged.aside, self._folder + name)

    def discard(self, staged: Iterable[Staged]) -> None:
        """Removes what was written aside on this machine; what is aside in the store is the index's to remove."""
        for one in staged:
            if one.local is not None:
                one.local.unlink(missing_ok=True)

    def present(self, output: Output) -> bool:
        """Whether a blob of the right size is there.

        Raises:
            OSError: the store cannot tell.
        """
        try:
            with self._store.read(self._folder + output.blob) as stream:
                return stream.seek(0, os.SEEK_END) == output.bytes
        except FileNotFoundError:
            return False

    def read(self, output: Output) -> bytes:
        """The bytes of an output.

        Raises:
            Lost: the blob is missing, damaged or cannot be read.
        """
        chunks: list[bytes] = []
        self._copy(output, chunks.append)
        return b"".join(chunks)

    def open(self, output: Output) -> BinaryIO:
        """The bytes of an output as a file of the caller's own.

        Raises:
            Lost: the blob is missing, damaged or cannot be read.
            OSError: there is no room for a copy.
        """
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # the caller closes it
        try:
            self._copy(output, file.write)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return cast("BinaryIO", file)

    def save(self, output: Output, path: Path) -> None:
        """Writes an output to a file, which is replaced at once when all bytes are there and right.

        Raises:
            Lost: the blob is missing, damaged or cannot be read.
            OSError: the file cannot be written.
        """
        aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
        try:
            with aside.open("xb", buffering=0) as file:
                self._copy(output, lambda chunk: _write(file, chunk))
            aside.replace(path)
        finally:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)

    def check(self, output: Output) -> None:
        """Reads a blob and compares it with its digest.

        Raises:
            Lost: it is missing, damaged or cannot be read.
        """
        self._copy(output, len)

    def delete(self, name: str) -> None:
        """Removes an object; OSError where that fails."""
        self._store.delete(self._folder + name)

    def _copy(self, output: Output, write: Callable[[bytes], object]) -> None:
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(output):
            digest.update(chunk)
            size += len(chunk)
            if size > output.bytes:
                break
            write(chunk)
        if size != output.bytes or digest.hexdigest() != output.sha256:
            raise Damaged(f"the blob of {output.name} is not what was stored")

    def _chunks(self, output: Output) -> Iterator[bytes]:
        try:
            with self._store.read(self._folder + output.blob) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise Damaged(f"the blob of {output.name} is missing") from None
        except OSError as error:
            raise Lost(f"the blob of {output.name} cannot be read: {redact(error)}") from None


def _write(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _hashed(chunks: Iterable[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    """The chunks; each is hashed while whoever takes it writes it, since hashing lets other threads run."""
    several = iter(chunks)
    first = next(several, b"")
    update(first)
    yield first
    with ThreadPoolExecutor(1, "hashing") as thread:
        for chunk in several:
            hashing = thread.submit(update, chunk)
            yield chunk
            hashing.result()


def _spool(chunks: Iterable[bytes]) -> Path:
    """Writes bytes to a temporary file of this machine."""
    descriptor, name = tempfile.mkstemp(prefix="couler-")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for chunk in chunks:
                _write(cast("BinaryIO", file), chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


log = logging.getLogger(__name__)

AGAIN = 3
"""How often a manifest is read again that is replaced meanwhile."""
DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest of a later version.

    Attributes:
        blobs: the blobs that it may need: in this layout of a store every version names them by their digests.
    """

    blobs: frozenset[str]


def read_manifest(store: ArtifactStore, namespace: str, name: str) -> Entry | Later | None:
    """What a manifest in the store says; None where it is damaged, gone, or another's.

    Raises:
        OSError: the store failed.
    """
    try:
        data = _content(store, namespace_of(namespace) + name)
        entry = decode_entry(data)
    except FileNotFoundError:
        return None
    except LaterVersion:
        log.info("the manifest %s is left alone: a later version made it", name)
        return Later(blobs=frozenset(blob_name(digest.decode()) for digest in DIGEST.findall(data)))
    except ValueError as error:
        log.warning("the manifest %s is left out: %s", name, error)
        return None
    names = (entry_name(entry.key), entry_name(entry.key, hashlib.sha256(data).hexdigest()))
    if entry.namespace != namespace or name not in names:
        log.warning("the manifest %s is left out: it is another's, or was changed", name)
        return None
    return entry


def _content(store: ArtifactStore, name: str) -> bytes:
    """What an object holds; one that is replaced while it is read is read again."""
    for _ in range(AGAIN):
        try:
            with store.read(name) as stream:
                return stream.read(LONGEST + 1)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    with store.read(name) as stream:
        return stream.read(LONGEST + 1)


def read_manifests(store: ArtifactStore, namespace: str) -> Iterator[tuple[str, Entry | Later | None]]:
    """All manifests of a namespace: the name inside of it, and what is there.

    Raises:
        OSError: the store failed.
    """
    folder = namespace_of(namespace)
    for item in store.list(f"{folder}entries/"):
        name = item.name.removeprefix(folder)
        yield name, read_manifest(store, namespace, name)
