"""The grammar of pipelines and of `--to`: `cache{policy=scr,capacity=30GB},split{max-steps=200}`.

    items  = [item ("," item)*]
    item   = (name | FILE.py:CLASS) ["{" [option ("," option)*] "}"]
    option = name "=" [text ("|" text)*]
    text   = bare word | "…" (as in JSON) | '…' (nothing is special in it)

Blanks between these are ignored. What a text means (a number, a size) is for the option's type to say. An option
with nothing after `=` is an empty list; an empty text is written `""`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.options.fields import Texts

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CLASS = re.compile(r"""[^\s,{}=|"']+\.py:[A-Za-z_][A-Za-z0-9_]*""")
_BARE = re.compile(r"""[^\s,{}=|"']+""")
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE = re.compile(r"'[^']*'")
_BLANKS = re.compile(r"\s*")


class Item(msgspec.Struct, frozen=True):
    """One name with its options, in the order in which they were written."""

    name: str
    options: tuple[tuple[str, Texts], ...] = ()

    def __str__(self) -> str:
        options = ",".join(f"{name}={'|'.join(map(_quoted, texts))}" for name, texts in self.options)
        return f"{self.name}{{{options}}}" if options else self.name


def parse_items(text: str, what: str) -> tuple[Item, ...]:
    """The items of a text; none where it is blank.

    Args:
        text: what the user wrote.
        what: what it is, for errors ("the pipeline", "--to").

    Raises:
        InvalidInput: it does not follow the grammar; the message names the column, from 1.
    """
    return _Parser(text, what).items()


def print_items(items: Iterable[Item]) -> str:
    """The text that `parse_items` reads as these items."""
    return ",".join(map(str, items))


def _quoted(text: str) -> str:
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _Parser:
    def __init__(self, text: str, what: str) -> None:
        self.text, self.what, self.at = text, what, 0
        self.blanks()

    def items(self) -> tuple[Item, ...]:
        items: list[Item] = []
        while self.at < len(self.text):
            if items and not self.skip(","):
                raise self.error("expected a comma or the end here")
            items.append(self.item())
        return tuple(items)

    def item(self) -> Item:
        name = self.take(_CLASS if _CLASS.match(self.text, self.at) else _NAME, "expected a name here")
        options: dict[str, Texts] = {}
        if self.skip("{") and not self.skip("}"):
            while True:
                option = self.name()
                if option in options:
                    raise self.error(f"the option {option!r} is given twice")
                if not self.skip("="):
                    raise self.error(f"expected '=' after {option!r}")
                options[option] = self.texts()
                if self.skip("}"):
                    break
                if not self.skip(","):
                    raise self.error("expected ',' or '}' here")
        return Item(name, tuple(options.items()))

    def name(self) -> str:
        return self.take(_NAME, "expected a name here")

    def texts(self) -> Texts:
        if self.text[self.at : self.at + 1] in (",", "}"):
            return ()
        texts = [self.one()]
        while self.skip("|"):
            texts.append(self.one())
        return tuple(texts)

    def one(self) -> str:
        match self.text[self.at : self.at + 1]:
            case '"':
                start, quoted = self.at, self.take(_DOUBLE, "the quote is not closed")
                try:
                    return str(json.loads(quoted, strict=False))
                except ValueError:
                    self.at = start
                    raise self.error("this is not a text as in JSON") from None
            case "'":
                return self.take(_SINGLE, "the quote is not closed")[1:-1]
            case _:
                return self.take(_BARE, "expected a value here")

    def take(self, pattern: re.Pattern[str], otherwise: str) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self.error(otherwise)
        self.at = match.end()
        self.blanks()
        return match[0]

    def skip(self, character: str) -> bool:
        matches = self.text.startswith(character, self.at)
        if matches:
            self.at += 1
            self.blanks()
        return matches

    def blanks(self) -> None:
        blanks = _BLANKS.match(self.text, self.at)
        self.at = blanks.end() if blanks else self.at

    def error(self, message: str) -> InvalidInput:
        is_torn = "=" in self.text and ("{" not in self.text or self.text.count("{") != self.text.count("}"))
        return InvalidInput(
            f"{self.what} {self.text!r}, column {self.at + 1}: {message}",
            hint=("put quotes around it, or the shell takes it apart: " if is_torn else "it is written like ")
            + "'name{option=value,other=a|b},name'",
        )
