"""What a task is given, and on what conditions it runs: constants of KFP's types, and references."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from couler_kfp.generating.calls import BRACES
from couler_kfp.generating.legality import refuse
from couler_kfp.generating.types import Types
from couler_plugins.engine_kit.legalize.conditions import Comparison, Membership
from couler_plugins.engine_kit.legalize.python.functions import Kind, constant_of, passed, text_of
from couler_plugins.engine_kit.legalize.python.runtime import safe_value
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import (
    Argument,
    Expression,
    Graph,
    Literal,
    Native,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    fresh_name,
    map_references,
    references,
    replace,
)

CHANNEL = "pipelinechannel--"
Read = Callable[[Reference], Reference]
"""What a reference stands for in a task."""
KindOf = Callable[[Value], Kind]
TYPES: Mapping[str, str] = {
    "text": "STRING",
    "int": "NUMBER_INTEGER",
    "float": "NUMBER_DOUBLE",
    "bool": "BOOLEAN",
    "list": "LIST",
    "dict": "STRUCT",
}
"""KFP's types of parameters, by the kinds of values."""
EXACT = 2**53
"""KFP keeps numbers as doubles: whole ones up to here."""


def type_of(kind: str) -> Native:
    """Return what KFP says of a parameter of a kind."""
    return Native.of({"parameterType": TYPES[kind]})


def default_of(data: Any) -> Value:
    """Return data as the default of an input."""
    return Native.of(data) if isinstance(data, (list, dict)) else Literal(value=data)


def exact(data: Any, holder: str) -> Any:
    """Return JSON data that KFP passes on as it is.

    Raises:
        Unsupported: KFP would make another number of it.
    """
    if _is_inexact(data):
        reason = f"passes a whole number beyond {EXACT}, which KFP rounds"
        raise refuse("Step.arguments", holder, reason, "pass it as a text")
    return safe_value(data)


def _is_inexact(data: Any) -> bool:
    if isinstance(data, (list, dict)):
        return any(map(_is_inexact, data.values() if isinstance(data, dict) else data))
    return isinstance(data, int) and abs(data) > EXACT


def constant(value: Value, kind: Kind, step: str, name: str) -> Any:
    """Return a constant that a step passes for a kind, as JSON data; None where that is nothing.

    Raises:
        InvalidInput: it is of another kind.
        Unsupported: KFP would make another number of it.
    """
    return exact(passed(value, kind, step, name), step)


# References: KFP's texts read inputs of their task.


def channel(reference: Reference) -> str:
    """Return the name of an input that only hands something on, as KFP's compiler calls it."""
    return f"{CHANNEL}{reference.step}-{reference.name}" if reference.step else f"{CHANNEL}{reference.name}"


def with_channels(step: Step) -> Step:
    """Return a task with every reference in its texts passed by itself, too."""
    channels = {argument.value for argument in step.arguments if isinstance(argument.value, Reference)}
    names = {argument.name for argument in step.arguments}
    templates = tuple(argument.value for argument in step.arguments if isinstance(argument.value, Template))
    more: list[Argument] = []
    for reference in dict.fromkeys(references(templates)):
        if reference not in channels:
            more.append(Argument(name=fresh_name(channel(reference), names), value=reference))
            names.add(more[-1].name)
    return replace(step, arguments=(*step.arguments, *more)) if more else step


# What a task passes.


def arguments_of(
    step: Step, callee: Graph | Operation, read: Read, types: Types, kind_of: KindOf
) -> Iterator[Argument]:
    """Yield the arguments of a step, as KFP passes them.

    Args:
        step: the step.
        callee: what it calls.
        read: what a reference in it stands for.
        types: of what is called.
        kind_of: the kind of a value that is passed.

    Raises:
        InvalidInput: a constant is of another kind than its parameter.
        Unsupported: it is more than a text for what takes texts.
    """
    is_function = types.function(step) is not None
    declared = {port.name for port in callee.inputs}
    for argument in (item for item in step.arguments if item.name in declared):
        value, kind = argument.value, types.input_kind(callee, argument.name)
        if isinstance(value, (Literal, Native)) and (is_function or kind != "text"):
            data = constant(value, kind, step.name, argument.name)
            if data is not None:
                yield replace(
                    argument, value=default_of({"constant": data} if isinstance(data, (list, dict)) else data)
                )
            continue
        if isinstance(value, Native):
            raise refuse("Step.arguments", step.name, f"passes {argument.name!r}, which is more than a text")
        if isinstance(value, Literal):
            value = Literal(value=text_of(value.value))
        _check_braces(value, step.name)
        value = map_references(value, read)
        if is_function and kind == "text":
            _check_text(value, step, kind_of)
        yield replace(argument, value=value)


def _check_braces(value: Value, step: str) -> None:
    """Raise `Unsupported` where KFP, or the engine below it, takes a text for something else."""
    parts = value.parts if isinstance(value, Template) else [getattr(value, "value", "")]
    if any(isinstance(part, str) and "{{" in part for part in parts):
        raise refuse("Step.arguments", step, BRACES)


def _check_text(value: Value, step: Step, kind_of: KindOf) -> None:
    """Refuses a number, truth value or structure in a text, or for a text, that KFP would write in its own way."""
    fine = ("text", "int", "bool", "list", "dict") if isinstance(value, Reference) else ("text", "int")
    looped = step.loop is not None and isinstance(step.loop.axes[0].values, Reference)
    for item in references(value):
        unknown = looped and item.to == "item" and value != item
        kind = kind_of(item)
        if kind not in fine or unknown:
            reason = f"makes a text of {'an item' if unknown else f'a {kind}'}, which KFP does in its own way"
            raise refuse("Step.arguments", step.name, reason, "do that in the function")


# Conditions in CEL, over values that have types.


def condition_of(
    tests: Sequence[Membership | Comparison], step: Step, read: Read, kind_of: Callable[[Reference], Kind]
) -> Expression:
    """Return what has to hold.

    Args:
        tests: all of it.
        step: whose condition it is.
        read: what a reference in it stands for.
        kind_of: the kind of that.

    Raises:
        Unsupported: a value is compared with what none of its kind can be.
    """
    parts: list[str | Reference | Template] = []
    for item in tests:
        value = read(item.value)
        kind = kind_of(value)
        parts.append(" && (" if parts else "(")
        if isinstance(item, Comparison):
            cast = ["double(", value, ")"] if kind == "text" else [value]
            parts += [*cast, f" {item.operator} {float(item.number)!r}"]
        else:
            how = " != " if item.negated else " == "
            joint = " && " if item.negated else " || "
            for number, text in enumerate(item.among):
                parts += [joint if number else "", value, f"{how}{_compared(text, kind, step.name)}"]
        parts.append(")")
    return Expression(language="cel", parts=joined(parts))


def _compared(text: str, kind: Kind, step: str) -> str:
    """Return a constant of CEL that a value of this kind is compared with, from its text.

    Raises:
        Unsupported: no value of this kind has that text, or CEL has no words for it.
    """
    if kind == "text":
        if "'" in text or "\\" in text or "\n" in text:
            raise refuse("Step.condition", step, "compares with a text that has quotes, backslashes or newlines")
        _check_braces(Literal(value=text), step)
        return f"'{text}'"
    try:
        data = constant_of(text, kind)
    except ValueError:
        data = None
    if not isinstance(data, (int, float)):
        raise refuse("Step.condition", step, f"compares a {kind} with {text!r:.40}")
    return json.dumps(data if kind == "bool" else float(data))  # every number is a double
