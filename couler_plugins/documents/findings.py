"""What there is to say about a place in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from couler_plugins.documents.paths import Path, render
from couler_plugins.documents.reader import Document

__all__ = ["Finding", "Place", "Remark", "findings", "merge_alike", "without_place"]

Severity = Literal["error", "warning", "note"]
SUBJECT = re.compile(
    r"\A(?:(?:an inline template|(?:template|task|step) (?:'[^']*'|\"[^\"]*\"))(?: \(inline\))*(?:, |: | ))+"
)
"""What a message begins with that says where something is, and not what it is."""
THERE = ": there, "
"""What stands between a call and what is wrong with the definition that it leads to."""
FEW = 8
"""How many further places a line lists."""


class Remark(msgspec.Struct, frozen=True):
    """One remark about a document of a bundle, before anybody has looked up its line.

    Args:
        document: the document's number in the bundle.
        path: the place inside the document's data.
        severity: `error` (the engine refuses the document), `warning` or `note`.
        code: a stable kebab-case name of the kind of finding, for filters.
        message: what there is to say, in one sentence.
        hint: what the user can do about it.
        definition: the number of the document whose definition is at fault, where it is not the remark's own.
    """

    document: int
    path: Path
    severity: Severity
    code: str
    message: str
    hint: str = ""
    definition: int | None = None


class Place(msgspec.Struct, frozen=True):
    """A further place of a finding: the file, the line in it from 1, and the place inside the document's data."""

    file: str
    line: int | None = None
    path: Path = ()

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, for a person or for a program, at one place or several.

    Args:
        severity: `error` (the document cannot be used), `warning` or `note`.
        message: what there is to say, in one sentence.
        file: the file's name as given (`<stdin>` for standard input).
        line: the line in that file, from 1.
        path: the place inside the document's data.
        code: a stable short name of the kind of finding, for filters.
        hint: what the user can do about it.
        others: the further places where the same is wrong.
    """

    severity: Severity
    message: str
    file: str
    line: int | None = None
    path: Path = ()
    code: str = ""
    hint: str = ""
    others: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """All places, the first one first."""
        return Place(self.file, self.line, self.path), *self.others

    def __str__(self) -> str:
        place = self.places[0]
        where = f" (at {render(self.path)})" if self.path else ""
        code = f" [{self.code}]" if self.code else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}: {self.severity}: {self.message}{where}{code}{self._more()}{hint}"

    def _more(self) -> str:
        """How many further places there are, and the first of them."""
        if not self.others:
            return ""
        lines = dict.fromkeys(place.line for place in self.others if place.file == self.file and place.line)
        own = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, list(lines)[:FEW]))}" if lines else ""
        elsewhere = dict.fromkeys(str(place) for place in self.others if place.file != self.file)
        shown = [text for text in (own, *list(elsewhere)[:FEW]) if text]
        rest = ", …" if max(len(lines), len(elsewhere)) > FEW else ""
        return f"\n  and {len(self.others)} more: {', '.join(shown)}{rest}"


def merge_alike(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, those of several files that say the same as one with all places: for people."""
    merged: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        key = (finding.severity, finding.code, without_place(finding.message), finding.hint)
        first = merged.setdefault(key, finding)
        if first is not finding:
            merged[key] = msgspec.structs.replace(first, others=(*first.others, *finding.places))
    return list(merged.values())


def without_place(message: str) -> str:
    """A message without its beginning that says where something is, or who calls it."""
    return SUBJECT.sub("", message.rpartition(THERE)[2])


def findings(documents: Sequence[Document], remarks: Iterable[Remark]) -> list[Finding]:
    """The remarks with their files and lines, in the order of the files, then of the lines.

    Remarks that say the same of one file, wherever in it, are one finding; so are those that calls in any files make of
    one definition.
    """
    groups: dict[tuple[str, ...], dict[tuple[bool, int, int, int], Remark]] = {}
    for order, remark in enumerate(dict.fromkeys(remarks)):
        place = (remark.definition is not None, remark.document, _line(documents, remark) or 0, order)
        groups.setdefault(_cause(documents, remark), {})[place] = remark
    by_place: dict[tuple[int, int, int], Finding] = {}
    for group in groups.values():
        key = min(group)
        first = group[key]
        rest = (group[place] for place in sorted(group, key=lambda place: place[1:]) if place != key)
        others = (Place(documents[item.document].file, _line(documents, item), item.path) for item in rest)
        by_place[key[1:]] = Finding(
            severity=first.severity,
            message=first.message,
            file=documents[first.document].file,
            line=_line(documents, first),
            path=first.path,
            code=first.code,
            hint=first.hint,
            others=tuple(dict.fromkeys(others)),
        )
    return [by_place[place] for place in sorted(by_place)]


def _line(documents: Sequence[Document], remark: Remark) -> int | None:
    return documents[remark.document].line_of(remark.path)


def _cause(documents: Sequence[Document], remark: Remark) -> tuple[str, ...]:
    """What is the same for remarks that are one finding."""
    number = remark.document if remark.definition is None else remark.definition
    return documents[number].file, remark.severity, remark.code, without_place(remark.message), remark.hint
