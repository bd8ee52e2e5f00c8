"""Parts of one script: what runs for each step of a chain, what it is handed, and what it leaves."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from couler_argo.spelling import write
from couler_plugins.ir import Expression, Literal, Reference, Template, Value

Piece = str | Reference | Expression


class Text(NamedTuple):
    """A text that Argo completes before the pod starts, and the launcher while it runs.

    Attributes:
        pieces: texts, and what Argo fills in.
        marks: what stands in it for values that the launcher fills in.
    """

    pieces: tuple[Piece, ...]
    marks: tuple[str, ...] = ()

    @property
    def literal(self) -> str | None:
        """The text, marks and all, where Argo fills nothing in."""
        texts = [piece for piece in self.pieces if isinstance(piece, str)]
        return "".join(texts) if len(texts) == len(self.pieces) else None


class Kept(NamedTuple):
    """An output that is moved away once its step has ended. Folders are relative to that of the script, or absolute.

    Attributes:
        path: where the step leaves it.
        folder: where it is kept, under the same name.
        fallback: what is written there where the step has left nothing.
        required: whether the pod fails where the step has left nothing.
    """

    path: str
    folder: str
    fallback: str | None
    required: bool

    @property
    def place(self) -> str:
        """Where it is kept."""
        return posixpath.join(self.folder, posixpath.basename(self.path))


class Part(NamedTuple):
    """What runs for one step.

    Attributes:
        step: its name.
        words: its variables, its command and its arguments.
        source: the text of its script; None where it has none.
        variables: how many of the words are variables, `NAME=VALUE`; None where all steps have the same.
        marks: the files whose content is filled in, by what stands for it.
        place: where artifacts are kept, and where the step reads them.
        keep: its outputs.
        remove: the artifacts that no other step is to find where this one has read them.
        printed: the file that keeps what it prints; empty where nobody reads that.
        quiet: whether what it prints goes to the standard error of the pod, as another step's output is the pod's.
    """

    step: str
    words: tuple[Text, ...]
    source: Text | None
    variables: int | None
    marks: dict[str, str]
    place: tuple[tuple[str, str], ...]
    keep: tuple[Kept, ...]
    remove: tuple[str, ...]
    printed: str
    quiet: bool


def variables_of(parts: Sequence[Part]) -> dict[Text, str]:
    """Return the texts of which only the pod's environment is to tell, by the name of the variable of each.

    No value of a run may stand in a program: it could end a text there, and run what is behind that. Kubernetes makes
    one `$` of two in variables, as it does in commands.
    """
    words = [word for part in parts for word in part.words if word.literal is None or "$$" in word.literal]
    sources = [part.source for part in parts if part.source is not None and part.source.literal is None]
    return {text: f"couler_text_{number}" for number, text in enumerate(dict.fromkeys((*words, *sources)), 1)}


def pieces_of(value: Value) -> tuple[Piece, ...]:
    """Return the pieces of a value that is a text."""
    match value:
        case Template():
            return value.parts
        case Reference() | Expression():
            return (value,)
    return (str(write(value)),)


def value_of(every: Iterable[Piece]) -> Value:
    """Return the value that has these pieces."""
    whole: list[Piece] = []
    for is_text, group in groupby(every, key=lambda piece: isinstance(piece, str)):
        pieces = list(group)
        whole += ["".join(map(str, pieces))] if is_text else pieces
    match whole:
        case [] | [""]:
            return Literal(value="")
        case [str() as text]:
            return Literal(value=text)
        case [Reference() as reference]:
            return reference
    return Template(parts=tuple(piece for piece in whole if piece != ""))


def fallback_of(default: Any) -> str:
    """Return the text of a default: Argo takes any scalar for a text, and reads YAML as JSON: `1.0` is `1` there."""
    default = int(default) if isinstance(default, float) and default.is_integer() else default
    return default if isinstance(default, str) else str(default).lower() if isinstance(default, bool) else str(default)
