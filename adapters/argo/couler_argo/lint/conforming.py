"""Whether data has the types that are expected of it: whatever is something else is said once, here.

The checks read only what `conform` returns, so none of them meets a value that Argo would not have read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from couler_plugins.documents import Path

__all__ = ["ANY", "COUNT", "FLAG", "NUMBER", "TEXT", "Each", "Misfit", "Scalar", "conform"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of some of JSON's types."""

    types: tuple[type, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Each:
    """A mapping with values of one shape."""

    shape: Any


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value of another type than Argo reads at a place."""

    path: Path
    wanted: str
    actual: str


TEXT = Scalar((str,), "a text")
FLAG = Scalar((bool,), "true or false")
NUMBER = Scalar((int,), "a whole number")
COUNT = Scalar((int, str), "a whole number or a text")
ANY = Scalar((object,), "")


def conform(data: Any, shape: Any, path: Path, misfits: list[Misfit]) -> Any:
    """Data of which all that the shape names has its type; what has not is said and left out, and so is null.

    Args:
        data: what a document says at `path`; it is not changed.
        shape: what is expected there.
        path: where that is.
        misfits: gets what is not as expected.
    """
    match shape:
        case Scalar():
            return _scalar(data, shape, path, misfits)
        case list():
            if not isinstance(data, list):
                return _misfit(data, "a list", path, misfits)
            (inner,) = shape
            items = (conform(item, inner, (*path, number), misfits) for number, item in enumerate(data))
            return [_empty(inner) if item is None else item for item in items]
    if not isinstance(data, dict):
        return _misfit(data, "a mapping", path, misfits)
    members = dict(_members(data, shape, path, misfits))
    shaped = data if isinstance(shape, Each) else shape
    others = {key: content for key, content in data.items() if content is not None and key not in shaped}
    return {key: members.get(key, content) for key, content in data.items() if key in members or key in others}


def _members(data: dict[str, Any], shape: Any, path: Path, misfits: list[Misfit]) -> Iterator[tuple[str, Any]]:
    for key, content in data.items():
        inner = shape.shape if isinstance(shape, Each) else shape.get(key)
        if inner is not None and content is not None:
            read = conform(content, inner, (*path, key), misfits)
            if read is not None:
                yield key, read


def _scalar(data: Any, shape: Scalar, path: Path, misfits: list[Misfit]) -> Any:
    if data is None or shape is ANY:
        return data
    if not isinstance(data, shape.types) or (isinstance(data, bool) and bool not in shape.types):
        return _misfit(data, shape.name, path, misfits)
    return data


def _misfit(data: Any, wanted: str, path: Path, misfits: list[Misfit]) -> None:
    if data is not None:
        misfits.append(Misfit(path, wanted, _named(data)))


def _named(data: Any) -> str:
    return {bool: FLAG.name, str: TEXT.name, dict: "a mapping", list: "a list"}.get(type(data), "a number")


def _empty(shape: Any) -> Any:
    """What Argo reads for null in a list."""
    match shape:
        case Scalar():
            return "" if shape is TEXT else None
        case list():
            return []
    return {}
