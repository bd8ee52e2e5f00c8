"""Where two IR values differ, in a few words: their own representation fills a screen."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.ir import Node
from couler_plugins.ir.base import compared_fields

__all__ = ["differences"]


def differences(left: object, right: object, place: str = "") -> Iterator[str]:
    """Every place where two values differ, with what is there on both sides."""
    if left == right:
        return
    if isinstance(left, Node) and type(left) is type(right):
        for name in compared_fields(type(left)):
            yield from differences(getattr(left, name), getattr(right, name), f"{place}.{name}")
    elif isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    else:
        yield f"{place}: {left!r:.200} is not {right!r:.200}"
