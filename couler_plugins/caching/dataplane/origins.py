"""Files and folders outside, at URLs: what is there, how it can be told from what is there later, and its bytes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from couler_plugins.caching.artifacts.listing import files_below, walks
from couler_plugins.caching.dataplane.datasets import shown_url
from couler_plugins.errors import EngineError, InvalidInput, install_hint

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PIECE = 1 << 20  # bytes held in memory
HTTP = ("http", "https")


class Found(NamedTuple):
    """A file that is there.

    Attributes:
        shown: what people call it, without secrets.
        place: what its file system calls it.
        facts: what its file system says of it that another content would change.
    """

    shown: str
    place: str
    facts: Mapping[str, Any]


TELLING = {
    *("etag", "lastmodified", "modified", "modify", "mtime", "created", "size", "generation", "versionid", "ino"),
    *("sha", "sha256", "md5", "md5hash", "contentmd5", "crc32c", "checksum", "digest"),
}
"""What file systems call what another content would change, in lower case and without signs."""


class Origin:
    """A file or folder outside, as fsspec reads it.

    Attributes:
        shown: its URL without secrets.

    Raises:
        InvalidInput: the URL is not understood, or what reads it is not installed.
        EngineError: it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.shown = shown_url(url)
        self._files, self._place = _file_system(url, self.shown)
        schemes = (self._files.protocol,) if isinstance(self._files.protocol, str) else self._files.protocol
        self._is_http = bool({*HTTP} & {*schemes})

    def look(self) -> dict[str, Found]:
        """The files of a folder by their paths in it; a file by an empty one.

        Raises:
            EngineError: it cannot be read; or a file's name leads out of the folder, or is another's, too.
        """
        with _reading(self.shown):
            info = self._files.info(self._place)
            if self._is_http or info["type"] != "directory":  # over HTTP there are no folders
                return {"": Found(self.shown, self._place, _facts(info))}
            root = self._place.rstrip("/")
            listed = sorted(files_below(self._files, root).items())
        sources: dict[str, Found] = {}
        for place, facts in listed:
            name = PurePosixPath(str(place).removeprefix(root).lstrip("/"))
            if ".." in name.parts or not name.parts or str(name) in sources:
                raise EngineError(f"{self.shown} holds a name that leads out of it, or is there twice")
            sources[str(name)] = Found(f"{self.shown.rstrip('/')}/{name}", place, _facts(facts))
        return sources

    def may_be_folder(self) -> bool:
        """Whether a file may stand for a folder, whose files it does not tell of.

        An object may have others below its name; over HTTP, a server answers for a folder with a page about it.

        Raises:
            EngineError: it cannot be read.
        """
        with _reading(self.shown):
            if self._is_http:
                return not urlsplit(self._files.info(self._place)["url"]).path.rpartition("/")[2]
            root = self._place.rstrip("/")
            below = {} if walks(self._files) else files_below(self._files, root)
            return any(str(place).startswith(f"{root}/") for place in below)

    def pieces(self, source_file: Found) -> Iterator[bytes]:
        """The bytes of a file, as they come.

        Raises:
            EngineError: they cannot be read.
        """
        # One request for all of it over HTTP: several may be answered from several states of it.
        size = 0 if self._is_http else PIECE
        source: BinaryIO
        with _reading(source_file.shown), self._files.open(source_file.place, "rb", block_size=size) as source:
            while piece := source.read(PIECE):
                yield piece


@contextlib.contextmanager
def _reading(shown: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # file systems raise whatever their clients do
        raise _unreadable(shown, error) from error


def _facts(info: Mapping[str, Any]) -> dict[str, Any]:
    named = {re.sub("[^a-z0-9]", "", name.lower()): value for name, value in info.items()}
    return {name: value for name, value in named.items() if name in TELLING and value is not None}


def _file_system(url: str, shown: str) -> tuple[AbstractFileSystem, str]:
    import fsspec

    try:
        options = _http_options() if url.lower().startswith(HTTP) else {}
        files, place = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as error:
        hint = install_hint("storage")
        raise InvalidInput(f"what reads {shown} is not installed", hint=hint) from error
    except OSError as error:  # some connect at once
        raise _unreadable(shown, error) from error
    except Exception as error:  # of what a URL lacks, each says something else
        raise InvalidInput(f"{shown} is not a URL that fsspec understands") from error
    return files, place


def _http_options() -> dict[str, Any]:
    """The bytes as they are there, for as long as it takes: the client's own limit is five minutes for all of them."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None)
    return {"client_kwargs": {"timeout": timeout}, "headers": {"Accept-Encoding": "identity"}}


def _unreadable(shown: str, error: Exception) -> EngineError:
    """What a failure of a file system is to people."""
    # Of whatever fails over HTTP, fsspec says that there is nothing; what the client has said is the cause.
    cause = error.__cause__ or error
    status = getattr(cause, "status", None)
    if isinstance(cause, FileNotFoundError) or status in (404, 410):
        return EngineError(f"there is nothing at {shown}")
    # What clients say by themselves may hold the URL, and with it what gives access.
    reason = type(cause).__name__ if status is None else f"HTTP status {status}"
    if isinstance(cause, OSError) and cause.errno:
        reason = os.strerror(cause.errno)
    return EngineError(f"{shown} cannot be read: {reason}", hint="check the network and your credentials")
