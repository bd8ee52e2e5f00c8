"""What there is to say about a place in a file."""

from __future__ import annotations

from typing import Literal

import msgspec

from couler_plugins.documents.paths import Path, render

__all__ = ["Finding"]


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
