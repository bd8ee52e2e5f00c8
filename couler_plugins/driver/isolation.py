"""Keeps one file from deciding for others: what fails on a file is done again without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from couler_plugins.documents import Document, SourceFile
from couler_plugins.errors import CoulerError, PluginFailure

T = TypeVar("T")


def without_failing(
    names: Sequence[str],
    among: Sequence[int],
    attempt: Callable[[frozenset[int]], T],
    refuse: Callable[[int, CoulerError], object],
) -> T:
    """Return what `attempt` gives for as many files as possible; `refuse` is told of those that it fails on.

    An error that names one of the files is about that file. For one that names none, each file is tried by itself; for
    a mistake in a plugin that no file alone brings about, then as few as possible together. So the work stays linear in
    what the files hold.

    Args:
        names: the names of all files, by number.
        among: the numbers of the files that it may fail on.
        attempt: does the work without the files of these numbers.
        refuse: is given the number of a file and the error.

    Raises:
        PluginFailure: it fails without any file.
        CoulerError: an error that names no file, and that every file brings about, or none alone.
    """
    left_out: set[int] = set()
    while True:
        rest = [number for number in among if number not in left_out]
        try:
            return attempt(frozenset(left_out))
        except PluginFailure as error:
            if not rest:
                raise
            culprits = _culprits(rest, frozenset(left_out), attempt)
            if not culprits:
                culprits = {_last_needed(rest, frozenset(left_out), attempt): error}
        except CoulerError as error:
            about = [number for number in rest if names[number] == error.file]
            culprits = {about[0]: error} if len(about) == 1 else _culprits(rest, frozenset(left_out), attempt)
            if len(about) != 1 and len(culprits) in (0, len(rest)):
                raise
        for number, failure in culprits.items():
            failure.file = failure.file or names[number]
            refuse(number, failure)
        left_out.update(culprits)


def _culprits(
    rest: Sequence[int], left_out: frozenset[int], attempt: Callable[[frozenset[int]], object]
) -> dict[int, CoulerError]:
    """Return the files that it fails on where each is alone, with the errors."""
    errors: dict[int, CoulerError] = {}
    for number in rest:
        try:
            attempt(left_out.union(rest) - {number})
        except CoulerError as error:
            errors[number] = error
    return errors


def _last_needed(rest: Sequence[int], left_out: frozenset[int], attempt: Callable[[frozenset[int]], object]) -> int:
    """Return the last file of the shortest row of files, from the first on, that a plugin fails on."""
    low, high = 1, len(rest)
    while low < high:
        middle = (low + high) // 2
        if _fails(rest[middle:], left_out, attempt):
            high = middle
        else:
            low = middle + 1
    return rest[low - 1]


def _fails(dropped: Collection[int], left_out: frozenset[int], attempt: Callable[[frozenset[int]], object]) -> bool:
    try:
        attempt(left_out.union(dropped))
    except CoulerError as error:
        return isinstance(error, PluginFailure)
    return False


def blank(file: SourceFile) -> SourceFile:
    """Return an empty file in place of one that is left out: the numbers of the others stay."""
    return SourceFile(file.name, "", "yaml", (Document(file.name, 0, None, 1, ""),))


def raise_common_failure(errors: Sequence[CoulerError | None]) -> None:
    """Raise the failure of a plugin that is the same for all files of a call: no file is better off than others.

    Args:
        errors: of each file that holds workflows; None of one without.

    Raises:
        PluginFailure: it.
    """
    if errors and len({(type(error), getattr(error, "message", None)) for error in errors}) == 1:
        first = errors[0]
        if isinstance(first, PluginFailure):
            first.file = first.file if len(errors) == 1 else None
            raise first
