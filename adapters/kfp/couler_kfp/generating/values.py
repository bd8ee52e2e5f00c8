"""What a task is given, of which types, and on what conditions it runs: constants of KFP's types, and references.

Functions say types; what hands on has that of its reader; else it is text. KFP converts, as loops of items rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from couler_kfp.generating.calls import BRACES
from couler_kfp.generating.legality import refuse
from couler_plugins.engine_kit.legalize.python.functions import (
    Function,
    Kind,
    function_of,
    passed,
    text_of,
)
from couler_plugins.engine_kit.legalize.python.runtime import safe_value
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Native,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    map_references,
    references,
    replace,
    take_name,
)


class Types:
    """The types of what the graphs and operations of a workflow take and give.

    Args:
        callees: the graphs and operations by name.
    """

    def __init__(self, callees: Mapping[str, Graph | Operation]) -> None:
        self._callees = callees
        operations = (item for item in callees.values() if isinstance(item, Operation))
        self._functions = {item.name: found for item in operations if (found := function_of(item))}
        self._known: dict[tuple[str, str], Kind] = {}

    @property
    def all_functions(self) -> bool:
        """Whether nothing runs but functions."""
        return all(isinstance(item, Graph) or name in self._functions for name, item in self._callees.items())

    def callee(self, step: Step) -> Graph | Operation:
        """What a step calls, which is in the workflow."""
        return self._callees[getattr(step.call, "name", "")]

    def function(self, step: Step) -> Function | None:
        """The function that a step calls."""
        return self._functions.get(step.call.name) if isinstance(step.call, Call) else None

    def input_kind(self, callee: Graph | Operation, port: str) -> Kind:
        """The kind of what an input takes."""
        if callee.name in self._functions and isinstance(callee, Operation):
            return next((item.kind for item in self._functions[callee.name].inputs if item.name == port), "text")
        if isinstance(callee, Operation):
            return "text"
        key = (callee.name, port)
        if key not in self._known:
            self._known[key] = "text"  # of what calls itself, which is refused elsewhere
            self._known[key] = self._of_input(callee, port)
        return self._known[key]

    def output_kind(self, step: Step, output: str) -> Kind:
        """The kind of an output of a step: a list of what all its runs gave, where it loops."""
        if step.loop is not None:
            return "list"
        callee = self._callees.get(getattr(step.call, "name", ""))
        if isinstance(callee, Graph):
            value = next((item.value for item in callee.outputs if item.name == output), None)
            inner = {item.name: item for item in callee.steps}
            match value:
                case Reference(to="output") if value.step in inner:
                    return self.output_kind(inner[value.step], value.name)
                case Reference(to="input"):
                    return self.input_kind(callee, value.name)
        function = self.function(step)
        return dict(function.outputs).get(output, "text") if function is not None else "text"

    def _of_input(self, graph: Graph, port: str) -> Kind:
        kinds: set[Kind] = set()
        for step in graph.steps:
            callee = self._callees.get(getattr(step.call, "name", ""))
            for argument in step.arguments:
                match argument.value:
                    case Reference(to="input", path=()) if argument.value.name == port:
                        kinds.add("text" if callee is None else self.input_kind(callee, argument.name))
                    case other if any(item.to == "input" and item.name == port for item in references(other)):
                        kinds.add("text")
            if any(item.to == "input" and item.name == port for item in references(step.loop)):
                kinds.add("list" if isinstance(callee, Operation) and callee.name in self._functions else "text")
        return kinds.pop() if len(kinds) == 1 else "text"


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
    more = [
        Argument(name=take_name(channel(reference), names), value=reference)
        for reference in dict.fromkeys(references(templates))
        if reference not in channels and reference.to != "run"
    ]
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
    declared = {(port.kind, port.name) for port in callee.inputs if port.origin is None}
    for argument in (item for item in step.arguments if (item.kind, item.name) in declared):
        if argument.kind == "artifact":
            yield replace(argument, value=map_references(argument.value, read))
            continue
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
        check_braces(value, step.name)
        value = map_references(value, read)
        if is_function and kind == "text":
            _check_text(value, step, kind_of)
        yield replace(argument, value=value)


def check_braces(value: Value, step: str) -> None:
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
