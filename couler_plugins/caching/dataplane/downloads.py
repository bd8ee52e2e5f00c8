"""Downloads of datasets: where each comes from, its bytes, and whether they are what its owner has declared."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from couler_plugins.caching.artifacts import ArtifactCache, Entry, Meta
from couler_plugins.caching.artifacts.listing import files_below
from couler_plugins.caching.dataplane.datasets import Dataset, bare_etag, shown_url
from couler_plugins.caching.dataplane.deadline import Expired, time_limit
from couler_plugins.caching.dataplane.placing import placing, remove
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute
from couler_plugins.errors import EngineError, InvalidInput, install_hint

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Where a dataset comes from: what is there, how it can be told from what is there later, and its bytes.

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


OUTPUT = "data"
"""The name of the only output of a dataset."""
LONGEST = 1024  # characters; see `Meta`
ATTEMPTS = 3


class _Changed(EngineError):
    """It was changed while it was read."""


def download(dataset: Dataset, path: Path, *, stall: float | None = None) -> None:
    """Writes a dataset to a new file or folder; on an error, what is there by then is the caller's to remove.

    What is changed while it is read is read again, a few times.

    Args:
        dataset: the version that is wanted.
        path: the new file or folder.
        stall: for how many seconds nothing may come from where it is; None for no limit.

    Raises:
        InvalidInput: the URL is not understood, or what reads it is not installed.
        EngineError: it cannot be read, is not what was declared, or was changed each time.
        OSError: it cannot be written.
    """
    import stamina

    try:
        for attempt in stamina.retry_context(on=_Changed, attempts=ATTEMPTS, timeout=None, wait_initial=1.0):
            with attempt, time_limit(stall) as alive:
                remove(path)
                _fetch(dataset, Origin(dataset.url), path, alive)
    except Expired as error:
        hint = "check the network, or allow more time with --stall"
        message = f"{shown_url(dataset.url)} cannot be read: nothing has come for {stall:g} s"
        raise EngineError(message, hint=hint) from error


def _fetch(dataset: Dataset, origin: Origin, path: Path, alive: Callable[[], None]) -> None:
    before = origin.look()
    _check_etag(dataset, before.get(""), origin.shown)
    if "" not in before:
        if not dataset.version:
            raise EngineError(f"{origin.shown} is a folder", hint="for a folder, use --version")
        path.mkdir()
    digests = [_copy(origin, found, path / name, alive) for name, found in before.items()]
    if dataset.sha256 in digests:
        return  # whatever has happened to it meanwhile
    if origin.look() != before:
        hint = "fetch it when its owner has written it, or declare its sha256"
        raise _Changed(f"{origin.shown} was changed while it was read", hint=hint)
    if dataset.sha256:
        hint = f"its sha256 is {digests[0]}; declare that one if it is what you mean"
        raise EngineError(f"{origin.shown} is not what was declared", hint=hint)


def _copy(origin: Origin, entry: Found, path: Path, alive: Callable[[], None]) -> str:
    """Copies a file to a new one, and returns the sha256 of its bytes."""
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        for piece in origin.pieces(entry):
            alive()
            digest.update(piece)
            target.write(piece)
    return digest.hexdigest()


def _check_etag(dataset: Dataset, entry: Found | None, shown: str) -> None:
    if not dataset.etag or entry is None:
        return
    etag = bare_etag(str(entry.facts.get("etag", "")))
    if not etag:
        hint = "declare its sha256, or a version that you change by hand"
        raise EngineError(f"{shown} has no etag to compare with", hint=hint)
    if etag != bare_etag(dataset.etag):
        hint = f"its etag is {etag} now; declare that one if it is what you mean"
        raise EngineError(f"{shown} is not what was declared", hint=hint)


def fetch(
    dataset: Dataset,
    path: Path,
    opening: contextlib.AbstractContextManager[ArtifactCache] | None,
    *,
    wait: float = 0.0,
    timeout: float | None = None,
    stall: float | None = None,
) -> None:
    """Puts a dataset into place: from the cache, else from where it is, and into the cache for all that come after.

    Args:
        dataset: the version that is wanted.
        path: where it goes; it is there as a whole or not at all.
        opening: opens the cache. Without it, or where it fails, the dataset comes from where it is.
        wait: how many seconds to wait for somebody who fetches the same.
        timeout: how many seconds the store may take before fetching, and after it; None for no limit.
        stall: for how many seconds nothing may come from where it is; None for no limit.

    Raises:
        InvalidInput: the URL or what names the store is not understood, or what reads it is not installed.
        EngineError: it cannot be read, is not what was declared, or was changed each time that it was read.
        OSError: it cannot be written.
    """
    shown = shown_url(dataset.url).encode(errors="backslashreplace").decode()  # names of files may be any bytes
    meta = Meta(step=shown[:LONGEST], type="dataset", made_by="couler cache")
    with placing() as placement:
        # What is kept is read where nobody else writes: it is in place for others only after that.
        aside = placement.aside(path)

        def compute() -> int:
            download(dataset, aside, stall=stall)
            return 0

        def accepts(entry: Entry) -> bool:
            """Whoever may write into the store may have put anything under this key."""
            return not dataset.sha256 or any(output.sha256 == dataset.sha256 for output in entry.outputs)

        task = Task(key=dataset.key, outputs={OUTPUT: aside}, meta=meta, wait=wait, timeout=timeout, accepts=accepts)
        compute() if opening is None else reuse_or_compute(task, opening, compute)
        placement.commit()
