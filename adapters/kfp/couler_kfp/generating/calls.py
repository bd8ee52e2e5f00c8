"""What a task is given, how often it is tried, and for which items it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from couler_kfp.generating.bodies import checked
from couler_kfp.generating.refusing import refuse
from couler_plugins.engine_kit.legalize.python.functions import Kind, constant_of
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Graph,
    Literal,
    Native,
    Operation,
    Reference,
    Retry,
    Step,
    Template,
    Value,
    fresh_name,
    map_references,
    references,
    replace,
)

__all__ = [
    "Read",
    "accepted_arguments",
    "argument_of",
    "channel",
    "compared",
    "items_of",
    "joined",
    "quoted",
    "retried",
    "rows_of",
    "with_channels",
]


CHANNEL = "pipelinechannel--"
Read = Callable[[Reference], Reference]
"""What a reference stands for in a task."""


def channel(reference: Reference) -> str:
    """The name of an input that only hands something on, as KFP's compiler calls it."""
    return f"{CHANNEL}{reference.step}-{reference.name}" if reference.step else f"{CHANNEL}{reference.name}"


def with_channels(step: Step) -> Step:
    """The task with every reference in its texts passed by itself, too: KFP's texts read inputs of their task."""
    channels = {argument.value for argument in step.arguments if isinstance(argument.value, Reference)}
    names = {argument.name for argument in step.arguments}
    more: list[Argument] = []
    for argument in step.arguments:
        for reference in references(argument.value) if isinstance(argument.value, Template) else ():
            if reference not in channels:
                channels.add(reference)
                name = fresh_name(channel(reference), names)
                names.add(name)
                more.append(Argument(name=name, value=reference))
    return replace(step, arguments=(*step.arguments, *more)) if more else step


def accepted_arguments(step: Step, callee: Graph | Operation) -> list[Argument]:
    """What a step passes, as far as it is taken.

    Raises:
        Unsupported: something is missing.
    """
    names = {argument.name for argument in step.arguments}
    for port in callee.inputs:
        if port.name not in names and port.required:
            raise refuse("Port.value", step.name, f"gets no value for {port.name!r}", "pass one")
    declared = {port.name for port in callee.inputs}
    return [argument for argument in step.arguments if argument.name in declared or argument.kind != "parameter"]


def argument_of(argument: Argument, step: str, read: Read) -> Argument:
    """An argument as KFP passes it.

    Args:
        argument: what is passed.
        step: by whom.
        read: what a reference in it stands for.

    Raises:
        Unsupported: it is more than a text.
    """
    if argument.kind != "parameter":
        raise refuse("Port.kind", step, f"hands the artifact {argument.name!r} on")
    value: Value = argument.value
    match value:
        case Literal():
            value = Literal(value=checked(_text(value.value), step))
        case Reference():
            value = read(value)
        case Template() if all(isinstance(part, (str, Reference)) for part in value.parts):
            for part in value.parts:
                checked(part, step) if isinstance(part, str) else None
            value = map_references(value, read)
        case _:
            raise refuse("Step.arguments", step, f"passes {argument.name!r}, which is more than a text")
    return Argument(name=argument.name, value=value)


def _text(constant: Any) -> str:
    return constant if isinstance(constant, str) else str(Native.of(constant).parts[0])


def joined(parts: Iterable[Any]) -> list[Any]:
    """The parts of an expression, texts next to each other as one."""
    joined_parts: list[Any] = []
    for part in parts:
        if isinstance(part, str) and joined_parts and isinstance(joined_parts[-1], str):
            joined_parts[-1] += part
        elif part != "":
            joined_parts.append(part)
    return joined_parts


def quoted(text: str, step: str) -> str:
    """A text as a string of CEL.

    Raises:
        Unsupported: it would have to be escaped.
    """
    if "'" in text or "\\" in text or "\n" in text:
        raise refuse("Step.condition", step, "compares with a text that has quotes, backslashes or newlines")
    return f"'{checked(text, step)}'"


def compared(text: str, kind: Kind, step: str) -> str:
    """A constant of CEL that a value of this kind is compared with, from its text.

    Raises:
        Unsupported: no value of this kind has that text, or CEL has no words for it.
    """
    if kind == "text":
        return quoted(text, step)
    try:
        data = constant_of(text, kind)
    except ValueError:
        data = None
    if not isinstance(data, (int, float)):
        raise refuse("Step.condition", step, f"compares a {kind} with {text!r:.40}")
    return json.dumps(data if kind == "bool" else float(data))  # every number is a double


def retried(step: Step, callee: Graph | Operation) -> Retry | None:
    """How often a task is tried again.

    Raises:
        Unsupported: KFP cannot say when, or how often.
    """
    retry = step.retry or callee.retry
    if retry is None:
        return None
    is_fixed = retry.native_extra is None or not any(references(retry.native_extra))
    rest = {"references": None} if not is_fixed else {} if retry.native_extra is None else retry.native_extra.data
    if rest.get("retryPolicy") not in (None, "Always", "OnFailure") or rest.keys() - {"retryPolicy"}:
        reason = "is retried for some reasons only, or after a while"
        raise refuse("Retry.native_extra", step.name, reason, "leave the limit of attempts")
    limit = retry.limit.value if isinstance(retry.limit, Literal) else None
    if limit is None or not str(limit).isdigit():
        raise refuse("Retry.limit", step.name, "is retried without a limit, or up to one that only the run knows")
    return Retry(limit=Literal(value=int(limit)))


def rows_of(step: Step) -> Native | Reference:
    """The list that a step loops over.

    Raises:
        Unsupported: there are several, or it is put together.
    """
    loop = step.loop
    assert loop is not None
    values = loop.axes[0].values if len(loop.axes) == 1 else None
    if loop.includes:
        raise refuse("Loop.includes", step.name, "loops over more items than those of its list", "list them all")
    if loop.combine != "rows":
        raise refuse("Loop.combine", step.name, "counts, or loops over several lists")
    if isinstance(values, Reference):
        return values
    if (
        not isinstance(values, Native)
        or any(references(values))
        or not isinstance(values.data, list)
        or not values.data
    ):
        raise _unknown_list(step)
    return values


def _unknown_list(step: Step) -> Unsupported:
    return refuse("Step.loop", step.name, "loops over a list that only the run knows, or over nothing")


def items_of(step: Step) -> tuple[Native, bool]:
    """The items of a loop, and whether they are mappings; what is in them is text.

    Raises:
        Unsupported: they do not stand in the workflow.
    """
    values = rows_of(step)
    if not isinstance(values, Native):
        raise _unknown_list(step)
    items = values.data
    structs = [isinstance(item, dict) for item in items]
    if any(structs) and not all(structs):
        raise refuse("Step.loop", step.name, "loops over texts and mappings")
    if structs[0]:
        items = [{key: _text(inner) for key, inner in item.items()} for item in items]
    else:
        items = [_text(item) for item in items]
    for item in items:
        for text in item.values() if isinstance(item, dict) else [item]:
            checked(text, step.name)
    return Native.of(items), structs[0]
