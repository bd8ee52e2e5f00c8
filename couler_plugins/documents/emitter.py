"""Writes data as YAML: block style, line by line, and flow style where a place asks for it.

libyaml's emitter cannot indent lists under their keys and falls back to quotes for many texts that a block can hold;
both are needed to put new text between a user's own lines, so the structure is written here.

Writes whole documents: YAML, or JSON as the file that it goes into is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from couler_plugins.documents.events import BOM
from couler_plugins.documents.scalars import key_text, literal, needs_question_mark, plain_or_quoted, styled
from couler_plugins.documents.spans import line_break
from couler_plugins.errors import restating


class Indentation(NamedTuple):
    """How much deeper things stand than the mapping that holds them.

    Args:
        step: a mapping, or the lines of a literal block, in columns.
        sequence: the dashes of a list, in columns; 0 puts them under their key's first letter.
    """

    step: int = 2
    sequence: int = 0


class Borrowed(msgspec.Struct, frozen=True):
    """Existing text for a value.

    Args:
        lead: comment lines to put above it, without indentation.
        lines: the value's own lines, the first one without indentation, the others relative to it.
        inline: whether the first line can follow its key on the same line, as a scalar or flow collection does.
    """

    lead: list[str]
    lines: list[str]
    inline: bool


Borrow: TypeAlias = "Callable[[Any], Borrowed | None]"
"""Gives existing text for a mapping or list, or None to have it written."""


class Emitter:
    """Collects the lines of block style YAML.

    Args:
        indentation: the habits to follow.
        borrow: where existing text for a mapping or list comes from.
    """

    def __init__(self, indentation: Indentation, borrow: Borrow | None = None) -> None:
        self.lines: list[str] = []
        self._indentation = indentation
        self._borrow = borrow

    def value(self, value: Any, column: int) -> None:
        """A value on lines of its own."""
        if isinstance(value, dict) and value:
            for key, child in value.items():
                self.entry(key, child, column)
        elif isinstance(value, list) and value:
            for child in value:
                self.item(child, column)
        else:
            step = self._indentation.step
            self._scalar(" " * column, value, column + step, step)

    def entry(self, key: str, value: Any, column: int, lead: str | None = None) -> None:
        """A key and its value, the key in `column`; `lead` takes the place of its indentation."""
        start = " " * column if lead is None else lead
        text = key_text(key)
        if needs_question_mark(text):
            self.lines.append(f"{start}? {text}")
            start, text = " " * column, ""
        start += f"{text}:"
        if not value or not isinstance(value, dict | list):
            self._scalar(f"{start} ", value, column + self._indentation.step, self._indentation.step)
            return
        inner = column + (self._indentation.step if isinstance(value, dict) else self._indentation.sequence)
        if borrowed := self._borrow(value) if self._borrow else None:
            self._insert(borrowed, f"{start} " if borrowed.inline else start, column, inner)
            return
        self.lines.append(start)
        self.value(value, inner)

    def item(self, value: Any, column: int, lead: str | None = None) -> None:
        """A list item, the dash in `column`; `lead` takes the place of its indentation."""
        start = (" " * column if lead is None else lead) + "- "
        if not value or not isinstance(value, dict | list):
            self._scalar(start, value, column + 2, 2)
        elif borrowed := self._borrow(value) if self._borrow else None:
            self._insert(replace(borrowed, inline=True), start, column, column + 2)
        elif isinstance(value, dict):
            for key, child in value.items():
                self.entry(key, child, column + 2, start)
                start = " " * (column + 2)
        else:
            for child in value:
                self.item(child, column + 2, start)
                start = " " * (column + 2)

    def _scalar(self, start: str, value: Any, column: int, step: int) -> None:
        if block := literal(value, step):
            header, lines = block
            self.lines.append(start + header)
            self.lines.extend(_indented(lines, column))
        else:
            self.lines.append(start + (flow(value) if isinstance(value, dict | list) else plain_or_quoted(value)))

    def _insert(self, borrowed: Borrowed, start: str, column: int, inner: int) -> None:
        if borrowed.lead and (borrowed.inline or not start[:column].strip()):
            self.lines.extend(_indented(borrowed.lead, len(start) - len(start.lstrip(" "))))
        self.lines.append(start + borrowed.lines[0] if borrowed.inline else start)
        if borrowed.lead and start[:column].strip() and not borrowed.inline:
            # `- key:`; above it would be before the dash, which is written already.
            self.lines.extend(_indented(borrowed.lead, inner))
        self.lines.extend(_indented(borrowed.lines[borrowed.inline :], inner))


def flow(value: Any, *, quoted: bool = False, padding: str = "") -> str:
    """A value on one line, in flow style.

    Args:
        value: the value.
        quoted: whether texts are quoted even where that is not needed, as in JSON.
        padding: what stands inside of the braces of a mapping.

    Raises:
        InvalidInput: JSON, or Kubernetes, cannot hold the value.
    """
    if isinstance(value, dict):
        entries = [flow_entry(key, child, quoted=quoted, padding=padding) for key, child in value.items()]
        return brackets(entries, "{}", padding)
    if isinstance(value, list):
        return brackets([flow(child, quoted=quoted, padding=padding) for child in value], "[]", "")
    return styled(value, '"' if quoted else "", flow=True)


def flow_entry(key: str | None, value: Any, *, quoted: bool, padding: str) -> str:
    """What `flow` writes for an entry of a mapping, or, without a key, for an item of a list."""
    text = flow(value, quoted=quoted, padding=padding)
    if key is None:
        return text
    name = key_text(key, flow=True, quoted=quoted)
    return f"? {name} : {text}" if needs_question_mark(name) else f"{name}: {text}"


def brackets(entries: list[str], pair: str, padding: str) -> str:
    """Entries in flow style, between a pair of brackets."""
    return f"{pair[0]}{padding}{', '.join(entries)}{padding}{pair[1]}" if entries else pair


def _indented(lines: list[str], column: int) -> list[str]:
    return [" " * column + line if line else line for line in lines]


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
    with restating((TypeError, ValueError), "cannot be written as JSON"):
        text = json.dumps(data, indent=indent, separators=separators, ensure_ascii=ascii_only, allow_nan=False)
        text.encode()
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
