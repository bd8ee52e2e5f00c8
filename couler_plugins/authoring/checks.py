"""Checks of arguments: what each has to be, and what Kubernetes takes as images, quantities, names and labels.

Sources: apimachinery's `resource.Quantity`, and its
`validation.IsDNS1123Subdomain`, `IsValidLabelValue` and `IsConfigMapKey`; `IsStandardContainerResourceName`.
A text with an engine's own placeholder in it is that engine's business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from couler_plugins.authoring.places import shown
from couler_plugins.authoring.values import CLOSE, OPEN
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import QUANTITY, is_image

MOST = 2**31 - 1
"""The most that Kubernetes, and who counts as it does, take for seconds and attempts."""
LONGEST = 250
"""Characters that any engine takes for a name; some take fewer, and shorten it."""
BITS = 63
PORT = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]*")


def checked_text(value: Any, what: str, hint: str, *, empty: bool = False) -> str:
    """A text of one line, constant.

    Args:
        value: what it is.
        what: what to call it in errors.
        hint: what to do instead.
        empty: whether it may be left out.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {shown(value)}, which is no text", hint=hint)
    if not value.strip() and not (empty and not value):
        raise InvalidInput(f"{what} is empty", hint=hint)
    if OPEN in value or CLOSE in value:
        raise InvalidInput(f"{what} must be a constant, but has a value that is only known at run time", hint=hint)
    if not value.isprintable():
        raise InvalidInput(f"{what} is {shown(value)}, which has invisible characters", hint=hint)
    return value


def checked_name(value: Any, what: str, hint: str) -> str:
    """The name of something that engines have under it, or under one that they make of it."""
    name = checked_text(value, what, hint)
    if len(name) > LONGEST:
        raise InvalidInput(f"{what} has {len(name):,} characters, at most {LONGEST} can be told apart", hint=hint)
    return name


def checked_port(value: Any, what: str) -> str:
    """The name of a parameter or an artifact, which engines write into their references as it stands."""
    hint = "names are made of letters, digits, -, _ and ."
    name = checked_name(value, what, hint)
    if not PORT.fullmatch(name):
        raise InvalidInput(f"{what} is {shown(name)}, which cannot be used in references", hint=hint)
    return name


def checked_texts(value: Any, what: str, hint: str) -> list[str]:
    """A list of such texts; one text by itself is not taken for its letters."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise InvalidInput(f"{what} is {shown(value)}, which is no list", hint=hint)
    return [checked_text(item, f"an item of {what}", hint) for item in value]


def checked_flag(value: Any, what: str) -> bool:
    """True or False, and not what passes for it: `"no"` would be true."""
    if not isinstance(value, bool):
        raise InvalidInput(f"{what} is {shown(value)}", hint="give True or False")
    return value


def checked_whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number that engines can count to."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
        raise InvalidInput(f"{what} is {shown(value)}", hint=f"give a whole number from {least} to {MOST:,}")
    return value


def checked_one_of(value: Any, what: str, choices: Iterable[str]) -> str:
    """One of some words."""
    words = tuple(choices)
    if not isinstance(value, str) or value not in words:
        raise InvalidInput(f"{what} is {shown(value)}", hint=f"give one of {', '.join(words)}")
    return value


def checked_list(items: object, what: str) -> Sequence[Any]:
    """The items of a list that is not empty.

    Raises:
        InvalidInput: it is something else.
    """
    if isinstance(items, Sequence) and not isinstance(items, (str, bytes)) and items:
        return items
    raise InvalidInput(f"{shown(items)} is no list of {what}", hint="give one: [lambda: job('A'), lambda: job('B')]")


def checked_mapping(value: object, what: str, hint: str) -> dict[str, Any]:
    """A mapping with texts as keys; nothing is an empty one.

    Args:
        value: what it is.
        what: what to call it in errors.
        hint: what one looks like.

    Raises:
        InvalidInput: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{what} is {shown(value)}, which is no mapping", hint=hint)
    for key in value:
        if not isinstance(key, str) or not key:
            raise InvalidInput(f"{what} has the key {shown(key)}, which is no name", hint=hint)
    return dict(value)


def checked_json(value: Any, what: str, hint: str) -> Any:
    """Data that JSON has, and has like this: no sets, no bytes, no keys that are numbers, no values of the run.

    Raises:
        InvalidInput: something in it is something else.
    """
    try:
        _check_json(value, what, hint)
    except RecursionError:
        raise InvalidInput(f"{what} is nested too deeply, or holds itself", hint=hint) from None
    return value


def _check_json(supplied: Any, what: str, hint: str) -> None:
    match supplied:
        case None | bool():
            return
        case str():
            checked_text(supplied.replace("\n", " ").replace("\t", " ") or " x", f"a text in {what}", hint)
        case int() if supplied.bit_length() <= BITS:
            return
        case float() if math.isfinite(supplied):
            return
        case Mapping():
            for key, value in checked_mapping(supplied, what, hint).items():
                _check_json(key, what, hint)
                _check_json(value, what, hint)
        case list() | tuple():
            for item in supplied:
                _check_json(item, what, hint)
        case _:
            raise InvalidInput(f"{what} holds {shown(supplied)}, which JSON does not have", hint=hint)


PLACEHOLDER = re.compile(r"\{\{|\$[({]")
OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
KEY = re.compile(r"[-._A-Za-z0-9]+")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
RESOURCE = re.compile(r"cpu|memory|ephemeral-storage|hugepages-\S+|[a-z0-9.-]+/[A-Za-z0-9._-]+")
LONGEST_OBJECT, LONGEST_LABEL = 253, 63


def checked_image(value: Any) -> str:
    """The image of a container.

    Raises:
        InvalidInput: no registry has one of that name.
    """
    hint = 'image="registry.example.com/team/name:tag", the name in lower case'
    text = checked_text(value, "the image", hint)
    if not PLACEHOLDER.search(text) and not is_image(text):
        raise InvalidInput(f"the image is {shown(text)}, which is not the name of an image", hint=hint)
    return text


def checked_quantity(value: Any, what: str) -> str:
    """An amount of a resource: a number, or a text such as `500m` and `2Gi`."""
    hint = "give a number, or a text such as 500m, 2Gi"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = shown(value) if number else checked_text(value, what, hint)
    if not PLACEHOLDER.search(text) and not QUANTITY.fullmatch(text):
        raise InvalidInput(f"{what} is {shown(value)}, which is no amount", hint=hint)
    return text


def checked_resource(name: str) -> str:
    """The name of a resource that containers can ask for."""
    if not RESOURCE.fullmatch(name):
        hint = "there are cpu, memory, ephemeral-storage, and those of vendors, such as nvidia.com/gpu"
        raise InvalidInput(f"resources hold {shown(name)}, which is not a resource of a node", hint=hint)
    return name


def checked_object(value: Any, what: str, *, empty: bool = False) -> str:
    """The name of an object in the cluster."""
    hint = "objects of Kubernetes are called by small letters, digits, - and ."
    text = checked_text(value, what, hint, empty=empty)
    if text and not PLACEHOLDER.search(text) and not (len(text) <= LONGEST_OBJECT and OBJECT.fullmatch(text)):
        raise InvalidInput(f"{what} is {shown(text)}, which is not a valid name of an object", hint=hint)
    return text


def checked_key(value: Any, what: str) -> str:
    """A key of a Secret."""
    hint = "keys are made of letters, digits, -, _ and ."
    text = checked_text(value, what, hint)
    if not KEY.fullmatch(text):
        raise InvalidInput(f"{what} is {shown(text)}, which is no key", hint=hint)
    return text


def checked_labels(labels: Mapping[str, str] | None, what: str, hint: str) -> dict[str, str]:
    """Labels by name."""
    checked = checked_mapping(labels, what, hint)
    for key, value in checked.items():
        text = checked_text(value, f"{what} {shown(key)}", "give texts; numbers and truth values in quotes", empty=True)
        if not PLACEHOLDER.search(text) and not (len(text) <= LONGEST_LABEL and LABEL.fullmatch(text)):
            hint = f"at most {LONGEST_LABEL} letters, digits, -, _ and ."
            raise InvalidInput(f"{what} {shown(key)} is {shown(text)}, which is no value of a label", hint=hint)
        checked_text(key, f"a key of {what}", hint)
    return checked
