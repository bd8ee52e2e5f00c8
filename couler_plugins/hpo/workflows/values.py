"""Values of hyperparameters and what a workflow says of them, in both directions."""

from __future__ import annotations

import json
from collections.abc import Mapping

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.parameters import Choice, Number, Value
from couler_plugins.ir import Argument, Operation, Port, Step, replace
from couler_plugins.ir import Value as Passed
from couler_plugins.options.fields import closest

__all__ = ["argument_of", "as_text", "port_of", "read_value", "with_arguments"]


def as_text(value: Value) -> str:
    """A value as the text that stands for it where everything is text: `0.001`, `1e-05`, `true`, or itself."""
    return value if isinstance(value, str) else json.dumps(value)


def read_value(name: str, parameter: Number | Choice, passed: object) -> Value:
    """The value that a constant of a workflow stands for.

    Raises:
        InvalidInput: it stands for none of the parameter's, or for several.
    """
    if isinstance(parameter, Choice):
        text = passed if isinstance(passed, str) else json.dumps(passed)
        choices = [choice for choice in parameter.choices if as_text(choice) == text or _same_number(choice, passed)]
        if len(choices) == 1:
            return choices[0]
        what = "is several of" if choices else "is none of"
        listed = ", ".join(map(as_text, parameter.choices))
        raise InvalidInput(f"{name} is set to {text!r:.40}, which {what} {listed:.200}", hint="correct one of the two")
    number: float | None = None
    try:
        # "1_000" is a number to Python, and to hardly anybody else.
        if isinstance(passed, (int, float, str)) and not isinstance(passed, bool) and "_" not in str(passed):
            number = float(passed)
    except ValueError:
        number = None
    if number is not None and parameter.type in ("int", "log-int") and number.is_integer():
        number = int(number)
    problem = "is no number" if number is None else parameter.problem(number)
    if number is None or problem:
        hint = "the search space has to hold what is set"
        raise InvalidInput(f"{name} is set to {passed!r:.40}: it {problem}", hint=hint)
    return number


def port_of(callee: Operation, name: str) -> Port:
    """The input parameter of a hyperparameter.

    Raises:
        InvalidInput: there is none of that name.
    """
    ports = {port.name: port for port in callee.inputs if port.kind == "parameter"}
    if name not in ports:
        what = f"it has {', '.join(ports)}" if ports else "it has none"
        hint = " ".join(filter(None, (closest(name, ports), what)))
        raise InvalidInput(f"{callee.name!r} has no input parameter {name!r}", hint=hint)
    return ports[name]


def argument_of(step: Step, callee: Operation, name: str) -> Passed | None:
    """What an input parameter gets by now; None where it gets nothing."""
    passed = next((item.value for item in step.arguments if _is_parameter(item, name)), None)
    if passed is not None:
        return passed
    port = port_of(callee, name)
    return port.value if port.value is not None else port.default


def with_arguments(step: Step, values: Mapping[str, Passed | None]) -> Step:
    """The step with these parameters passed to what it calls; None for one that is passed no more."""
    kept = [item for item in step.arguments if item.kind != "parameter" or values.get(item.name, item) is not None]
    remaining = dict(values)
    changed = [
        replace(item, value=value)
        if item.kind == "parameter" and (value := remaining.pop(item.name, None)) is not None and value != item.value
        else item
        for item in kept
    ]
    added = [Argument(name=name, value=value) for name, value in remaining.items() if value is not None]
    parameters = [item for item in changed if item.kind == "parameter"]
    others = [item for item in changed if item.kind != "parameter"]
    return replace(step, arguments=(*parameters, *added, *others))


def _same_number(choice: Value, passed: object) -> bool:
    """Whether both are numbers, and the same: KFP writes 3 as 3.0."""
    return choice == passed and not isinstance(choice, (str, bool)) and not isinstance(passed, bool)


def _is_parameter(argument: Argument, name: str) -> bool:
    return argument.kind == "parameter" and argument.name == name
