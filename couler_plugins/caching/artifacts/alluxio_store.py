"""The store in Alluxio: its workers stand before another store, whose URLs name the objects.

These are workers that serve HTTP at `/v1/`. Those of Alluxio 2.9 do not: its proxy has an S3 interface instead.
The client alluxiofs has no conditional creation and no upload in parts of its own, keeps what it knows of files for
ever, and raises bare exceptions; this store has none of the first, and mends the others.
"""

from __future__ import annotations

import contextlib
import io
import logging
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast
from urllib.parse import parse_qs, urlsplit

from couler_plugins.caching.artifacts.fsspec_store import Stream, attempt
from couler_plugins.caching.artifacts.sources import CHUNK, check_object, is_object, temporary_beside
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.hookspecs.stores import StoredObject
from couler_plugins.net.redacting import redact_url


class AlluxioStore:
    """Objects behind Alluxio's workers: written under another name and renamed.

    `alluxio://host:port[,host:port]/bucket/path?under=s3` names what the workers know as `s3://bucket/path`; without
    `under` it is `file:///bucket/path`.
    """

    schemes: ClassVar[tuple[str, ...]] = ("alluxio",)
    conditional: bool = False

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        self._root = root.rstrip("/")

    @classmethod
    def open(cls, url: str) -> AlluxioStore:
        parts = urlsplit(url)
        under = parse_qs(parts.query).get("under", ["file"])[0]
        if not parts.netloc or not under.isalnum():
            hint = "alluxio://host:port/path, or alluxio://host:port/bucket/path?under=s3"
            raise InvalidInput(f"{redact_url(url)} names no worker and path", hint=hint)
        with restating(ImportError, "Alluxio needs alluxiofs", reason=False, extra="storage"):
            from alluxiofs import AlluxioFileSystem
        files = attempt(
            lambda: AlluxioFileSystem(
                worker_hosts=parts.netloc, logger=logging.getLogger("alluxiofs"), skip_instance_cache=True
            )
        )
        root = f"file://{parts.path}" if under == "file" else f"{under}:/{parts.path}"
        return cls(files, root)

    def put(self, name: str, content: bytes | Path, *, replace: bool = True) -> bool:
        path = self._path(name)
        if not replace and self._exists(path):
            return False
        aside = self._path(temporary_beside(name))
        with _in_memory(content) as data:
            attempt(lambda: self._files.write_bytes(aside, data))
        try:
            attempt(lambda: self._files.mkdir(path.rpartition("/")[0]))
            attempt(lambda: self._files.mv(aside, path))
        except OSError:
            with contextlib.suppress(OSError):
                self._remove(aside)
            raise
        self._forget()
        return True

    def read(self, name: str) -> BinaryIO:
        path = self._path(name)
        if not self._exists(path):
            raise FileNotFoundError(f"{name} is not there")
        self._forget()
        stream = attempt(lambda: self._files.open(path, "rb"))
        return cast("BinaryIO", io.BufferedReader(Stream(stream), CHUNK))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield from self._walk(self._path(prefix.rstrip("/")) if prefix else self._root)

    def delete(self, name: str) -> None:
        path = self._path(name)
        if self._exists(path):
            self._remove(path)

    def _walk(self, folder: str) -> Iterator[StoredObject]:
        if not self._exists(folder):
            return
        infos = attempt(lambda: self._files.ls(folder, detail=True))
        for info in sorted(infos, key=lambda info: str(info["name"])):
            path = f"{folder}/{str(info['name']).rstrip('/').rpartition('/')[2]}"
            name = path.removeprefix(f"{self._root}/")
            if not is_object(name):
                continue
            if info["type"] == "directory":
                yield from self._walk(path)
            else:
                when = info.get("mtime")
                modified = when / 1000 if isinstance(when, (int, float)) else None
                yield StoredObject(name=name, bytes=int(info["size"]), modified=modified)

    def _exists(self, path: str) -> bool:
        return bool(attempt(lambda: self._files.exists(path)))

    def _remove(self, path: str) -> None:
        attempt(lambda: self._files.rm(path))
        self._forget()

    def _forget(self) -> None:
        """What the client remembers of files is never brought up to date."""
        self._files.file_info_cache.clear()

    def _path(self, name: str) -> str:
        return f"{self._root}/{check_object(name)}"


@contextlib.contextmanager
def _in_memory(content: bytes | Path) -> Iterator[Any]:
    """The bytes as the client takes them; those of a file are mapped, and not read at once."""
    if isinstance(content, bytes) or not content.stat().st_size:
        yield content if isinstance(content, bytes) else b""
        return
    with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
