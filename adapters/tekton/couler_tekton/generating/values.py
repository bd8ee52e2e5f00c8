"""Values at one place of a workflow, with all that is known of them filled in: what is left are texts and references to
parameters of the run, results of tasks, and items.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from couler_plugins.ir import Literal, Reference, Template, Value
from couler_tekton.generating.refusing import refuse
from couler_tekton.variables import Scope as Variables

__all__ = ["Scope", "filled", "joined", "text_of"]


class Scope(NamedTuple):
    """What references stand for.

    Attributes:
        inputs: by the name of an input parameter.
        output: of an output of a step.
    """

    inputs: Mapping[str, Value]
    output: Callable[[Reference], Value]


def text_of(constant: object) -> str:
    """A constant as the text of a parameter."""
    if isinstance(constant, str):
        return constant
    return json.dumps(constant, separators=(",", ":"), ensure_ascii=False)


def joined(parts: list[Value]) -> Value:
    """Texts and references, one behind the other, as one value."""
    result: list[str | Reference] = []
    for part in parts:
        for piece in part.parts if isinstance(part, Template) else (part,):
            text = text_of(piece.value) if isinstance(piece, Literal) else piece
            if isinstance(text, str) and result and isinstance(result[-1], str):
                result[-1] += text
            elif text != "":
                assert isinstance(text, (str, Reference))
                result.append(text)
    if not result:
        return Literal(value="")
    if len(result) == 1:
        return Literal(value=result[0]) if isinstance(result[0], str) else result[0]
    return Template(parts=tuple(result))


def filled(value: Value, scope: Scope, step: str) -> Value:
    """A value as a text with references in it.

    Raises:
        Unsupported: it is no text, or refers to something that Tekton does not know.
    """
    match value:
        case Literal(value=constant):
            return Literal(value=_untouched(text_of(constant), step))
        case Reference():
            return _reference(value, scope, step)
        case Template(parts=parts):
            pieces: list[Value] = []
            for part in parts:
                if not isinstance(part, (str, Reference)):
                    raise refuse("Step.arguments", step, "has an expression, which Tekton cannot evaluate")
                pieces.append(filled(Literal(value=part) if isinstance(part, str) else part, scope, step))
            return joined(pieces)
    raise refuse("Step.arguments", step, "passes more than a text")


def _untouched(text: str, step: str) -> str:
    """A text in which Tekton replaces nothing."""
    if "$(" in text and any(isinstance(part, Reference) for part in Variables().parts(text)):
        raise refuse("Step.arguments", step, "has a text that Tekton would take for one of its variables")
    return text


def _reference(reference: Reference, scope: Scope, step: str) -> Value:
    if reference.path and reference.to != "item":
        what = reference.native or ".".join((reference.name, *reference.path))
        raise refuse("Step.arguments", step, f"reads {what}, a part of a value or of the run, which Tekton cannot")
    match reference.to:
        case "input" if reference.kind == "parameter":
            if reference.name not in scope.inputs:
                raise refuse("Port.value", step, f"gets no value for {reference.name!r}", "pass one")
            return scope.inputs[reference.name]
        case "output" if reference.step and reference.kind in ("parameter", "result"):
            return scope.output(reference)
        case "parameter" | "item":
            return reference
    what = reference.name or reference.to
    raise refuse("Step.arguments", step, f"reads {what} ({reference.to}), which Tekton does not have like this")
