"""Writes JSON as the file that it goes into is written."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents.events import BOM
from couler_plugins.documents.layout import line_break
from couler_plugins.documents.writer import dump_json

__all__ = ["rewrite_json"]

_FIRST_INDENT = re.compile(r"\s*[\[{]\r?\n([ \t]+)")


def rewrite_json(text: str, old: Any, new: Any) -> tuple[str, bool]:
    """The new data in the style of a JSON text.

    Args:
        text: the old text.
        old: what it says.
        new: what it is to say.

    Returns:
        The new text, and whether its style is that of the old one in every detail.
    """
    match = _FIRST_INDENT.match(text.removeprefix(BOM))
    for separators in ((",", ": "), (", ", ": "), (",", ":")):
        for ascii_only in (False, True):
            if _write(text, old, match, separators, ascii_only) == text:
                return _write(text, new, match, separators, ascii_only), True
    return _write(text, new, match, (",", ": ") if match else (", ", ": "), text.isascii() and "\\u" in text), False


def _write(text: str, data: Any, match: re.Match[str] | None, separators: tuple[str, str], ascii_only: bool) -> str:
    written = dump_json(data, match[1] if match else None, separators=separators, ascii_only=ascii_only)
    written = written.replace("\n", line_break(text))
    if not text.endswith("\n"):
        written = written.rstrip("\r\n")
    return BOM + written if text.startswith(BOM) else written
