"""The changed lines of a file, in pieces, and which of them belong to an edit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from couler_plugins.documents import Edit, Path, SourceFile, dump_yaml, read, render
from couler_plugins.documents.matching import LineMatcher
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import CoulerError
from couler_plugins.plan import TracedEdit
from couler_plugins.viz.page.markup import clean

Opcode = tuple[str, int, int, int, int]
"""As difflib gives them: what happens to which lines, and what they become."""

CONTEXT = 2
LONGEST = 80
WIDEST = 400


class FileHunks:
    """The differences between the two texts of a file.

    Attributes:
        texts: what was asked for, as unified diffs without file headers.
    """

    def __init__(self, file: FileResult) -> None:
        self.texts: list[str] = []
        self._old = (file.original or "").split("\n")
        self._new = (file.text or "").split("\n")
        name = file.name if file.unwritable is None else f"{file.name}.yaml"  # of a program, its workflows are shown
        self._before = _read(file.original or "", name)
        self._after = _read(file.text or "", name)
        changes = [code for code in LineMatcher(self._old, self._new).get_opcodes() if code[0] != "equal"]
        self._groups = _groups(self._cut(changes, file.edits))
        self._old_spans = [(group[0][1], group[-1][2]) for group in self._groups]
        self._new_spans = [(group[0][3], group[-1][4]) for group in self._groups]
        self._known: dict[int, int] = {}

    def _cut(self, changes: Iterable[Opcode], edits: Iterable[TracedEdit]) -> Iterator[Opcode]:
        """The changes, cut where another edit begins: what went, what came, and what was replaced line by line."""
        gone = _starts(self._before, self._old, ((edit.document, edit.edit.before) for edit in edits))
        come = _starts(self._after, self._new, ((edit.document, edit.edit.after) for edit in edits))
        for tag, i, i_end, j, j_end in changes:
            if tag == "replace" and i_end - i != j_end - j:
                yield tag, i, i_end, j, j_end
                continue
            starts, low, high = (come, j, j_end) if tag == "insert" else (gone, i, i_end)
            inner = starts[bisect_right(starts, low) : bisect_left(starts, high)]
            for start, end in pairwise(place - low for place in [low, *inner, high]):
                old = (i, i_end) if tag == "insert" else (i + start, i + end)
                new = (j, j_end) if tag == "delete" else (j + start, j + end)
                yield tag, *old, *new

    def of_edit(self, document: int, edit: Edit) -> int:
        """The position, in `texts`, of the piece that an edit belongs to."""
        group = None
        if self._before and edit.before is not None:
            group = _group_at(self._before.line_of(edit.before, document), self._old_spans)
        if group is None and self._after and edit.after is not None:
            group = _group_at(self._after.line_of(edit.after, document), self._new_spans)
        if group is None:  # lines that mean the same were matched otherwise, or there are no positions
            self.texts.append(_from_values(edit))
            return len(self.texts) - 1
        if group not in self._known:
            self.texts.append(self._text(group))
            self._known[group] = len(self.texts) - 1
        return self._known[group]

    def _text(self, number: int) -> str:
        group = self._groups[number]
        start, end = self._old_spans[number]
        # What goes with another piece is no context.
        first = max(start - CONTEXT, self._old_spans[number - 1][1] if number else 0)
        last = min(end + CONTEXT, self._old_spans[number + 1][0] if number + 1 < len(self._groups) else len(self._old))
        lines: list[str] = []
        shown = first
        for _, i, i_end, j, j_end in group:
            lines += [f" {line}" for line in self._old[shown:i]]
            lines += [f"-{line}" for line in self._old[i:i_end]]
            lines += [f"+{line}" for line in self._new[j:j_end]]
            shown = i_end
        lines += [f" {line}" for line in self._old[shown:last]]
        return _shortened([f"@@ line {first + 1} @@", *_dedented(lines)])


def _starts(file: SourceFile | None, lines: Sequence[str], places: Iterable[tuple[int, Path | None]]) -> list[int]:
    """Where the values at these places begin, comments above them included; counted from 0, sorted."""
    starts = set()
    for document, path in places:
        line = file.line_of(path, document) if file is not None and path is not None else None
        if line is not None:
            start = line - 1
            while start and lines[start - 1].lstrip().startswith("#"):
                start -= 1
            starts.add(start)
    return sorted(starts)


def _group_at(line: int | None, spans: Sequence[tuple[int, int]]) -> int | None:
    """The number of the span that holds a line, counted from 1."""
    if line is None:
        return None
    group = bisect_left(spans, (line, 0)) - 1
    return group if group >= 0 and line <= spans[group][1] else None


def _groups(changes: Iterable[Opcode]) -> list[list[Opcode]]:
    """The changes, those together that are so near that their context would be the same lines.

    Those that touch are pieces of one change, cut apart on purpose.
    """
    groups: list[list[Opcode]] = []
    for change in changes:
        if groups and 0 < change[1] - groups[-1][-1][2] <= CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _dedented(lines: Sequence[str]) -> list[str]:
    """The lines of a diff without the indentation that all have: steps stand deep, and the page is narrow."""
    spaces = min((len(line) - 1 - len(line[1:].lstrip(" ")) for line in lines if line[1:].strip()), default=0)
    return [line[0] + line[1 + spaces :] for line in lines]


def _from_values(edit: Edit) -> str:
    lines = [f"@@ {render(edit.before if edit.before is not None else edit.after or ())} @@"]
    for sign, value, there in (("-", edit.old, edit.before is not None), ("+", edit.new, edit.after is not None)):
        lines += [f"{sign}{line}" for line in dump_yaml(value).rstrip("\n").split("\n")] if there else []
    return _shortened(lines)


def _shortened(lines: Sequence[str]) -> str:
    kept = [line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…" for line in lines[: LONGEST + 1]]
    if len(lines) > len(kept):
        kept.append(f"@@ {len(lines) - len(kept):,} more lines @@")
    return clean("\n".join(kept).replace("\r", ""))


def _read(text: str, name: str) -> SourceFile | None:
    try:
        return read(text, name, max_bytes=len(text) * 4 + 1)
    except CoulerError:  # what an engine wrote need not be a text that we would read
        return None
