"""Findings at places of a file: remarks with their lines, and plain scalars that other readers take otherwise.

Kubernetes' tools make JSON of YAML 1.1 (sigs.k8s.io/yaml, over goyaml v2), and engines that take any value for a text
take the JSON of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins.documents.reader import Document
from couler_plugins.documents.spans import Path, render

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


SMALLEST, LARGEST = 1e-6, 1e21
"""Between these, Go's `encoding/json` writes a number without an exponent."""
NUMBER = frozenset("0123456789+-.")


class Reread(NamedTuple):
    """A value or a key that is handed on as another text.

    Attributes:
        path: where it is in its document.
        written: how it stands there.
        as_read: what it is handed on as.
    """

    path: Path
    written: str
    as_read: str


def reread(document: Document, path: Path, value: Any) -> Iterator[Reread]:
    """What of a value is handed on as another text.

    Args:
        document: the document, with its text.
        path: where the value is in it.
        value: the value; lists and mappings are looked into.
    """
    match value:
        case dict():
            for key, inner in value.items():
                yield from _key(document, (*path, key), key)
                yield from reread(document, (*path, key), inner)
        case list():
            for number, inner in enumerate(value):
                yield from reread(document, (*path, number), inner)
        case bool() | int() | float():
            written, as_json = document.plain(path), _json(value)
            if written is not None and written != as_json:
                yield Reread(path, written, as_json)


def remarks_on_reread(
    document: Document, number: int, path: Path, data: Any, fields: Mapping[str, tuple[str, ...]]
) -> Iterator[Remark]:
    """A warning for each text of an object that is handed on as another one than stands there.

    Args:
        document: the document, with its text.
        number: its number in the bundle.
        path: where the object is in it.
        data: the object, or a part of it.
        fields: by the names of lists: which fields of their items are texts, whatever stands there; none where the
            items are.
    """
    if isinstance(data, dict):
        for key, inner in data.items():
            place = (*path, key)
            if key not in fields or not isinstance(inner, list):
                yield from remarks_on_reread(document, number, place, inner, fields)
                continue
            for index, item in enumerate(inner):
                names = [name for name in fields[key] if isinstance(item, dict) and name in item]
                texts = (
                    [((*place, index, name), item[name]) for name in names]
                    if fields[key]
                    else [((*place, index), item)]
                )
                for where, text in texts:
                    yield from (_remark(number, found) for found in reread(document, where, text))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from remarks_on_reread(document, number, (*path, index), item, fields)


def _remark(number: int, difference: Reread) -> Remark:
    message = f"{difference.written:.60} is read as {difference.as_read:.60}, which is another text"
    return Remark(
        number, difference.path, "warning", "reread-value", message, "put it into quotes, or write it as it is read"
    )


def _key(document: Document, path: Path, key: str) -> Iterator[Reread]:
    if key in ("true", "false") or key[:1] in NUMBER:
        written = document.key(path)
        if written is not None and written[:1] not in "\"'!&?" and written != key:
            yield Reread(path, written, key)


def _json(value: bool | float) -> str:
    """A scalar as Go's `encoding/json` writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value == 0 or SMALLEST <= abs(value) < LARGEST:
        plain = f"{Decimal(repr(value)):f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{'-' if exponent.startswith('-') else '+'}{exponent.lstrip('+-0')}"
