"""What there is to say about a place in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from couler_plugins.documents.paths import Path, render
from couler_plugins.documents.reader import Document

__all__ = ["Finding", "Remark", "findings"]


class Remark(msgspec.Struct, frozen=True):
    """One remark about a document of a bundle, before anybody has looked up its line.

    Args:
        document: the document's number in the bundle.
        path: the place inside the document's data.
        severity: `error` (the engine refuses the document), `warning` or `note`.
        code: a stable kebab-case name of the kind of finding, for filters.
        message: what there is to say, in one sentence.
        hint: what the user can do about it.
    """

    document: int
    path: Path
    severity: Literal["error", "warning", "note"]
    code: str
    message: str
    hint: str = ""


class Finding(msgspec.Struct, frozen=True):
    """One remark about a document, for a person or for a program.

    Args:
        severity: `error` (the document cannot be used), `warning` or `note`.
        message: what there is to say, in one sentence.
        file: the file's name as given (`<stdin>` for standard input).
        line: the line in that file, from 1.
        path: the place inside the document's data.
        code: a stable short name of the kind of finding, for filters.
        hint: what the user can do about it.
    """

    severity: Literal["error", "warning", "note"]
    message: str
    file: str
    line: int | None = None
    path: Path = ()
    code: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = f" (at {render(self.path)})" if self.path else ""
        code = f" [{self.code}]" if self.code else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}: {self.severity}: {self.message}{where}{code}{hint}"


def findings(documents: Sequence[Document], remarks: Iterable[Remark]) -> list[Finding]:
    """The remarks with their files and lines, in the order of the files, then of the lines."""
    found: dict[tuple[int, int, int], Finding] = {}
    for order, remark in enumerate(dict.fromkeys(remarks)):
        document = documents[remark.document]
        line = document.line_of(remark.path)
        found[remark.document, line or 0, order] = Finding(
            severity=remark.severity,
            message=remark.message,
            file=document.file,
            line=line,
            path=remark.path,
            code=remark.code,
            hint=remark.hint,
        )
    return [found[place] for place in sorted(found)]
