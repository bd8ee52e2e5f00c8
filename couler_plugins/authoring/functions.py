"""Python functions as steps: what they return is what the step gives; one that only prints gives what it prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from couler_plugins.authoring.checks import checked_mapping
from couler_plugins.authoring.operations import Common, limits, main_container
from couler_plugins.authoring.values import as_value, listed
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Container, Literal, Native, Operation, Value, replace
from couler_plugins.portable.python.functions import IMAGE, Function, operation_of
from couler_plugins.portable.python.source import function_from

__all__ = ["function_operation"]


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
        raise InvalidInput(f"packages is the text {packages!r}", hint=f"packages=[{packages!r}]")
    types = checked_mapping(outputs, "outputs", 'outputs={"loss": "float"}')
    function = function_from(source, packages, types or None)
    given = _given(function, args)
    container = main_container(common._replace(image=common.image or IMAGE), command or "python", None)
    if not function.inputs and not function.outputs and not packages:
        script = Literal(value=f"{function.source}\n\n{function.name}()\n")
        return _limited(Operation(name="", kind="script", containers=(replace(container, script=script),)), common)
    _refuse_more(function, common)
    operation = operation_of(function, "")
    ports = tuple(replace(port, value=given.get(port.name)) for port in operation.inputs)
    return _limited(replace(operation, inputs=ports, containers=(_merged(container, operation),)), common)


def _limited(operation: Operation, common: Common) -> Operation:
    retry, timeout = limits(common.timeout, common.retry)
    return replace(operation, retry=retry, timeout=timeout)


def _merged(container: Container, operation: Operation) -> Container:
    """The container that was asked for, with the function in it; what calls that is the engine's business."""
    return replace(container, command=(), args=(), script=operation.containers[0].script)


def _given(function: Function, args: Any) -> dict[str, Value]:
    """The arguments by name."""
    names = [item.name for item in function.inputs]
    given = args if isinstance(args, Mapping) else _positional(function.name, names, args)
    for name in given:
        if name not in names:
            raise _wrong(function.name, f"takes no {name!r}", f"it takes {', '.join(names) or 'nothing'}")
    for item in function.inputs:
        if not item.optional and item.name not in given:
            raise _wrong(function.name, f"is not given {item.name!r}", "give it in args, in order or by name")
    return {name: _value(value, f"{name!r} of {function.name}") for name, value in given.items()}


def _positional(function: str, names: Sequence[str], args: Any) -> dict[str, Any]:
    given = list(args) if isinstance(args, (list, tuple)) else listed(args)
    if len(given) > len(names):
        raise _wrong(function, f"is given {len(given)} arguments", f"it takes {len(names)}")
    return dict(zip(names, given, strict=False))


def _value(content: Any, what: str) -> Value:
    """A constant of JSON, or what the run knows."""
    if content is None or isinstance(content, (bool, int, float)):
        return Literal(value=content)
    return Native.of(content) if isinstance(content, (list, dict)) else as_value(content, what)


def _refuse_more(function: Function, common: Common) -> None:
    for name in ("output", "input", "node_selector", "daemon"):
        if getattr(common, name):
            hint = "return what it gives; a program given as text can say more"
            raise _wrong(function.name, f"is a function, and has {name}=", hint)


def _wrong(name: str, reason: str, hint: str) -> InvalidInput:
    return InvalidInput(f"the function {name!r} {reason}", step=name, hint=hint)
