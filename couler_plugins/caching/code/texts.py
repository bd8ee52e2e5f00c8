"""The texts that code holds, and those that it names: libraries evaluate some of them."""

from __future__ import annotations

import ast
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from couler_plugins.caching.code.names import constants_of
from couler_plugins.caching.code.syntax import syntax_of

__all__ = ["evaluated", "texts_named", "texts_of"]

EVALUATING = frozenset({"query", "eval"})
"""Methods of pandas, for which `@name` in a text is a global of the caller. Databases have such methods as well."""
TABLES = (tuple, frozenset, list, set, dict)
"""What texts are looked for in."""


def evaluated(
    code: types.CodeType, scope: Mapping[str, Any], chains: Iterable[Sequence[str]], attributes: Collection[str]
) -> Iterator[str]:
    """The attributes in code that may be methods which evaluate a text with names in it.

    Args:
        code: the code.
        scope: its globals.
        chains: those that it names, each with the attributes read of it.
        attributes: all that it reads of anything.
    """
    evaluating = EVALUATING.intersection(attributes)
    if not evaluating:
        return
    texts = [*texts_of(code), *texts_named(scope, chains)]
    for name in sorted(evaluating):
        # Where there is no text, one is handed in, unless it is `urlsplit(url).query`.
        if any("@" in text for text in texts) or (not texts and _is_called(code, name)):
            yield name


def texts_of(code: types.CodeType) -> Iterator[str]:
    """The texts among the constants of code, and of code inside of it; its documentation is none."""
    for constant in constants_of(code):
        yield from texts_of(constant) if isinstance(constant, types.CodeType) else _texts_in(constant)


def texts_named(scope: Mapping[str, Any], chains: Iterable[Sequence[str]]) -> Iterator[str]:
    """The texts in globals, and in tables of those.

    Args:
        scope: the globals.
        chains: those that are named, each with the attributes read of it.
    """
    for root, *path in chains:
        yield from _texts_in(_value(scope.get(root), path))


def _texts_in(value: object) -> Iterator[str]:
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif type(item) in TABLES and id(item) not in seen:
            seen.add(id(item))  # a table may hold itself
            waiting += item.values() if isinstance(item, dict) else cast("Iterable[object]", item)


def _value(value: Any, path: Sequence[str]) -> Any:
    """What a path names, as far as modules and classes hold it themselves."""
    for name in path:
        if not isinstance(value, (types.ModuleType, type)):
            break
        value = vars(value).get(name)
    return value


def _is_called(code: types.CodeType, name: str) -> bool:
    tree = syntax_of(code)
    calls = () if tree is None else (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return tree is None or any(isinstance(called, ast.Attribute) and called.attr == name for called in calls)
