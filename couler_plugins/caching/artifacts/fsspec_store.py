"""The store at any fsspec URL: memory, S3, Alluxio and whatever else has an implementation."""

from __future__ import annotations

import contextlib
import errno
import io
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeVar, cast

from couler_plugins.caching.artifacts.listing import files_below
from couler_plugins.caching.artifacts.sources import CHUNK, check_object, is_object, temporary_beside
from couler_plugins.errors import InvalidInput, install_hint
from couler_plugins.hookspecs.stores import StoredObject
from couler_plugins.net.redacting import redact, redact_url

T = TypeVar("T")

PATIENCE = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 1}}
"""How long botocore waits for S3, in seconds, and how often it tries."""

PARTS = 2
"""How many parts of an upload to S3, of 50 MB each, are in memory at a time; s3fs would take ten."""

AT_ONCE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"})
"""Protocols of stores in which an object is seen when all of it is there."""

PROBE = "v1/probe"
"""Where an object is put twice to learn whether the store itself refuses the second."""


class FsspecStore:
    """Objects of an fsspec file system below one path.

    An object is seen when all of it is there: object stores see to that, in other file systems it is renamed. What has
    S3's interface without its conditions may not see to it either (Alluxio): only an upload in parts is seen at once.
    With `replace=False` an object is put under the store's own condition, where it has one.
    """

    schemes: ClassVar[tuple[str, ...]] = ("*",)

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self.conditional = False
        self.conditional = attempt(self._probe)

    @classmethod
    def open(cls, url: str) -> FsspecStore:
        import fsspec
        from fsspec.dircache import DirCache

        place, options = _with_credentials(url)
        try:
            files, root = fsspec.core.url_to_fs(place, **options)
        except (ImportError, ValueError) as error:
            hint = f"{install_hint('storage')} (for S3 and Alluxio)"
            raise InvalidInput(f"nothing serves {redact_url(url)}: {redact(error)}", hint=hint) from None
        except Exception as error:  # noqa: BLE001  # each client library has its own
            raise _as_oserror(error) from None
        if "s3" in _protocols(files):
            files.retries = 1  # a store that is away is a miss, and not a step that hangs
        files.dircache = DirCache(use_listings_cache=False)  # it would go on saying what others have changed since
        return cls(files, root)

    def put(self, name: str, content: bytes | Path, *, replace: bool = True) -> bool:
        if replace:
            attempt(lambda: self._replace(name, content))
            return True
        data = content.read_bytes() if isinstance(content, Path) else content
        return attempt(lambda: self._create(name, data))

    def read(self, name: str) -> BinaryIO:
        path = self._path(name)
        stream = attempt(lambda: self._files.open(path, "rb", block_size=4 * CHUNK))
        return cast("BinaryIO", io.BufferedReader(Stream(stream), CHUNK))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        start = self._path(prefix.rstrip("/")) if prefix else self._root
        self._files.invalidate_cache()
        try:
            infos = attempt(lambda: files_below(self._files, start))
        except FileNotFoundError:
            return
        for path, info in sorted(infos.items()):
            name = path.removeprefix(self._root).lstrip("/")
            if is_object(name) and info.get("type", "file") == "file":
                yield StoredObject(name=name, bytes=int(info.get("size") or 0), modified=_modified(info))

    def delete(self, name: str) -> None:
        path = self._path(name)
        with contextlib.suppress(FileNotFoundError):
            attempt(lambda: self._files.rm_file(path))
        self._files.invalidate_cache()

    def _replace(self, name: str, content: bytes | Path) -> None:
        """Writes an object that is seen when it is whole: the store sees to that, or it is renamed."""
        path = self._path(name)
        if "s3" in _protocols(self._files) and not self.conditional:
            self._upload_in_parts(path, content)
            return
        if not AT_ONCE.isdisjoint(_protocols(self._files)):
            self._write(path, content)
            return
        aside = self._path(temporary_beside(name))
        try:
            self._write(aside, content)
            self._make_folder(path)
            self._files.mv(aside, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(aside)
            raise

    def _upload_in_parts(self, path: str, content: bytes | Path) -> None:
        """Uploads what is to be one object, which is there when the upload is completed."""
        file = self._files.open(path, "wb", autocommit=False)
        try:
            with file, content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as source:
                shutil.copyfileobj(source, file, CHUNK)
            file.commit()
        except BaseException:
            with contextlib.suppress(Exception):
                file.discard()
            raise

    def _create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        if not self.conditional:
            if self._files.exists(path):
                return False
            self._replace(name, data)
            return True
        self._make_folder(path)
        try:
            self._files.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except Exception as error:
            if _precondition_failed(error):
                return False
            raise
        return True

    def _write(self, path: str, content: bytes | Path) -> None:
        self._make_folder(path)
        if isinstance(content, Path) and "memory" not in _protocols(self._files):
            self._files.put_file(str(content), path)
        else:  # in memory only what comes in one piece is seen at once
            self._files.pipe_file(path, content.read_bytes() if isinstance(content, Path) else content)

    def _make_folder(self, path: str) -> None:
        """Folders of file systems that have them; object stores would take the first for a bucket."""
        if "s3" not in _protocols(self._files):
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{check_object(name)}"

    def _probe(self) -> bool:
        """Whether the second of two conditional puts of one object is refused by the store itself."""
        path = f"{self._root}/{PROBE}-{secrets.token_hex(8)}"
        self._make_folder(path)
        try:
            self._files.pipe_file(path, b"1", mode="create")
            self._files.pipe_file(path, b"2", mode="create")
        except FileExistsError:
            return True
        except Exception as error:
            if _precondition_failed(error):
                return True
            if not isinstance(error, (TypeError, NotImplementedError, ValueError)):
                raise
            self._files.pipe_file(path, b"1")
        finally:
            with contextlib.suppress(Exception):
                self._files.rm_file(path)
        return False


class Stream(io.RawIOBase):
    """A stream of a client library, whose failures are OSErrors too."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = attempt(lambda: self._stream.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(attempt(lambda: self._stream.seek(offset, whence)))

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _with_credentials(url: str) -> tuple[str, dict[str, Any]]:
    """A URL without what stands before its `@`, and that as options: `s3://key:secret@bucket/x?endpoint_url=…`."""
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    options: dict[str, Any] = {}
    if scheme in ("s3", "s3a"):
        from urllib.parse import parse_qsl, unquote

        user, at, rest = rest.rpartition("@")
        if at:
            key, _, secret = user.partition(":")
            options |= {"key": unquote(key), "secret": unquote(secret)}
        supplied = dict(parse_qsl(query))
        region = supplied.pop("region", None)
        options |= {"client_kwargs": {"region_name": region}} if region else {}
        options |= supplied | {"config_kwargs": PATIENCE, "max_concurrency": PARTS}
        query = ""
    return f"{scheme}://{rest}{query and '?'}{query}", options | {"skip_instance_cache": True}


def _protocols(files: Any) -> tuple[str, ...]:
    protocol = files.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _modified(info: dict[str, Any]) -> float | None:
    """When an object was written, by whichever name its file system has for that."""
    for field in ("LastModified", "mtime", "modified", "last_modified", "created"):
        when = info.get(field)
        if isinstance(when, datetime):
            return when.timestamp()
        if isinstance(when, (int, float)):
            return float(when)
    return None


def _precondition_failed(error: BaseException) -> bool:
    """Whether a store refused to replace an object: HTTP 412, or 409 where two were at it at once."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return status in (409, 412) or "PreconditionFailed" in str(error) or "pre-conditions" in str(error)


def _as_oserror(error: Exception) -> OSError:
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(redact(error))
    if type(error).__name__ == "FileExpired":  # s3fs's own: another object has this name by now
        return OSError(errno.ESTALE, redact(error))
    return OSError(f"{type(error).__name__}: {redact(error)}")


def attempt(call: Callable[[], T]) -> T:
    """What the call gives; whatever a client library raises is an OSError without credentials."""
    try:
        return call()
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  # each client library has its own
        raise _as_oserror(error) from None
