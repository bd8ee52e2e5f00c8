"""Scalars without quotes that are handed on as another text than stands there: `yes` as `true`, `1.20` as `1.2`.

Kubernetes' tools make JSON of YAML 1.1 (sigs.k8s.io/yaml, over goyaml v2), and engines that take any value for a text
take the JSON of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from couler_plugins.documents.findings import Remark
from couler_plugins.documents.paths import Path
from couler_plugins.documents.reader import Document

__all__ = ["Reread", "remarks_on_reread", "reread"]

SMALLEST, LARGEST = 1e-6, 1e21
"""Between these, Go's `encoding/json` writes a number without an exponent."""
NUMBER = frozenset("0123456789+-.")


class Reread(NamedTuple):
    """A value or a key that is handed on as another text.

    Attributes:
        path: where it is in its document.
        written: how it stands there.
        as_read: what it is handed on as.
    """

    path: Path
    written: str
    as_read: str


def reread(document: Document, path: Path, value: Any) -> Iterator[Reread]:
    """What of a value is handed on as another text.

    Args:
        document: the document, with its text.
        path: where the value is in it.
        value: the value; lists and mappings are looked into.
    """
    match value:
        case dict():
            for key, inner in value.items():
                yield from _key(document, (*path, key), key)
                yield from reread(document, (*path, key), inner)
        case list():
            for number, inner in enumerate(value):
                yield from reread(document, (*path, number), inner)
        case bool() | int() | float():
            written, as_json = document.plain(path), _json(value)
            if written is not None and written != as_json:
                yield Reread(path, written, as_json)


def remarks_on_reread(
    document: Document, number: int, path: Path, data: Any, fields: Mapping[str, tuple[str, ...]]
) -> Iterator[Remark]:
    """A warning for each text of an object that is handed on as another one than stands there.

    Args:
        document: the document, with its text.
        number: its number in the bundle.
        path: where the object is in it.
        data: the object, or a part of it.
        fields: by the names of lists: which fields of their items are texts, whatever stands there; none where the
            items are.
    """
    if isinstance(data, dict):
        for key, inner in data.items():
            place = (*path, key)
            if key not in fields or not isinstance(inner, list):
                yield from remarks_on_reread(document, number, place, inner, fields)
                continue
            for index, item in enumerate(inner):
                names = [name for name in fields[key] if isinstance(item, dict) and name in item]
                texts = (
                    [((*place, index, name), item[name]) for name in names]
                    if fields[key]
                    else [((*place, index), item)]
                )
                for where, text in texts:
                    yield from (_remark(number, found) for found in reread(document, where, text))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from remarks_on_reread(document, number, (*path, index), item, fields)


def _remark(number: int, difference: Reread) -> Remark:
    message = f"{difference.written:.60} is read as {difference.as_read:.60}, which is another text"
    return Remark(
        number, difference.path, "warning", "reread-value", message, "put it into quotes, or write it as it is read"
    )


def _key(document: Document, path: Path, key: str) -> Iterator[Reread]:
    if key in ("true", "false") or key[:1] in NUMBER:
        written = document.key(path)
        if written is not None and written[:1] not in "\"'!&?" and written != key:
            yield Reread(path, written, key)


def _json(value: bool | float) -> str:
    """A scalar as Go's `encoding/json` writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if value == 0 or SMALLEST <= abs(value) < LARGEST:
        plain = f"{Decimal(repr(value)):f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{'-' if exponent.startswith('-') else '+'}{exponent.lstrip('+-0')}"
