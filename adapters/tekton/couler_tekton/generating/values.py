"""Values at one place of a workflow, with all that is known of them filled in: what is left are texts and references to
parameters of the run, results of tasks, and items; and loops over items that stand in the workflow, as a matrix.

Source: `docs/matrix.md` (with `include` alone, each entry is a combination of its own; 256 are the most by default).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.python.functions import text_of
from couler_plugins.engine_kit.legalize.rules import constant_items
from couler_plugins.engine_kit.legalize.values import together
from couler_plugins.ir import (
    Argument,
    Axis,
    Literal,
    Loop,
    Native,
    Reference,
    Step,
    Template,
    Value,
    fresh_name,
    references,
)
from couler_tekton.generating.legality import refuse
from couler_tekton.generating.store import key_of

ITEM = "item"
FACTS = {f"couler-run-{fact}": f"context.pipelineRun.{fact}" for fact in ("name", "uid", "namespace")}
"""What Tekton knows of a run, by the parameters that stand for it until it is written."""


class Scope(NamedTuple):
    """What references stand for.

    Attributes:
        inputs: by the name of an input parameter.
        output: of an output of a step.
        items: the item of a loop that is written out; none elsewhere.
    """

    inputs: Mapping[str, Value]
    output: Callable[[Reference], Value]
    items: tuple[Any, ...] = ()


def filled(value: Any, scope: Scope, step: str) -> Value:
    """Return a value as a text with references in it.

    Raises:
        Unsupported: it refers to an input that is not there.
    """
    match value:
        case Literal():
            return Literal(value=text_of(value.value))
        case Reference(to="input"):
            name = key_of(value.name) if value.kind == "artifact" else value.name
            if name not in scope.inputs:
                raise refuse("Port.value", step, f"gets no value for {value.name!r}", "pass one")
            return scope.inputs[name]
        case Reference(to="output"):
            return scope.output(value)
        case Reference(to="item") if scope.items:
            return Literal(value=text_of(_at(scope.items[0], value, step)))
        case Reference(to="parameter") if value.name in FACTS:
            return Reference(to="run", name=FACTS[value.name])
        case Template(parts=parts):
            pieces = (Literal(value=part) if isinstance(part, str) else part for part in parts)
            return together(filled(piece, scope, step) for piece in pieces)
    return value  # type: ignore[no-any-return]  # it is one


def matrix(step: Step, arguments: Mapping[str, Value]) -> tuple[tuple[Argument, ...], Loop | None]:
    """Return the arguments of a task, and its matrix, which fills those that take items.

    Args:
        step: the call.
        arguments: what it passes, by name; references to items are still in it.

    Raises:
        Unsupported: the items are more than texts.
    """
    items = constant_items(step.loop)
    if items is None:
        return tuple(Argument(name=name, value=value) for name, value in arguments.items()), None
    looped = [name for name, value in arguments.items() if any(item.to == "item" for item in references(value))]
    if not looped:  # a matrix has to fill something
        looped = [fresh_name(ITEM, arguments)]
        arguments = {**arguments, looped[0]: Reference(to="item")}
    rows = [{name: _text(arguments[name], item, step.name) for name in looped} for item in items]
    fixed = tuple(
        Argument(name=name, value=Reference(to="item", kind="parameter", name=name) if name in looped else value)
        for name, value in arguments.items()
    )
    if len(looped) == 1:
        texts = [row[looped[0]] for row in rows]
        return fixed, Loop(combine="product", axes=(Axis(name=looped[0], values=Native.of(texts)),))
    includes = tuple(
        Native.of({"name": f"item-{number}", "params": [{"name": name, "value": row[name]} for name in looped]})
        for number, row in enumerate(rows)
    )
    return fixed, Loop(combine="product", includes=includes)


def _text(value: Value, item: Any, step: str) -> str:
    """Return an argument for one item."""
    pieces = value.parts if isinstance(value, Template) else (value,)
    text = "".join(piece if isinstance(piece, str) else text_of(_at(item, piece, step)) for piece in pieces)
    if "$(" in text:
        raise refuse("Step.loop", step, "loops over texts that Tekton may take for variables")
    return text


def _at(item: Any, piece: Any, step: str) -> Any:
    """Return what a reference reads of an item."""
    if piece.to != "item":
        raise refuse("Step.loop", step, "joins an item and something that is only known at run time", "pass both")
    for key in (*filter(None, [piece.name]), *piece.path):
        if not isinstance(item, dict) or key not in item:
            raise refuse("Step.loop", step, f"reads {key!r} of an item that has none")
        item = item[key]
    return item
