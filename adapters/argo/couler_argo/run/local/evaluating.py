"""Evaluation of expressions: `when` as govaluate does it, `{{=…}}` as expr-lang does.

Sources: `shouldExecute` in Argo's `workflow/controller/operator.go` (names are texts).

Source: `util/expr/env` of Argo.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from couler_argo.run.local.parsing import Call, Item, List, Member, NotReadable, Operator, Ternary, Tree, Word, parse
from couler_plugins.caching.keys import go_json
from couler_plugins.hookspecs.local import NotThere

WHOLE = 2.0**53


def spelled(value: Any) -> str:
    """A value as the text that Argo makes of an expression's result."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return go_json(value).decode("utf-8", "surrogatepass")


def _number(kind: type[int] | type[float]) -> Callable[[Any], Any]:
    return lambda value: kind(float(value)) if isinstance(value, str) and kind is float else kind(value)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "asInt": _number(int),
    "asFloat": _number(float),
    "int": _number(int),
    "float": _number(float),
    "string": spelled,
    "len": len,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "toJson": lambda value: go_json(value).decode("utf-8", "surrogatepass"),
    "toJSON": lambda value: go_json(value).decode("utf-8", "surrogatepass"),
    "fromJSON": json.loads,
}
"""The functions that are known here."""


Held = Sequence[Callable[[], Any]]
"""Gives what an expression looks up, by number, when it is needed."""

CONSTANTS = {"true": True, "false": False, "nil": None}
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda one, other: one % other if one >= 0 < other else -(-one % other),
}
OF_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}
GOVALUATE = ("==", "!=", "=~", "!~", "in", "&&", "||", "!", "-", "+", "*", "/", "%", "**", *ORDERED)


def condition_holds(text: str) -> bool:
    """Whether a `when` holds, everything in it filled in.

    Raises:
        NotThere: it is no condition.
    """
    result = _Govaluate(()).value(_parsed(text))
    if not isinstance(result, bool):
        raise NotThere(f"the condition {text!r:.80} is {result!r:.40}, and neither true nor false")
    return result


def check_condition(text: str) -> None:
    """Raises NotThere where a `when` has something that is not known here; anything may be filled in later."""
    _check(_parsed(text), functions=())


def check_expression(text: str) -> None:
    """Raises NotThere where an expression has something that is not known here."""
    _check(_parsed(text), functions=tuple(FUNCTIONS))


def evaluated(text: str, scope: Held) -> Any:
    """What an expression is.

    Args:
        text: it, with NUL, a number and NUL for each thing that it looks up.
        scope: gives these.

    Raises:
        NotThere: it looks up what is not there, or makes no sense.
    """
    return _Expr(scope).value(_parsed(text))


def _parsed(text: str) -> Tree:
    try:
        return parse(text)
    except NotReadable as error:
        raise NotThere(f"the expression {_shown(text)!r:.80} cannot be evaluated here: {error}") from None


def _shown(text: str) -> str:
    return re.sub("\x00\\d+\x00", "…", text)


def _check(tree: Tree, functions: Sequence[str]) -> None:
    if isinstance(tree, Call) and tree.name not in functions:
        raise NotThere(f"the function {tree.name!r} of an expression is not supported by --local")
    if functions and isinstance(tree, Word) and tree.name not in CONSTANTS:
        raise NotThere(f"the name {tree.name!r} in an expression is not supported by --local")
    if not functions and isinstance(tree, Operator) and tree.sign not in GOVALUATE:
        raise NotThere(f"the operator {tree.sign!r} is not known in a condition")
    if isinstance(tree, tuple):
        for part in tree:
            if isinstance(part, tuple):
                _check(part, functions)


class _Expr:
    """Evaluates as expr-lang does."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def value(self, tree: Tree) -> Any:
        match tree:
            case Item():
                return self._held[tree.number]()
            case Word():
                return self._word(tree.name)
            case Ternary():
                return self.value(tree.one if self._bool(tree.condition) else tree.other)
            case Member():
                return self._member(tree)
            case List():
                return [self.value(item) for item in tree.items]
            case Call():
                return self._call(tree)
            case Operator():
                return self._operator(tree)
        return tree

    def _word(self, name: str) -> Any:
        if name not in CONSTANTS:
            raise NotThere(f"there is no {name!r}")
        return CONSTANTS[name]

    def _bool(self, tree: Tree) -> bool:
        result = self.value(tree)
        if not isinstance(result, bool):
            raise NotThere(f"{result!r:.40} is neither true nor false")
        return result

    def _member(self, tree: Member) -> Any:
        holder = self.value(tree.holder)
        key = tree.key if isinstance(tree.key, str) else self.value(tree.key)
        try:
            return holder[int(key)] if isinstance(holder, list) else holder[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise NotThere(f"there is no {key!r:.40}") from None

    def _call(self, tree: Call) -> Any:
        try:
            return FUNCTIONS[tree.name](*map(self.value, tree.arguments))
        except (KeyError, TypeError, ValueError) as error:
            raise NotThere(f"{tree.name}(): {error}") from None

    def _operator(self, tree: Operator) -> Any:
        sign, operands = tree
        if sign in ("&&", "and"):
            return self._bool(operands[0]) and self._bool(operands[1])
        if sign in ("||", "or"):
            return self._bool(operands[0]) or self._bool(operands[1])
        if sign in ("!", "not"):
            return not self._bool(operands[0])
        if sign == "??":
            return self._first(operands)
        values = [self.value(operand) for operand in operands]
        return -self._number(values[0]) if len(values) == 1 else self._two(sign, *values)

    def _first(self, operands: Sequence[Tree]) -> Any:
        try:
            result = self.value(operands[0])
        except NotThere:
            result = None
        return self.value(operands[1]) if result is None else result

    def _two(self, sign: str, one: Any, other: Any) -> Any:
        if sign in ("==", "!="):
            return _alike(one, other) is (sign == "==")
        if sign in ORDERED:
            if isinstance(one, str) is not isinstance(other, str):
                raise NotThere(f"{one!r:.40} and {other!r:.40} cannot be compared")
            return (
                ORDERED[sign](one, other) if isinstance(one, str) else ORDERED[sign](*map(self._number, (one, other)))
            )
        if sign == "in":
            return any(_alike(one, item) for item in other) if isinstance(other, list) else one in other
        if sign in ("contains", "startsWith", "endsWith", "matches", "=~", "!~"):
            return _of_texts(sign, one, other)
        if sign == "+" and isinstance(one, str) and isinstance(other, str):
            return one + other
        return self._arithmetic(sign, self._number(one), self._number(other))

    def _number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise NotThere(f"{value!r:.40} is no number")
        return value

    def _arithmetic(self, sign: str, one: float, other: float) -> float:
        if sign not in ARITHMETIC:
            raise NotThere(f"{sign!r} is not known here")
        try:
            return ARITHMETIC[sign](one, other)
        except ZeroDivisionError:
            raise NotThere("it divides by zero") from None


class _Govaluate(_Expr):
    """Evaluates as govaluate does, where names are texts: all numbers are alike, and texts compare as texts."""

    def _word(self, name: str) -> Any:
        return {"true": True, "false": False}.get(name, name)

    def _member(self, tree: Member) -> Any:
        raise NotThere("a condition reads a field of a text")


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _of_texts(sign: str, one: Any, other: Any) -> bool:
    if not isinstance(one, str) or not isinstance(other, str):
        raise NotThere(f"{sign} is for texts")
    if sign in OF_TEXTS:
        return OF_TEXTS[sign](one, other)
    try:
        matches = re.search(other, one) is not None
    except re.error:
        raise NotThere(f"{other!r:.40} is no regular expression") from None
    return matches is not (sign == "!~")
