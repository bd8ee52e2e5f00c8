"""Texts of Tekton with some of what they refer to filled in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from couler_plugins.ir import Container, EnvVar, Literal, Native, Reference, Template, Value, replace

__all__ = ["Change", "changed", "changed_in", "changed_texts", "data_of", "is_text"]

Change = Callable[[Reference], "Reference | str"]
"""What becomes of a reference: another one, or a text."""
MARK = "\ue000"


def changed(value: Value, change: Change) -> Value:
    """A value with each of its references changed."""
    match value:
        case Reference():
            value_made = change(value)
            return Literal(value=value_made) if isinstance(value_made, str) else value_made
        case Template(parts=parts):
            pieces = [change(part) if isinstance(part, Reference) else part for part in parts]
            if all(isinstance(piece, str) for piece in pieces):
                return Literal(value="".join(map(str, pieces)))
            return Template(parts=tuple(pieces))
        case Native():
            return changed_in(value, change)
    return value


def changed_in(native: Native, change: Change) -> Native:
    """A structure with each of its references changed."""
    pieces: list[Any] = []
    for part in native.parts:
        value_made = change(part) if isinstance(part, Reference) else part
        if isinstance(part, Reference) and isinstance(value_made, str):
            value_made = json.dumps(value_made)[1:-1]
        if isinstance(value_made, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += value_made
        else:
            pieces.append(value_made)
    return Native(parts=tuple(pieces))


def changed_texts(container: Container, change: Change) -> Container:
    """A container with each reference in it changed."""

    def one(value: Value | None) -> Value | None:
        return None if value is None else changed(value, change)

    return replace(
        container,
        image=one(container.image),
        script=one(container.script),
        command=tuple(changed(value, change) for value in container.command),
        args=tuple(changed(value, change) for value in container.args),
        env=tuple(EnvVar(name=item.name, value=changed(item.value, change)) for item in container.env),
        requests=tuple((name, changed(value, change)) for name, value in container.requests),
        limits=tuple((name, changed(value, change)) for name, value in container.limits),
        native_extra=None if container.native_extra is None else changed_in(container.native_extra, change),
    )


def data_of(native: Native) -> Any:
    """A structure as data in which each text with references is a value."""
    references_inside: list[Reference] = []
    pieces: list[str] = []
    for part in native.parts:
        if isinstance(part, str):
            pieces.append(part)
        else:
            assert isinstance(part, Reference)
            pieces.append(f"{MARK}{len(references_inside)}{MARK}")
            references_inside.append(part)
    return _with_values(json.loads("".join(pieces)), references_inside)


def _with_values(data: Any, references_inside: list[Reference]) -> Any:
    match data:
        case dict():
            return {key: _with_values(content, references_inside) for key, content in data.items()}
        case list():
            return [_with_values(content, references_inside) for content in data]
        case str() if MARK in data and references_inside:
            parts = [
                references_inside[int(part)] if number % 2 else part for number, part in enumerate(data.split(MARK))
            ]
            kept = tuple(part for part in parts if part != "")
            return kept[0] if len(kept) == 1 else Template(parts=kept)
    return data


def is_text(value: Value) -> bool:
    """Whether this is a text, rather than a list or a mapping."""
    match value:
        case Literal(value=str()):
            return True
        case Reference(path=path):
            return not path
        case Template(parts=parts):
            return all(isinstance(part, str) or (isinstance(part, Reference) and not part.path) for part in parts)
    return False
