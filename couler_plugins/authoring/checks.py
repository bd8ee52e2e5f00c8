"""What users give that is of another kind than it has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.authoring.conditions import Condition
from couler_plugins.errors import InvalidInput

__all__ = ["check_condition", "checked_list", "checked_mapping"]


def check_condition(condition: object) -> None:
    """Raises `InvalidInput` where something is no condition."""
    if not isinstance(condition, Condition):
        hint = 'compare: equal(result, "heads"), or equal("heads") in exec_while'
        raise InvalidInput(f"{condition!r} is no condition", hint=hint)


def checked_list(items: object, what: str) -> Sequence[Any]:
    """The items of a list that is not empty.

    Raises:
        InvalidInput: it is something else.
    """
    if isinstance(items, Sequence) and not isinstance(items, str) and items:
        return items
    raise InvalidInput(f"{items!r} is no list of {what}", hint="give one: [lambda: job('A'), lambda: job('B')]")


def checked_mapping(given: object, what: str, hint: str) -> dict[str, Any]:
    """A mapping with texts as keys; nothing is an empty one.

    Args:
        given: what it is.
        what: what to call it in errors.
        hint: what one looks like.

    Raises:
        InvalidInput: it is something else.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{what} is {given!r}, which is no mapping", hint=hint)
    for key in given:
        if not isinstance(key, str) or not key:
            raise InvalidInput(f"{what} has the key {key!r}, which is no name", hint=hint)
    return dict(given)
