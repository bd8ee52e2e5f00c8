"""What arguments have to be. Each check gives the argument back, or says its name, what it is, and what is taken."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from couler_plugins.authoring.shown import shown
from couler_plugins.authoring.values import CLOSE, OPEN
from couler_plugins.errors import InvalidInput

__all__ = [
    "MOST",
    "checked_flag",
    "checked_json",
    "checked_list",
    "checked_mapping",
    "checked_name",
    "checked_one_of",
    "checked_port",
    "checked_text",
    "checked_texts",
    "checked_whole",
]

MOST = 2**31 - 1
"""The most that Kubernetes, and who counts as it does, take for seconds and attempts."""
LONGEST = 250
"""Characters that any engine takes for a name; some take fewer, and shorten it."""
BITS = 63
PORT = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]*")


def checked_text(given: Any, what: str, hint: str, *, empty: bool = False) -> str:
    """A text of one line, constant.

    Args:
        given: what it is.
        what: what to call it in errors.
        hint: what to do instead.
        empty: whether it may be left out.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(given, str):
        raise InvalidInput(f"{what} is {shown(given)}, which is no text", hint=hint)
    if not given.strip() and not (empty and not given):
        raise InvalidInput(f"{what} is empty", hint=hint)
    if OPEN in given or CLOSE in given:
        raise InvalidInput(f"{what} has a value of the run where only a constant can stand", hint=hint)
    if not given.isprintable():
        raise InvalidInput(f"{what} is {shown(given)}, with characters that nobody sees", hint=hint)
    return given


def checked_name(given: Any, what: str, hint: str) -> str:
    """The name of something that engines have under it, or under one that they make of it."""
    name = checked_text(given, what, hint)
    if len(name) > LONGEST:
        raise InvalidInput(f"{what} has {len(name):,} characters, at most {LONGEST} can be told apart", hint=hint)
    return name


def checked_port(given: Any, what: str) -> str:
    """The name of a parameter or an artifact, which engines write into their references as it stands."""
    hint = "names are made of letters, digits, -, _ and ."
    name = checked_name(given, what, hint)
    if not PORT.fullmatch(name):
        raise InvalidInput(f"{what} is {shown(name)}, which references cannot hold", hint=hint)
    return name


def checked_texts(given: Any, what: str, hint: str) -> list[str]:
    """A list of such texts; one text by itself is not taken for its letters."""
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise InvalidInput(f"{what} is {shown(given)}, which is no list", hint=hint)
    return [checked_text(item, f"an item of {what}", hint) for item in given]


def checked_flag(given: Any, what: str) -> bool:
    """True or False, and not what passes for it: `"no"` would be true."""
    if not isinstance(given, bool):
        raise InvalidInput(f"{what} is {shown(given)}", hint="give True or False")
    return given


def checked_whole(given: Any, what: str, least: int = 1) -> int:
    """A whole number that engines can count to."""
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= MOST:
        raise InvalidInput(f"{what} is {shown(given)}", hint=f"give a whole number from {least} to {MOST:,}")
    return given


def checked_one_of(given: Any, what: str, known: Iterable[str]) -> str:
    """One of some words."""
    words = tuple(known)
    if not isinstance(given, str) or given not in words:
        raise InvalidInput(f"{what} is {shown(given)}", hint=f"give one of {', '.join(words)}")
    return given


def checked_list(items: object, what: str) -> Sequence[Any]:
    """The items of a list that is not empty.

    Raises:
        InvalidInput: it is something else.
    """
    if isinstance(items, Sequence) and not isinstance(items, (str, bytes)) and items:
        return items
    raise InvalidInput(f"{shown(items)} is no list of {what}", hint="give one: [lambda: job('A'), lambda: job('B')]")


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
        raise InvalidInput(f"{what} is {shown(given)}, which is no mapping", hint=hint)
    for key in given:
        if not isinstance(key, str) or not key:
            raise InvalidInput(f"{what} has the key {shown(key)}, which is no name", hint=hint)
    return dict(given)


def checked_json(given: Any, what: str, hint: str) -> Any:
    """Data that JSON has, and has like this: no sets, no bytes, no keys that are numbers, no values of the run.

    Raises:
        InvalidInput: something in it is something else.
    """
    try:
        _check_json(given, what, hint)
    except RecursionError:
        raise InvalidInput(f"{what} is nested too deeply, or holds itself", hint=hint) from None
    return given


def _check_json(given: Any, what: str, hint: str) -> None:
    match given:
        case None | bool():
            return
        case str():
            checked_text(given.replace("\n", " ").replace("\t", " ") or " x", f"a text in {what}", hint)
        case int() if given.bit_length() <= BITS:
            return
        case float() if math.isfinite(given):
            return
        case Mapping():
            for key, value in checked_mapping(given, what, hint).items():
                _check_json(key, what, hint)
                _check_json(value, what, hint)
        case list() | tuple():
            for item in given:
                _check_json(item, what, hint)
        case _:
            raise InvalidInput(f"{what} holds {shown(given)}, which JSON does not have", hint=hint)
