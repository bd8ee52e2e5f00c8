"""Where checks of a lint say what they find, on which document, and what there may have been meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Literal

from couler_plugins.documents import Path, Remark

Severity = Literal["error", "warning", "note"]
FEW = 500
"""Of how many names the nearest one is looked for: with more it takes longer than it is worth."""


class Report:
    """The remarks on one object of a document.

    Args:
        document: the document's number in the bundle.
        base: where the object is in it.
    """

    def __init__(self, document: int, base: Path = ()) -> None:
        self.document = document
        self.base = base
        self._remarks: dict[Remark, None] = {}

    @property
    def remarks(self) -> list[Remark]:
        """What was said, each once."""
        return list(self._remarks)

    def error(self, code: str, path: Path, message: str, hint: str = "") -> None:
        """What the engine or its API server refuses."""
        self.add("error", code, path, message, hint)

    def warning(self, code: str, path: Path, message: str, hint: str = "") -> None:
        """What is accepted, and fails or surprises when it runs."""
        self.add("warning", code, path, message, hint)

    def note(self, code: str, path: Path, message: str, hint: str = "") -> None:
        """What cannot be judged."""
        self.add("note", code, path, message, hint)

    def meant(self, name: str, names: Collection[str], otherwise: str) -> str:
        """A hint that names the known name nearest to a misspelled one; `otherwise` where none is near."""
        close = get_close_matches(name, names, 1, 0.75) if len(names) <= FEW else ()
        return f"did you mean {close[0]!r}?" if close else otherwise

    def add(
        self, severity: Severity, code: str, path: Path, message: str, hint: str, definition: int | None = None
    ) -> None:
        """One remark; `path` is inside the object, `definition` the document of what is wrong, if it is another."""
        self._remarks[Remark(self.document, self.base + path, severity, code, message, hint, definition)] = None
