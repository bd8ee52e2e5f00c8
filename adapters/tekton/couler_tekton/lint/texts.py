"""Variables in texts, found exactly as Tekton's webhook finds them.

Source: `pkg/substitution/substitution.go`, `pkg/internal/resultref`. The adapter's own reading of variables
(`couler_tekton.variables`) is more generous: it finds what the controller substitutes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

ANY_NAME = r".*?(?:\[\*\])?"
WHOLE_NAME = r"[_a-zA-Z0-9.-]+\[\*\]"
INDEX = re.compile(r"\[([0-9])*\*?\]")
EXPRESSION = re.compile(r"\$\([_a-zA-Z0-9.-]+(?:\.[_a-zA-Z0-9.-]+)*(?:\[(?:[0-9]+|\*)\])?\)")


@lru_cache(maxsize=4096)
def _pattern(prefix: str, name: str) -> re.Pattern[str]:
    """References below a prefix (a regular expression itself, as it is in Tekton)."""
    return re.compile(rf"\$\({prefix}(?:\.({name})|\[\"({name})\"\]|\['({name})'\])\)")


def _found(text: str, prefix: str) -> list[tuple[str, str]]:
    """What follows the prefix in each reference: after a dot, and in brackets."""
    if "$(" not in text:
        return []
    return [(match[1] or "", match[2] or match[3] or "") for match in _pattern(prefix, ANY_NAME).finditer(text)]


def mentions(text: str, prefix: str) -> list[str]:
    """The references below a prefix, as they are written."""
    return [match[0] for match in _pattern(prefix, ANY_NAME).finditer(text)]


def _names(text: str, prefix: str) -> tuple[list[str], str]:
    """The names that are referred to, and what is wrong with the way that is done."""
    names: list[str] = []
    for dotted, bracketed in _found(text, prefix):
        if dotted.count(".") > 1:
            return names, f"{text!r:.60} refers to more than a name and a key of it"
        names.append(dotted.split(".")[0] if "." in dotted else dotted or bracketed)
    return names, ""


def unknown_problem(text: str, prefix: str, existing: Collection[str]) -> tuple[str, str]:
    """The first name that nobody declares, and what to say of it; both empty where all is well."""
    names, wrong = _names(text, prefix)
    if wrong:
        return "", wrong
    for name in (INDEX.sub("", name) for name in names):
        if name not in existing:
            return name, f"refers to {name!r}, which is not declared"
    return "", ""


def prohibited_problem(text: str, prefix: str, lists: Collection[str]) -> str:
    """What is wrong where a list is referred to as a whole, and a text is wanted."""
    names, wrong = _names(text, prefix)
    for name in (name.removesuffix("[*]") for name in names):
        if not wrong and name in lists:
            return f"refers to the whole list {name!r} where a text is wanted"
    return wrong


def entire_problem(text: str, prefix: str, objects: Collection[str]) -> str:
    """What is wrong where an object is referred to as a whole, and one of its keys is wanted."""
    for name in (dotted or bracketed for dotted, bracketed in _found(text, prefix)):
        if name.removesuffix("[*]") in objects:
            return f"refers to the whole object {name.removesuffix('[*]')!r} where one of its keys is wanted"
    return ""


def isolated_problem(text: str, prefix: str, lists: Collection[str]) -> str:
    """What is wrong where a reference to a list has anything beside it."""
    names, wrong = _names(text, prefix)
    if wrong or not names:
        return wrong
    first = _pattern(prefix, ANY_NAME).search(text)
    for name in (name.removesuffix("[*]") for name in names):
        if name in lists and (first is None or len(first[0]) != len(text)):
            return f"has something beside the list {name!r}, which has to stand alone"
    return ""


def is_isolated_whole(text: str) -> bool:
    """Whether this is nothing but a reference to a whole list or object among the parameters."""
    return _pattern("params", WHOLE_NAME).fullmatch(text) is not None


def expressions(text: str) -> list[str]:
    """The variables of a text, without their braces, as far as they have dots only."""
    return [found[2:-1] for found in EXPRESSION.findall(text)] if "$(" in text else []


def values(content: Any) -> list[str]:
    """The texts of a parameter's value: of a text, a list, or a mapping."""
    match content:
        case str():
            return [content]
        case list() if all(isinstance(item, str) for item in content):
            return content
        case dict() if all(isinstance(item, str) for item in content.values()):
            return list(content.values())
    return []


class ResultRef(NamedTuple):
    """A reference to a result of a task."""

    task: str
    result: str
    text: str


def is_result(expression: str) -> bool:
    """Whether this begins like a reference to a result of a task."""
    parts = expression.split(".")
    return len(parts) >= 4 and parts[0] in ("tasks", "finally") and parts[2] == "results"


def result_refs(expressions_read: Iterable[str]) -> list[ResultRef]:
    """The references to results among expressions."""
    refs = []
    for expression in expressions_read:
        parts = expression.split(".")
        if is_result(expression) and len(parts) <= 5:
            name = INDEX.sub("", parts[3]) if len(parts) == 4 else parts[3]
            refs.append(ResultRef(parts[1], name, expression))
    return refs
