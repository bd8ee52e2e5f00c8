"""Fetches a dataset from where it is, piece by piece, and compares it with what its owner has declared."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.datasets import Dataset, bare_etag, shown_url
from couler_plugins.caching.dataplane.placing import placing
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute
from couler_plugins.errors import CoulerError, EngineError, InvalidInput

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from couler_plugins.caching.artifacts import ArtifactCache

__all__ = ["download", "fetch"]

OUTPUT = "data"
"""The name of the only output of a dataset."""
LONGEST = 1024  # characters; see `Meta`
PIECE = 1 << 20  # bytes held in memory
ETAGS = ("ETag", "etag", "e_tag")
"""What file systems call an entity tag: those for HTTP and S3, those for Azure and Google, that for object stores."""


def download(dataset: Dataset, path: Path) -> None:
    """Writes a dataset to a new file or folder; on an error, what is there by then is the caller's to remove.

    Raises:
        InvalidInput: the URL is not understood, or what reads it is not installed.
        EngineError: it cannot be read, or is not what was declared.
    """
    files, place = _file_system(dataset.url)
    shown = shown_url(dataset.url)
    try:
        _compare_etag(dataset, files, place)
        _fetch(dataset, files, place, path)
        _compare_etag(dataset, files, place)  # it may have changed while it was read
    except CoulerError:
        raise
    except Exception as error:  # what reads it may raise anything
        raise _unreadable(shown, error) from error


def _fetch(dataset: Dataset, files: AbstractFileSystem, place: str, path: Path) -> None:
    shown = shown_url(dataset.url)
    if _is_folder(files, place):
        if not dataset.version:
            raise EngineError(f"{shown} is a folder", hint="only a version can tell what is in it")
        for name, inner in _files_under(files, place):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            _copy(files, inner, path / name)
        return
    found = _copy(files, place, path)
    if dataset.sha256 and found != dataset.sha256:
        hint = f"its sha256 is {found}; declare that one if it is what you mean"
        raise EngineError(f"{shown} is not what was declared", hint=hint)


def _is_folder(files: AbstractFileSystem, place: str) -> bool:
    """Over HTTP there are none, and asking would fetch everything, to look for links."""
    schemes = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
    return "http" not in schemes and files.info(place)["type"] == "directory"


def _unreadable(shown: str, error: Exception) -> EngineError:
    # Of whatever fails over HTTP, fsspec says that there is nothing; what the client has said is the cause.
    cause = error.__cause__ or error
    status = getattr(cause, "status", None)
    if isinstance(cause, FileNotFoundError) or status in (404, 410):
        return EngineError(f"there is nothing at {shown}")
    # What clients say by themselves may hold the URL, and with it what gives access.
    reason = type(cause).__name__ if status is None else f"HTTP status {status}"
    if isinstance(cause, OSError) and cause.errno:
        reason = os.strerror(cause.errno)
    return EngineError(f"{shown} cannot be read: {reason}", hint="is the network there, and the access?")


def fetch(
    dataset: Dataset,
    path: Path,
    opening: contextlib.AbstractContextManager[ArtifactCache],
    *,
    wait: float = 0.0,
    timeout: float | None = None,
) -> None:
    """Puts a dataset into place: from the cache, else from where it is, and into the cache for all that come after.

    Args:
        dataset: the version that is wanted.
        path: where it goes; it is there as a whole or not at all.
        opening: opens the cache. Without it, the dataset comes from where it is.
        wait: how many seconds to wait for somebody who fetches the same.
        timeout: how many seconds the store may take before fetching, and after it; None for no limit.

    Raises:
        InvalidInput: the URL or what names the store is not understood, or what reads it is not installed.
        EngineError: it cannot be read, or is not what was declared.
        OSError: it cannot be written.
    """
    meta = Meta(step=shown_url(dataset.url)[:LONGEST], type="dataset", made_by="couler cache")
    with placing() as placement:
        # What is kept is read where nobody else writes: it is in place for others only after that.
        aside = placement.aside(path)

        def compute() -> int:
            download(dataset, aside)
            return 0

        task = Task(key=dataset.key, outputs={OUTPUT: aside}, meta=meta, wait=wait, timeout=timeout)
        reuse_or_compute(task, opening, compute)
        placement.commit()


def _file_system(url: str) -> tuple[AbstractFileSystem, str]:
    import fsspec

    shown = shown_url(url)
    try:
        files, place = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        hint = "pip install 'couler-plugins[storage]'"
        raise InvalidInput(f"what reads {shown} is not installed", hint=hint) from error
    except OSError as error:  # some connect at once
        raise _unreadable(shown, error) from error
    except Exception as error:  # of what a URL lacks, each says something else
        raise InvalidInput(f"{shown} is not a URL that fsspec understands") from error
    return files, place


def _compare_etag(dataset: Dataset, files: AbstractFileSystem, place: str) -> None:
    if not dataset.etag:
        return
    info: dict[str, Any] = files.info(place)
    found = next((bare_etag(str(info[name])) for name in ETAGS if info.get(name)), None)
    if found is None:
        hint = "declare its sha256, or a version that you change by hand"
        raise EngineError(f"{shown_url(dataset.url)} has no etag to compare with", hint=hint)
    if found != bare_etag(dataset.etag):
        hint = f"its etag is {found} now; declare that one if it is what you mean"
        raise EngineError(f"{shown_url(dataset.url)} is not what was declared", hint=hint)


def _files_under(files: AbstractFileSystem, place: str) -> Iterator[tuple[str, str]]:
    """The files in a folder: their paths in it, and what the file system calls them."""
    root = place.rstrip("/")
    for inner in sorted(files.find(root)):
        name = PurePosixPath(str(inner).removeprefix(root).lstrip("/"))
        if ".." in name.parts or not name.parts:
            raise OSError(None, "a name in it leads out of it")
        yield str(name), inner


def _copy(files: AbstractFileSystem, place: str, path: Path) -> str:
    """Copies a file to a new one, and returns the sha256 of it."""
    found = hashlib.sha256()
    source: BinaryIO
    with files.open(place, "rb", block_size=PIECE) as source, path.open("xb") as target:
        while piece := source.read(PIECE):
            found.update(piece)
            target.write(piece)
    return found.hexdigest()
