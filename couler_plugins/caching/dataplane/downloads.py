"""Downloads of datasets: their bytes, and whether they are what its owner has declared."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path

from couler_plugins.caching.artifacts import ArtifactCache, Entry, Meta
from couler_plugins.caching.dataplane.datasets import Dataset, bare_etag, shown_url
from couler_plugins.caching.dataplane.deadline import Expired, time_limit
from couler_plugins.caching.dataplane.origins import Found, Origin
from couler_plugins.caching.dataplane.placing import placing, remove
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute
from couler_plugins.errors import EngineError

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
