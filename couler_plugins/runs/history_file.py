"""Past runs as JSON Lines, one run a line: what `couler history fetch` writes.

A line that cannot be read costs that run alone. It is named, and nothing that it says is repeated.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from couler_plugins.documents.collector import collector_paused
from couler_plugins.errors import InvalidInput
from couler_plugins.runs.run import SCHEMA, Run, StepRun
from couler_plugins.runs.usage import Attempt

HINT = "take it from `couler history fetch`"
NAMED = 5
"""Damaged lines of one file that are named one by one."""
_DECODER = msgspec.json.Decoder(Run)
log = logging.getLogger(__name__)


Line = tuple[bytes, Run | None]
"""A line as it stands in the file, without its end, and its run; None where that cannot be read."""


def read_lines(content: bytes, file: str) -> list[Line]:
    """The lines that are not empty; each that is no run is named in a warning.

    Raises:
        InvalidInput: there are lines, and no run.
    """
    lines: list[Line] = []
    damaged = 0
    with collector_paused():
        for number, text in enumerate(content.split(b"\n"), 1):
            if not text.strip():
                continue
            try:
                lines.append((text, read_line(text)))
            except InvalidInput as error:
                lines.append((text, None))
                damaged += 1
                if damaged <= NAMED:
                    log.warning("%s:%d: this line is left out: %s", file, number, error.message)
    if damaged and damaged == len(lines):
        raise InvalidInput(f"none of its lines is a run ({SCHEMA})", file=file, hint=HINT)
    if damaged > NAMED:
        log.warning("%s: %d more lines are left out", file, damaged - NAMED)
    return lines


def read_line(text: bytes) -> Run:
    """The run of a line.

    Raises:
        InvalidInput: it is none. The message repeats no value.
    """
    try:
        run = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(problem_of(error), hint=HINT) from None
    # The texts of a run are looked at one by one only where its line has something that cannot be shown.
    plain = b"\\" not in text and text.rstrip(b"\r").decode().isprintable()
    return checked(run, is_printable=plain)


def line_of(run: Run) -> bytes:
    """A run as a line, without its end.

    Raises:
        InvalidInput: it is one that cannot be read again.
    """
    line = msgspec.json.encode(run)
    read_line(line)
    return line


def printable(run: Run) -> Run:
    """A run whose texts can be shown: an engine may put an item of a loop into a name, whatever is in it."""
    data = msgspec.to_builtins(run)
    return run if all(str(item).isprintable() for item in _leaves(data)) else msgspec.convert(_escaped(data), Run)


def _escaped(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _escaped(item) for name, item in content.items()}
    if isinstance(content, (list, tuple)):
        return [_escaped(item) for item in content]
    if isinstance(content, str):
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in content)
    return content


def problem_of(error: Exception) -> str:
    """What is wrong with data that are not what they should be, with where and without any value."""
    if not isinstance(error, msgspec.DecodeError):
        return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is nested too deeply"
    return re.sub(r" ['\"].*['\"]", "", re.sub(r"\s+", " ", str(error)))[:200]


def checked(run: Run, *, is_printable: bool = False) -> Run:
    """A run that is in order; times of attempts that ended before they began are unknown.

    Args:
        run: the run.
        is_printable: whether its texts are known to be.

    Raises:
        InvalidInput: a step comes after itself, or a name cannot be shown.
    """
    for number, ran in enumerate(run.steps):
        if ran.parents and not 0 <= min(ran.parents) <= max(ran.parents) < number:
            raise InvalidInput(f"step {number} comes after itself", hint=HINT)
    if not is_printable and not all(str(item).isprintable() for item in _leaves(msgspec.to_builtins(run))):
        raise InvalidInput("a name in it cannot be shown", hint=HINT)
    if any(_is_skewed(attempt) for ran in run.steps for attempt in ran.tries):
        return replace(run, steps=tuple(map(_with_plausible_times, run.steps)))
    return run


def _is_skewed(attempt: Attempt) -> bool:
    return attempt.end is not None and attempt.start is not None and attempt.end < attempt.start


def _with_plausible_times(ran: StepRun) -> StepRun:
    return replace(
        ran, tries=tuple(replace(one, start=None, end=None) if _is_skewed(one) else one for one in ran.tries)
    )


def _leaves(content: Any) -> Iterator[Any]:
    """Whatever stands in data, in any depth."""
    if isinstance(content, (Mapping, list, tuple)):
        for item in content.values() if isinstance(content, Mapping) else content:
            yield from _leaves(item)
    else:
        yield content


def goes_on(run: Run) -> bool:
    """Whether a run had not come to its end when it was looked at."""
    return run.running or any(ran.fate == "pending" for ran in run.steps)


class HistoryFile:
    """The lines of a history, to which runs are added; a line that is not understood stays as it is.

    Args:
        lines: what the file holds.
    """

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self.lines = list(lines)
        numbered = enumerate(self.lines)
        self._places = {identity(run, content): place for place, (content, run) in numbered if run is not None}

    @property
    def content(self) -> bytes:
        """What goes into the file."""
        return b"".join(content + b"\n" for content, _ in self.lines)

    @property
    def runs(self) -> list[Run]:
        """The runs, in the order of the lines."""
        return [run for _, run in self.lines if run is not None]

    def needs(self, run: Run) -> bool:
        """Whether a run is new, or its line may be replaced, or says nothing of what the run used."""
        place = self._place(run, b"")
        present = None if place is None else self.lines[place][1]
        return present is None or goes_on(present) or not has_use(present)

    def add(self, runs: Iterable[Run]) -> tuple[int, int, int]:
        """Add runs; return how many were new, took the place of their line, and were there already.

        One takes the place of its line where it ended later or knows more, or where that one went on. A run that no
        line can say is named in a warning.
        """
        new = replaced = present = 0
        for run in map(printable, runs):
            try:
                content = line_of(run)
            except InvalidInput as error:
                log.warning("the run %r of %r is left out: %s", run.name, run.family, error.message)
                continue
            place = self._place(run, content)
            if place is None:
                place, new = len(self.lines), new + 1
                self.lines.append((content, run))
            elif _is_better(run, self.lines[place][1]):
                replaced += 1
                self.lines[place] = content, run
            else:
                present += 1
            self._places[identity(run, content)] = place
        return new, replaced, present

    def _place(self, run: Run, line: bytes) -> int | None:
        # One without an identifier may have gone on when it was looked at before.
        return self._places.get(identity(run, line), self._places.get((run.engine, run.family, run.name)))


def _is_better(run: Run, other: Run | None) -> bool:
    """Whether a run takes the place of what a line says of it: it has ended later, been repeated, or knows more."""
    if other is None or goes_on(other):
        return run != other
    return not goes_on(run) and (run.at, _facts(run)) > (other.at, _facts(other))


def distinct(runs: Iterable[Run]) -> list[Run]:
    """The runs, each once: of two records of one run the better counts, as in a history; several files may have it."""
    records: dict[tuple[object, ...], Run] = {}
    for number, run in enumerate(runs):
        place = (run.engine, run.uid) if run.uid else (number,)
        if place not in records or _is_better(run, records[place]):
            records[place] = run
    return list(records.values())


def identity(run: Run, line: bytes) -> tuple[object, ...]:
    """What tells a run from all others: the engine's own identifier, else its names and its end, else all of it."""
    if run.uid:
        return run.engine, run.uid
    if not run.name and (not run.at or goes_on(run)):
        return (line,)
    return (run.engine, run.family, run.name, *([] if goes_on(run) else [run.at]))


def has_use(run: Run) -> bool:
    """Whether a run says of any attempt what it used."""
    tries = (attempt for ran in run.steps for attempt in ran.tries)
    return any(use.memory is not None or use.cpu is not None for attempt in tries for use in attempt.containers)


def _facts(run: Run) -> int:
    """How much a run says: what is not known is not written."""
    return sum(1 for _ in _leaves(msgspec.to_builtins(run)))
