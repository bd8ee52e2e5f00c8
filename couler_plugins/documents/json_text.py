"""Reads JSON, strictly: what is not JSON in every detail is left to the YAML reader, which says what is wrong."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from couler_plugins.documents.builder import MAX_DEPTH
from couler_plugins.documents.events import BOM
from couler_plugins.errors import InvalidInput

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _NotStrict(Exception):
    """JSON that Python accepts and the standard does not, or that sets a key twice (YAML is edited around it)."""


def looks_like_json(text: str) -> bool:
    """Whether it is worth trying to read the text as JSON."""
    return text.removeprefix(BOM).lstrip()[:1] in ("{", "[")


def parse_json(text: str, name: str) -> tuple[Any, int] | None:
    """The data of a strict JSON text and the line that it begins on, or None where the text is something else.

    Args:
        text: the whole file.
        name: the file's name, for errors.

    Raises:
        InvalidInput: it is JSON, but holds a lone surrogate or is nested too deeply.
    """
    body = text.removeprefix(BOM)
    try:
        data = _DECODER.decode(body)
    except (ValueError, _NotStrict):
        return None
    except RecursionError:
        data = None
        depth = MAX_DEPTH + 1
    else:
        depth = _depth(data)
    if depth > MAX_DEPTH:
        raise InvalidInput(f"nested deeper than {MAX_DEPTH} levels", file=name, hint="flatten the document")
    if _SURROGATE.search(body):
        _check_surrogates(body, name)
    return data, body[: len(body) - len(body.lstrip())].count("\n") + 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _NotStrict
    return mapping


def _integer(text: str) -> int | float:
    """Kubernetes takes integers beyond 64 bits for floats."""
    if len(text) > 20:
        return _float(text)
    value = int(text)
    return value if -(2**63) <= value < 2**64 else _float(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _NotStrict
    return value


def _constant(_: str) -> NoReturn:
    raise _NotStrict


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant)


def _depth(data: Any) -> int:
    level, depth = [data], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def _check_surrogates(text: str, name: str) -> None:
    high: int | None = None
    for match in _ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else 0
        low = 0xDC00 <= code < 0xE000
        if low != (high is not None and high == match.start()):
            break
        high = match.end() if 0xD800 <= code < 0xDC00 else None
    else:
        if high is None:
            return
    raise InvalidInput(
        "a string holds a lone surrogate, which is no character",
        file=name,
        line=text.count("\n", 0, match.start()) + 1,
        hint="write both halves of the pair, or the character itself",
    )
