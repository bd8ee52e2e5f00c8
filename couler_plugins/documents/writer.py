"""Writes whole documents: YAML, or JSON as the file that it goes into is written."""

from __future__ import annotations

import json
import re
from typing import Any

from couler_plugins.documents.emitter import Emitter, Indentation
from couler_plugins.documents.events import BOM
from couler_plugins.documents.spans import line_break
from couler_plugins.errors import InvalidInput


def dump_yaml(data: Any, *, indentation: Indentation | None = None) -> str:
    """The data as one YAML document, in block style and the order of its keys.

    Every reader (YAML 1.1 and 1.2, Kubernetes, PyYAML) gets the same data from it: no anchors, no wrapped lines, texts
    of several lines as literal blocks, and quotes around whatever could be taken for something else.

    Args:
        data: dict, list, str, int, float, bool and None.
        indentation: how things are indented; two columns, and lists not under their keys, unless told otherwise.

    Raises:
        InvalidInput: JSON, or Kubernetes, cannot hold a value.
    """
    emitter = Emitter(indentation or Indentation())
    emitter.value(data, 0)
    return "\n".join([*emitter.lines, ""])


def dump_json(
    data: Any, indent: int | str | None, *, separators: tuple[str, str] | None = None, ascii_only: bool = False
) -> str:
    """The data as JSON, in the order of its keys.

    Args:
        data: dict, list, str, int, float, bool and None.
        indent: the columns, or the characters, of one level; None for everything on one line.
        separators: what stands between items and after keys, if not the usual.
        ascii_only: whether other characters are written as escapes.

    Raises:
        InvalidInput: JSON cannot hold a value.
    """
    try:
        text = json.dumps(data, indent=indent, separators=separators, ensure_ascii=ascii_only, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"cannot be written as JSON: {error}") from None
    return f"{text}\n"


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
