"""Loops: the iterators of tasks, which hand one item of a list to one of their inputs.

Source: `pipeline_spec.proto` (ParameterIteratorSpec, ArtifactIteratorSpec, IteratorPolicy).
"""

from __future__ import annotations

import json
from typing import Literal as OneOf

from couler_kfp.arguments import Given, is_item
from couler_kfp.mappings import Mapped, mapping, without
from couler_kfp.structures import structure, write_structure
from couler_kfp.support import refuse_unsupported, unsupported, whole_number
from couler_kfp.texts import constant_text, write_text
from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Argument, Axis, Literal, Loop, Native, Reference, Step, Value

__all__ = ["read_items", "read_loop", "write_loop"]

ITERATORS: dict[str, tuple[OneOf["parameter", "artifact"], str]] = {
    "parameterIterator": ("parameter", "inputParameter"),
    "artifactIterator": ("artifact", "inputArtifact"),
}


def read_items(task: Mapped, path: Path) -> tuple[Argument, ...]:
    """The inputs that the iterator of a task fills."""
    keys = [key for key in ITERATORS if key in task]
    if len(keys) > 1:
        raise InvalidInput("a task has one iterator, not two", engine="kfp", path=path, hint="remove one of them")
    items = []
    for key in keys:
        kind, _ = ITERATORS[key]
        name = mapping(task, key, path).get("itemInput")
        if not isinstance(name, str):
            hint = "name the input that takes the item"
            raise InvalidInput("the iterator has no itemInput", engine="kfp", path=(*path, key), hint=hint)
        if name in mapping(mapping(task, "inputs", path), f"{kind}s", (*path, "inputs")):
            message = f"the input {name!r} takes the item, and something else"
            raise InvalidInput(message, engine="kfp", path=(*path, key), hint="pass only one of them")
        items.append(Argument(name=name, kind=kind, value=Reference(to="item", kind=kind)))
    return tuple(items)


def read_loop(task: Mapped, path: Path, call_inputs: Given) -> tuple[Loop | None, Mapped]:
    """The loop of a task, and the task without it."""
    key = next((key for key in ITERATORS if key in task), None)
    if key is None:
        return None, task
    kind, input_key = ITERATORS[key]
    iterator = mapping(task, key, path)
    items = mapping(iterator, "items", (*path, key))
    match items:
        case {"raw": str(raw), **others}:
            values = _read_raw(raw, call_inputs)
        case {**others} if isinstance(others.get(input_key), str):
            values = call_inputs.own(
                Reference(to="input", kind=kind, name=others.pop(input_key), native=items[input_key])
            )
        case _:
            hint = f"give it raw items, or an {input_key}"
            raise InvalidInput("the iterator has no items", engine="kfp", path=(*path, key), hint=hint)
    limit, policy = None, mapping(task, "iteratorPolicy", path)
    if isinstance(policy.get("parallelismLimit"), int):
        limit, policy = Literal(value=policy["parallelismLimit"]), without(policy, "parallelismLimit")
    beside = {**without(iterator, "items", "itemInput"), **({"items": others} if others else {})}
    remainder = {**without(task, key, "iteratorPolicy"), **({key: beside} if beside else {})}
    if policy:
        remainder["iteratorPolicy"] = policy
    return Loop(axes=(Axis(name=iterator["itemInput"], values=values),), limit=limit), remainder


def _read_raw(raw: str, call_inputs: Given) -> Value:
    """The items that stand in the task as JSON text."""
    try:
        items = json.loads(raw)
    except ValueError:
        return constant_text(raw, call_inputs.own)
    return (
        structure(items, call_inputs.own, names=False)
        if isinstance(items, list)
        else constant_text(raw, call_inputs.own)
    )


def write_loop(step: Step, call_inputs: Given) -> Mapped:
    """The iterator of a task, and its policy; empty for one that does not loop.

    Raises:
        Unsupported: KFP cannot say what it is to be.
    """
    items = [argument for argument in step.arguments if is_item(argument.value)]
    if step.loop is None:
        if items:
            raise unsupported("Step.loop", step.name, "takes an item, and does not loop")
        return {}
    refuse_unsupported(step.loop)
    axes, limit = step.loop.axes, step.loop.limit
    if len(axes) != 1 or len(items) != 1 or items[0].name != axes[0].name:
        hint = "pass the item to one input, which has the name of the axis"
        raise unsupported("Loop.axes", step.name, "does not loop over one list", hint)
    key = "artifactIterator" if items[0].kind == "artifact" else "parameterIterator"
    kind, input_key = ITERATORS[key]
    values = axes[0].values
    match values:
        case Reference():
            source: Mapped = {input_key: values.name if values.to == "unknown" else call_inputs.name_of(values, kind)}
        case Native() if kind == "parameter":
            source = {"raw": json.dumps(write_structure(values, call_inputs.spelled, names=False))}
        case _ if kind == "parameter":
            source = {"raw": write_text(values, call_inputs.spelled)}
        case _:
            raise unsupported("Loop.axes", step.name, "loops over artifacts that are no output")
    written: Mapped = {key: {"itemInput": items[0].name, "items": source}}
    if limit is not None:
        written["iteratorPolicy"] = {"parallelismLimit": whole_number(limit, "Loop.limit", step.name)}
    return written
