"""Results of steps between files and folders and the artifact cache, for whatever runs the steps."""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from couler_plugins.caching.artifacts import ArtifactCache, Content, Damaged, Entry, Hit, Lost, Meta, Refused
from couler_plugins.caching.artifacts.sources import check_key
from couler_plugins.caching.dataplane.contents import Skip, open_plain
from couler_plugins.caching.dataplane.packing import FILE_MODE, PROGRAM_MODE, Packed, exactly, unpack
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.dataplane.placing import keep_equal, placing
from couler_plugins.errors import InvalidInput

FILE, PROGRAM, FOLDER = "file", "program", "folder"
"""The codecs of outputs: the bytes of a file, those of one that may be executed, a folder as `packing` writes it."""

SKEW = 60.0  # seconds that clocks may differ
log = logging.getLogger(__name__)


def restore(
    cache: ArtifactCache,
    key: str,
    outputs: Mapping[str, Path],
    *,
    max_age: float | None = None,
    whole: Collection[str] = (),
    stays: Skip | None = None,
    accepts: Callable[[Entry], bool] | None = None,
) -> Entry | None:
    """Puts the outputs of a result into place; None where there is none that can be used.

    Args:
        cache, key: see `ArtifactCache.get`.
        outputs: where they belong, by name.
        max_age: how many seconds old a result may be; None for any age.
        whole, stays: see `place`.
        accepts: tells whether a result may be used; None for all.

    Raises:
        InvalidInput: the key is none.
        OSError: the files cannot be written.
    """
    hit = cache.get(key)
    if hit is None:
        return None
    with hit:
        if not is_fresh(hit.entry, max_age) or (accepts is not None and not accepts(hit.entry)):
            return None
        try:
            place(hit, outputs, whole, stays)
        except Lost as error:
            log.warning("the result cannot be used: %s", error)
            return None
        return hit.entry


def save(
    cache: ArtifactCache,
    key: str,
    outputs: Mapping[str, Path],
    meta: Meta,
    *,
    max_age: float | None = None,
    skip: Skip | None = None,
    places: Places | None = None,
) -> str:
    """Keeps files and folders as the outputs of a result, unless there is one already; says why not, where it cannot.

    Args:
        cache, key, meta: see `ArtifactCache.put`.
        outputs: where they are, by name.
        max_age: how many seconds old a result may be that is there already; one that is older is replaced.
        skip: what of folders is left out.
        places: those of the step; a result that has left something else there is replaced.

    Raises:
        InvalidInput: the key is none.
        UnreadPlace: what is at a place cannot be told.
        OSError: something is missing or cannot be read.
    """
    check_key(key)
    listed = {} if places is None else places.listed()

    def usable(entry: Entry) -> bool:
        return is_fresh(entry, max_age) and (places is None or places.holds(entry, listed))

    try:
        if max_age is None and not listed:
            outcome = cache.put(key, contents(outputs, skip), meta)
        else:
            with cache.claim(key, usable=usable) as claim:
                if isinstance(claim, Hit):
                    return ""
                outcome = claim.put({**contents(outputs, skip), **listed}, meta)
    except InvalidInput as error:  # one of them is neither a file nor a folder
        return error.message
    return outcome.reason if isinstance(outcome, Refused) else ""


def contents(outputs: Mapping[str, Path], skip: Skip | None = None) -> dict[str, Content]:
    """What a cache is given to keep these files and folders; it is read while it is put.

    None of them may be a link: who follows links says so, by resolving them beforehand.

    Args:
        outputs: where they are, by name.
        skip: what of folders is left out.

    Raises:
        InvalidInput: one of them is neither a file nor a folder, or has something in it that is neither.
        OSError: one of them is missing or cannot be read.
    """
    return {name: _content(path, skip) for name, path in outputs.items()}


def _content(path: Path, skip: Skip | None) -> Content:
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        return Content(Packed(path, skip), codec=FOLDER)
    if not stat.S_ISREG(mode):
        raise InvalidInput("this is neither a file nor a folder", file=str(path))
    return Content(_File(path), codec=PROGRAM if mode & stat.S_IXUSR else FILE)


class _File:
    """A file as the cache reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._status = path.lstat()
        self.bytes = self._status.st_size

    def chunks(self) -> Iterator[bytes]:
        with open_plain(self._path) as stream:
            yield from exactly(stream, self._status)


def is_fresh(entry: Entry, max_age: float | None, clock: Callable[[], float] = time.time) -> bool:
    """Whether a result is at most so many seconds old, and not of the future by a wrong clock; None for any age."""
    return max_age is None or -SKEW <= clock() - entry.created <= max_age


def place(hit: Hit, outputs: Mapping[str, Path], whole: Collection[str] = (), stays: Skip | None = None) -> None:
    """Puts outputs of a result into place. All are read and verified before the first is.

    Args:
        hit: the result.
        outputs: where they belong, by name.
        whole: the names of folders that stay themselves, as where a volume is mounted: what is in them is replaced.
        stays: what is in these and is not touched.

    Raises:
        Lost: the result lacks one of them, or it cannot be read now.
        Damaged: what is stored can never be used.
        OSError: they cannot be written.
    """
    if missing := lacking(hit.entry, outputs):
        raise Lost(f"the result has no output {', '.join(missing)}")
    with placing() as placement:
        for name, path in outputs.items():
            aside = placement.inside(path, stays) if name in whole else placement.aside(path)
            write_output(hit, name, aside)
            if name in whole:
                keep_equal(aside, path)
        placement.commit()


def lacking(entry: Entry, outputs: Collection[str]) -> list[str]:
    """The outputs of these names that a result does not have."""
    return sorted(set(outputs) - {output.name for output in entry.outputs})


def write_output(hit: Hit, name: str, aside: Path) -> None:
    """Write an output of a result to a place with nothing at it.

    Raises:
        Lost: it cannot be read now.
        Damaged: what is stored can never be used.
        OSError: it cannot be written.
    """
    codec = hit.outputs[name].codec
    if codec == FOLDER:
        with hit.open(name) as stream:
            try:
                unpack(stream, aside)
            except ValueError as error:
                raise Damaged(str(error)) from error
        return
    # A mode that `open` is given is subject to the umask of the process, as for any file that it makes.
    aside.touch(PROGRAM_MODE if codec == PROGRAM else FILE_MODE, exist_ok=False)
    mode = aside.stat().st_mode
    hit.save(name, aside)
    aside.chmod(mode)
