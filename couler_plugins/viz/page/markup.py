"""HTML and SVG elements, numbers in words, and the escaping of all that is not markup."""

from __future__ import annotations

import html
import json
from collections.abc import Collection
from typing import Any

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


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


_VOID = frozenset({"input", "meta"})


def element(name: str, /, *content: str, **attributes: str | int | bool | None) -> Markup:
    """An element.

    Args:
        name: its name.
        content: what is inside: markup as it is, other text escaped.
        attributes: with `_` for `-`, and one after a name that Python reserves (`class_`); True for one without a
            value, left out where None, False or empty.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is True:
            parts.append(f" {key.rstrip('_').replace('_', '-')}")
        elif value is not None and value is not False and value != "":
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts += [item if isinstance(item, Markup) else escaped(item) for item in content]
        parts.append(f"</{name}>")
    return Markup("".join(parts))


def text(*parts: str) -> Markup:
    """Several parts as one, those that are no markup escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escaped(part) for part in parts))


def classes(*names: str) -> str:
    """The value of a class attribute; empty names are left out."""
    return " ".join(filter(None, names))


def versioned(shown: Collection[int], count: int) -> str:
    """Classes for what not all versions have; the style sheet hides it in the others. Empty where all have it."""
    return "" if len(shown) == count else " ".join(["vx", *(f"v{number}" for number in sorted(shown))])


def counted(count: int, noun: str) -> str:
    """The number with its noun, in the plural where it needs one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def bytes_text(size: int) -> str:
    """A difference in bytes."""
    sign, size = "−" if size < 0 else "+", abs(size)
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            return f"{sign}{size / factor:.1f} {unit}"
    return f"{sign}{counted(size, 'byte')}"
