"""Line numbers for the places that decisions name; they are looked up only for those who read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from couler_plugins.documents import SourceFile
from couler_plugins.driver.pipeline import Pass
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.hookspecs.caching import SourcePlace
from couler_plugins.plan import Decision

__all__ = ["with_lines"]


def with_lines(result: Result, files: Iterable[SourceFile]) -> Result:
    """Return the result with a line number at each place that its decisions name.

    Args:
        result: what was decided.
        files: the files as they were read.
    """
    return replace(result, files=tuple(map(_Lines(files).file, result.files)))


class _Lines:
    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._files = {file.name: file for file in files if file.format != "python"}
        self._decisions: dict[int, tuple[Decision, Decision]] = {}

    def file(self, file: FileResult) -> FileResult:
        passes = (Pass(item.optimizer, tuple(map(self._decision, item.decisions))) for item in file.passes)
        return replace(file, passes=tuple(passes))

    def _decision(self, decision: Decision) -> Decision:
        if id(decision) not in self._decisions:  # one about several files stays one
            self._decisions[id(decision)] = decision, decision.map_places(self._place)
        return self._decisions[id(decision)][1]

    def _place(self, place: SourcePlace | None, seen: str) -> SourcePlace | None:
        file = None if place is None or place.line is not None else self._files.get(place.file)
        if place is None or file is None or place.document >= len(file.documents):
            return place
        line = file.documents[place.document].line_within(place.path, seen)
        return msgspec.structs.replace(place, line=line)
