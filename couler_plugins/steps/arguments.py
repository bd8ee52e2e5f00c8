"""Arguments of ready-made steps, held against what the step declares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.hookspecs.steps import CatalogueStep, StepInput
from couler_plugins.ir import Argument, Expression, FirstOf, Literal, Native, Node, Port, Reference, Template, Value

Constants = Mapping[str, Any]
"""What shapes a step, by the name of the input."""

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "artifact": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list, tuple),
}


def checked(step: CatalogueStep, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are given, in the order of the declaration: values of Python, or of the IR.

    Raises:
        InvalidInput: an argument is missing, unknown, or of another type.
    """
    declared = {item.name: item for item in step.inputs}
    for name in arguments:
        if name not in declared:
            inputs_text = f"its inputs are {', '.join(declared)}" if declared else "it has no inputs"
            hint = " ".join(filter(None, (closest(name, declared), inputs_text)))
            raise InvalidInput(f"the step {step.name!r} has no input {name!r}", step=step.name, hint=hint)
    for item in step.inputs:
        if item.required and arguments.get(item.name) is None:
            hint = f"give it {_kind(item)}: {item.description}"
            raise InvalidInput(f"the step {step.name!r} needs the input {item.name!r}", step=step.name, hint=hint)
    plain = {name: _plain(arguments[name]) for name in declared if arguments.get(name) is not None}
    for name, value in plain.items():
        if problem := _problem(declared[name], value):
            message = f"the input {name!r} of the step {step.name!r} {problem}"
            raise InvalidInput(message, step=step.name, hint=declared[name].description)
    return plain


def constants(step: CatalogueStep, given: Mapping[str, Any]) -> Constants:
    """What shapes the step: what is given of it, and the defaults of the rest."""
    return {item.name: given.get(item.name, item.default) for item in step.inputs if item.constant}


def ports(step: CatalogueStep) -> tuple[Port, ...]:
    """The inputs of the step's operation: one for each that is no constant."""
    return tuple(
        Port(name=item.name, default=None if item.default is None else Literal(value=text_of(item.default)))
        for item in step.inputs
        if not item.constant
    )


def passed(step: CatalogueStep, supplied: Mapping[str, Any]) -> tuple[tuple[Argument, ...], tuple[str, ...]]:
    """What a call passes, and the parameters of the workflow that it reads where nothing is given."""
    values: dict[str, Value] = {}
    read: list[str] = []
    for item in step.inputs:
        if item.constant:
            continue
        if item.name in supplied:
            values[item.name] = _value(supplied[item.name])
        elif item.parameter:
            values[item.name] = Reference(to="parameter", kind="parameter", name=item.parameter)
            read.append(item.parameter)
    return tuple(Argument(name=name, value=value) for name, value in values.items()), tuple(read)


def text_of(value: Any) -> str:
    """A value of Python as the text that it travels as."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return json.dumps(list(value), ensure_ascii=False)
    return str(value)


def _value(value: Any) -> Value:
    """An argument as its call passes it; in a list, each value that is only known at run time is a text of its own."""
    if isinstance(value, Node):
        return value  # type: ignore[return-value]  # one of the values that `_problem` knows
    if not isinstance(value, (list, tuple)) or not any(map(_is_open, value)):
        return Literal(value=text_of(value))
    parts: list[Any] = []
    for item in value:
        parts += [", ", *(_quoted(item) if _is_open(item) else (json.dumps(item, ensure_ascii=False),))]
    return Template(parts=("[", *parts[1:], "]"))


def _quoted(item: Any) -> Iterator[Any]:
    """The parts of a text in JSON that is only known at run time in part."""
    yield '"'
    parts = item.parts if isinstance(item, Template) else (item,)
    yield from (json.dumps(part, ensure_ascii=False)[1:-1] if isinstance(part, str) else part for part in parts)
    yield '"'


def _plain(value: Any) -> Any:
    """Constants of the IR as Python's own, so that they can be checked like these."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Literal) else value


def _is_open(value: Any) -> bool:
    """Whether only the run knows it."""
    return isinstance(value, (Expression, FirstOf, Native, Reference, Template))


def _problem(item: StepInput, value: Any) -> str | None:
    """What is wrong with an argument; what is only known at run time is checked there, by what runs."""
    if _is_open(value) or (isinstance(value, list) and any(map(_is_open, value))):
        return "has to be known when the workflow is written" if item.constant else None
    if not isinstance(value, PYTHON_TYPES[item.type]) or (isinstance(value, bool) and item.type != "bool"):
        return f"is {value!r:.60}, not {_kind(item)}"
    if item.choices and value not in item.choices:
        return f"is {value!r:.60}, not one of {', '.join(item.choices)}"
    return None


def _kind(item: StepInput) -> str:
    return {"int": "an int", "artifact": "the place of an artifact"}.get(item.type, f"a {item.type}")
