"""HTML and SVG elements; all that is not markup is escaped here."""

from __future__ import annotations

from collections.abc import Collection

from couler_plugins.viz.page.escaping import escaped

__all__ = ["Markup", "classes", "element", "text", "versioned"]


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


_VOID = frozenset({"input", "meta"})


def element(name: str, /, *content: str, **attributes: str | int | bool | None) -> Markup:
    """An element.

    Args:
        name: its name.
        content: what is inside: markup as it is, other text escaped.
        attributes: with `_` for `-`, and one after a name that Python reserves (`class_`); True for one without a
            value, left out where None, False or empty.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is True:
            parts.append(f" {key.rstrip('_').replace('_', '-')}")
        elif value is not None and value is not False and value != "":
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts += [item if isinstance(item, Markup) else escaped(item) for item in content]
        parts.append(f"</{name}>")
    return Markup("".join(parts))


def text(*parts: str) -> Markup:
    """Several parts as one, those that are no markup escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escaped(part) for part in parts))


def classes(*names: str) -> str:
    """The value of a class attribute; empty names are left out."""
    return " ".join(filter(None, names))


def versioned(shown: Collection[int], count: int) -> str:
    """Classes for what not all versions have; the style sheet hides it in the others. Empty where all have it."""
    return "" if len(shown) == count else " ".join(["vx", *(f"v{number}" for number in sorted(shown))])
