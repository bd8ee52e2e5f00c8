"""What the scalars among libyaml's events stand for."""

from __future__ import annotations

from collections.abc import Callable

from couler_plugins.documents.events import Event
from couler_plugins.documents.resolver import Scalar, key_text, resolve

__all__ = ["is_merge", "key_of", "meaning"]

_MERGE_TAG = "tag:yaml.org,2002:merge"


def is_merge(event: Event) -> bool:
    """Whether a mapping's key is the merge key."""
    return bool(event.value == "<<" and (event.implicit[0] or event.tag == _MERGE_TAG))


def key_of(event: Event) -> str:
    """The text of a mapping's key in JSON.

    Raises:
        BadScalar: Kubernetes refuses the key.
    """
    return key_text(meaning(event, resolve))


def meaning(event: Event, how: Callable[[str | None, str], Scalar]) -> Scalar:
    """What a scalar stands for: its text, if it is quoted, or what the resolver `how` makes of it.

    Raises:
        BadScalar: Kubernetes refuses the scalar.
    """
    # Of `! yes`, goyaml keeps the text; libyaml calls it implicit.
    text: str = event.value
    if event.tag == "!" or (event.tag is None and not event.implicit[0]):
        return text
    return how(event.tag, text)
