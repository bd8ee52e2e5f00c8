"""Python functions as steps: what they return is what the step gives; one that only prints gives what it prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from couler_plugins.authoring.checks import checked_json, checked_mapping, checked_text, checked_texts
from couler_plugins.authoring.operations import Common, limits, main_container
from couler_plugins.authoring.operations import operation_of as of_container
from couler_plugins.authoring.places import shown
from couler_plugins.authoring.values import as_value, listed
from couler_plugins.engine_kit.legalize.python.functions import IMAGE, Function, operation_of
from couler_plugins.engine_kit.legalize.python.source import function_from
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Native, Operation, Value, replace

TYPES = 'outputs={"loss": "float"}'
JSON = "give data of JSON, or what a step returned by itself"


def function_operation(
    source: Callable[..., Any],
    common: Common,
    command: Any,
    args: Any,
    packages: Sequence[str],
    outputs: Mapping[str, str] | None,
) -> Operation:
    """The operation of a function.

    Args:
        source: the function.
        common: what else is said of the step.
        command: the interpreter, for one that only prints.
        args: what it is called with: in order, or by name.
        packages: what pip installs before it runs.
        outputs: kinds by name, where it gives several values.

    Raises:
        InvalidInput: it cannot run by itself, or takes other arguments.
    """
    if isinstance(packages, str):
        raise InvalidInput(f"packages is the text {shown(packages)}", hint=f"packages=[{shown(packages)}]")
    packages = checked_texts(packages, "packages", 'packages=["numpy>=2"]')
    types = checked_mapping(outputs, "outputs", TYPES)
    for name, kind in types.items():
        checked_text(kind, f"the type of {shown(name)}", TYPES)
    function = function_from(source, packages, types or None)
    arguments = _given(function, args)
    container = main_container(common._replace(image=common.image or IMAGE), command or "python", None)
    if not function.inputs and not function.outputs and not packages:
        script = Literal(value=f"{function.source}\n\n{function.name}()\n")
        return of_container("script", common, replace(container, script=script), None)
    _refuse_more(function, common, command)
    operation = operation_of(function, "")
    ports = tuple(replace(port, value=arguments.get(port.name)) for port in operation.inputs)
    retry, timeout = limits(common.timeout, common.retry)
    # What calls the function is the engine's business.
    whole = (replace(container, command=(), args=(), script=operation.containers[0].script),)
    return replace(operation, inputs=ports, containers=whole, retry=retry, timeout=timeout)


def _given(function: Function, args: Any) -> dict[str, Value]:
    """The arguments by name."""
    names = [item.name for item in function.inputs]
    values = args if isinstance(args, Mapping) else _positional(function.name, names, args)
    for name in values:
        if name not in names:
            raise _wrong(function.name, f"takes no {shown(name)}", f"it takes {', '.join(names) or 'nothing'}")
    for item in function.inputs:
        if not item.optional and item.name not in values:
            raise _wrong(function.name, f"is not given {item.name!r}", "give it in args, in order or by name")
    return {name: _value(value, f"{name!r} of {function.name}") for name, value in values.items()}


def _positional(function: str, names: Sequence[str], args: Any) -> dict[str, Any]:
    positional = list(args) if isinstance(args, (list, tuple)) else listed(args)
    if len(positional) > len(names):
        raise _wrong(function, f"is given {len(positional)} arguments", f"it takes {len(names)}")
    return dict(zip(names, positional, strict=False))


def _value(content: Any, what: str) -> Value:
    """A constant of JSON, or what the run knows."""
    if content is None or isinstance(content, (bool, int, float)):
        return Literal(value=checked_json(content, what, JSON))
    return (
        Native.of(checked_json(content, what, JSON)) if isinstance(content, (list, dict)) else as_value(content, what)
    )


def _refuse_more(function: Function, common: Common, command: Any) -> None:
    """Refuses what an engine that runs it as Python has no place for."""
    options = {**common._asdict(), "command": command}
    for name in ("output", "input", "node_selector", "daemon", "command"):
        if options[name]:
            hint = "remove it, and return the result; this option is for programs given as text"
            raise _wrong(function.name, f"is a function with types, and has {name}=", hint)


def _wrong(name: str, reason: str, hint: str) -> InvalidInput:
    return InvalidInput(f"the function {name!r} {reason}", step=name, hint=hint)
