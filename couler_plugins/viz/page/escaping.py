"""Text from manifests on its way into a page: nothing in it can become markup, script, or a trick on the reader."""

from __future__ import annotations

import html
import json
from typing import Any

__all__ = ["clean", "escaped", "json_island"]

_IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def clean(text: str) -> str:
    """The text with what cannot be seen replaced: control characters, lone surrogates, changes of direction.

    A name that reads differently from what it says would hide an edit.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def escaped(text: str) -> str:
    """The text as HTML, for content and for attributes in double quotes."""
    return html.escape(clean(text))


def json_island(data: Any) -> str:
    """JSON that can stand inside a script element, and inside JavaScript. Strings have to be clean."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
