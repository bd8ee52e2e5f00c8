"""Expressions, read: those of `when` (govaluate) and those in `{{=…}}` (expr-lang), as far as both are the same.

Sources: https://expr-lang.org/docs/language-definition, https://github.com/Knetic/govaluate (MANUAL.md) for operators
and their strength. What is not here is refused before anything runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

TOKEN = re.compile(
    r"\s*(?:(?P<held>\x00\d+\x00)|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)"
    r"|(?P<word>[A-Za-z_][\w]*)|(?P<sign>\?\?|&&|\|\||[=!<>]=|=~|!~|\*\*|[-+*/%<>!?:.,()\[\]]))",
    re.DOTALL,
)
STRENGTH = {"??": 1, "||": 2, "or": 2, "&&": 3, "and": 3, "+": 6, "-": 6, "*": 7, "/": 7, "%": 7}
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "=~", "!~", "in", "contains", "startsWith", "endsWith", "matches")
STRENGTH |= dict.fromkeys(COMPARISONS, 4)
UNARY = ("!", "not", "-")
DEEPEST = 100


class NotReadable(Exception):
    """The text is no expression, or has something that is not known here."""


class Word(NamedTuple):
    """A name that is no operator."""

    name: str


class Item(NamedTuple):
    """What was held in the place of something that is looked up: its number."""

    number: int


class Operator(NamedTuple):
    """An operator with one or two operands."""

    sign: str
    operands: tuple[Any, ...]


class Ternary(NamedTuple):
    """`condition ? one : other`."""

    condition: Any
    one: Any
    other: Any


class Member(NamedTuple):
    """`holder[key]`."""

    holder: Any
    key: Any


class Call(NamedTuple):
    """`name(arguments)`."""

    name: str
    arguments: tuple[Any, ...]


class List(NamedTuple):
    """`[items]`, or `(items)` after `in`."""

    items: tuple[Any, ...]


Tree = Any
"""A constant, or one of the above."""


def parse(text: str) -> Tree:
    """An expression, in which NUL, a number and NUL hold the place of a thing that is looked up.

    Raises:
        NotReadable: it is none that is known here.
    """
    parser = _Parser(text)
    tree = parser.ternary()
    if parser.ahead[0] != "end":
        raise NotReadable(f"{parser.ahead[1]!r:.30} is not expected there")
    return tree


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    end = 0
    while text[end:].strip():
        match = TOKEN.match(text, end)
        if match is None or match.lastgroup is None:
            raise NotReadable(f"{text[end:].strip()[:20]!r} is not known here")
        yield match.lastgroup, match[match.lastgroup]
        end = match.end()
    yield "end", ""


class _Parser:
    """Precedence climbing over the tokens."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self.ahead = next(self._tokens)
        self._depth = 0

    def _take(self) -> tuple[str, str]:
        found, self.ahead = self.ahead, next(self._tokens, ("end", ""))
        return found

    def _accept(self, sign: str) -> bool:
        if self.ahead == ("sign", sign):
            self._take()
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise NotReadable(f"{sign!r} is missing")

    def ternary(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotReadable("it is nested too deeply")
        tree = self._binary(1)
        if self._accept("?"):
            one = self.ternary()
            self._expect(":")
            tree = Ternary(tree, one, self.ternary())
        self._depth -= 1
        return tree

    def _binary(self, least: int) -> Tree:
        tree = self._unary()
        while self.ahead[0] in ("sign", "word") and STRENGTH.get(self.ahead[1], 0) >= least:
            sign = self._take()[1]
            tree = Operator(sign, (tree, self._binary(STRENGTH[sign] + 1)))
        return tree

    def _unary(self) -> Tree:
        if self.ahead[0] in ("sign", "word") and self.ahead[1] in UNARY:
            self._depth += 1
            if self._depth > DEEPEST:
                raise NotReadable("it is nested too deeply")
            operator = Operator(self._take()[1], (self._unary(),))
            self._depth -= 1
            return operator
        return self._postfix(self._primary())

    def _postfix(self, tree: Tree) -> Tree:
        while True:
            if self._accept("["):
                tree = Member(tree, self.ternary())
                self._expect("]")
            elif self._accept("."):
                kind, name = self._take()
                if kind != "word":
                    raise NotReadable("a name is missing after a dot")
                tree = Member(tree, name)
            elif self.ahead == ("sign", "(") and isinstance(tree, Word):
                self._take()
                tree = Call(tree.name, self._until(")"))
            else:
                return tree

    def _primary(self) -> Tree:
        kind, text = self._take()
        match kind:
            case "held":
                return Item(int(text[1:-1]))
            case "number":
                return float(text) if re.search("[.eE]", text) else int(text)
            case "text":
                return _unquoted(text)
            case "word":
                return Word(text)
        if text == "[":
            return List(self._until("]"))
        if text == "(":
            items = self._until(")")
            return items[0] if len(items) == 1 else List(items)
        raise NotReadable(f"{text!r:.30} is not expected there" if text else "it ends too early")

    def _until(self, sign: str) -> tuple[Tree, ...]:
        items: list[Tree] = []
        while not self._accept(sign):
            if items:
                self._expect(",")
            items.append(self.ternary())
        return tuple(items)


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    inner = text[1:-1].replace("\\'", "'")
    inner = inner.replace('"', '\\"') if text[0] == "'" else inner
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        raise NotReadable(f"{text!r:.30} is no text") from None
