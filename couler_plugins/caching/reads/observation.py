"""Observation of Python code: what it reads and does while it runs, as a read set and facts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from couler_plugins.caching.reads.digests import LARGEST
from couler_plugins.caching.reads.observer import Sight, watch
from couler_plugins.caching.reads.read_sets import Read, ReadSet, read_set


class Observation(Sight):
    """What was observed, once the code has ended.

    Attributes:
        reads: all that the code has read; None where nobody can tell what that was.
        reason: why nobody can; empty where all is known.
        facts: what it did beside reading.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reads: ReadSet | None = None


@contextlib.contextmanager
def observe(
    *,
    temporary: Iterable[Path] = (),
    outputs: Iterable[Path] = (),
    ignored: Iterable[Path] = (),
    logs: Iterable[Path] = (),
    largest: int = LARGEST,
) -> Iterator[Observation]:
    """Observe all that this process does inside, also in other threads.

    Args:
        temporary: folders for temporary files, instead of the process's own. What the code writes there is no effect;
            what was there before is read like any other file.
        outputs: files and folders that the code may write.
        ignored: files and folders that do not count.
        logs: files and folders that do not count for what writes logs, as `logging` does.
        largest: how many bytes a file may have that the code reads; with a larger one, the reads cannot be used.

    Yields:
        What was observed; it is filled in when the code ends.
    """
    seen = Observation()
    with watch(seen, temporary, outputs, ignored, largest, logs):
        yield seen
    if seen.values is not None:
        try:
            seen.reads = read_set(Read(kind, name, value) for (kind, name), value in seen.values.items())
        except ValueError as error:
            seen.reason = f"its reads cannot be determined: {error}"
