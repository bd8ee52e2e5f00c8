"""Functions of Python as operations that every engine can run, each in its own way.

Such an operation has the kind `python`, the function's source as the script of its only container, and in its
`native_extra` what else is known of the function:
`{"python": {"function": …, "packages": […], "inputs": {…}, "outputs": {…}}}`, where inputs and outputs are kinds by
name. Between steps, a value is its text: a text as it is, all else as JSON.

The source of a module that holds a function, with what runs around it.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Container, Native, Operation, Output, Port, Value
from couler_plugins.ir import Literal as Constant

Kind = Literal["text", "int", "float", "bool", "list", "dict"]
IMAGE = "python:3.12-slim"
"""For functions that name no image, where they run in containers."""
TYPES: Mapping[str, type] = {"text": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


class Parameter(NamedTuple):
    """A parameter of a function.

    Attributes:
        name: its name.
        kind: of its values.
        default: as JSON data; None where nothing is passed.
        optional: whether nothing has to be passed.
    """

    name: str
    kind: Kind
    default: Any = None
    optional: bool = False


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function that needs nothing from around it.

    Attributes:
        name: its name in the source.
        source: its definition, and nothing else.
        inputs: its parameters, in order.
        outputs: kinds by name: `result` alone for one value, or those of the mapping (or tuple) that it gives.
        packages: what pip has to install before it runs, as pip is told.
    """

    name: str
    source: str
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[tuple[str, Kind], ...] = ()
    packages: tuple[str, ...] = ()

    def kind(self, output: str) -> Kind:
        """The kind of one of its outputs."""
        return dict(self.outputs)[output]


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the `native_extra` of an operation says of its function."""

    function: str
    packages: tuple[str, ...] = ()
    inputs: dict[str, Kind] = {}
    outputs: dict[str, Kind] = {}


def operation_of(function: Function, name: str, image: str = IMAGE) -> Operation:
    """A function as an operation.

    Args:
        function: the function.
        name: of the operation.
        image: one with Python 3.8 or later, for engines that run containers.
    """
    said = _Said(
        function=function.name,
        packages=function.packages,
        inputs={item.name: item.kind for item in function.inputs},
        outputs=dict(function.outputs),
    )
    script = Constant(value=function.source)
    return Operation(
        name=name,
        kind="python",
        inputs=tuple(_port(item) for item in function.inputs),
        outputs=tuple(Output(name=output) for output, _ in function.outputs),
        containers=(Container(image=Constant(value=image), script=script),),
        native_extra=Native.of({"python": msgspec.to_builtins(said)}),
    )


def function_of(operation: Operation) -> Function | None:
    """The function of an operation; None where it is no function in this form."""
    rest, containers = operation.native_extra, operation.containers
    if operation.kind != "python" or rest is None or len(containers) != 1:
        return None
    script = containers[0].script
    if not isinstance(script, Constant) or not all(isinstance(part, str) for part in rest.parts):
        return None
    try:
        said = msgspec.convert(rest.data["python"], _Said) if list(rest.data) == ["python"] else None
    except (TypeError, msgspec.ValidationError):
        return None
    if said is None or list(said.inputs) != [port.name for port in operation.inputs]:
        return None
    return Function(
        name=said.function,
        source=str(script.value),
        inputs=tuple(_parameter(port, said.inputs[port.name]) for port in operation.inputs),
        outputs=tuple(said.outputs.items()),
        packages=said.packages,
    )


def text_of(data: Any) -> str:
    """JSON data as its text between steps."""
    return data if isinstance(data, str) else json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def constant_of(text: str, kind: Kind) -> Any:
    """The data of such a text.

    Raises:
        ValueError: it is no JSON of that kind.
    """
    data = text if kind == "text" else json.loads(text)
    if kind == "float" and type(data) is int:
        data = float(data)
    if type(data) is not TYPES[kind]:
        raise ValueError(f"{text!r:.80} is no {kind}")
    return data


def passed(value: Value, kind: Kind, step: str, name: str) -> Any:
    """The data of a constant that a step passes to a function; None where that is nothing.

    Raises:
        InvalidInput: it is of another kind.
        TypeError: it is no constant.
    """
    match value:
        case Constant(value=data):
            pass
        case Native(parts=(str(),)):
            data = value.data
        case _:
            raise TypeError(value)
    try:
        return None if data is None else constant_of(text_of(data), kind)
    except ValueError:
        message = f"{step!r} passes {text_of(data)!r:.80} as {name!r}, which takes a value of the kind {kind}"
        raise InvalidInput(message, step=step, hint="pass another value, or change the parameter's type") from None


def _port(item: Parameter) -> Port:
    if item.default is None:
        return Port(name=item.name, optional=item.optional)
    return Port(name=item.name, default=Constant(value=text_of(item.default)))


def _parameter(port: Port, kind: Kind) -> Parameter:
    if not isinstance(port.default, Constant):
        return Parameter(port.name, kind, optional=port.optional)
    return Parameter(port.name, kind, constant_of(str(port.default.value), kind), optional=True)


FUTURE = "from __future__ import annotations\n"
"""Annotations need not be known where the function runs."""
TAKEN = re.compile(r"\{\{|\$[$(]")
"""What an engine takes for a reference, or for an escaped sign, in any text."""


def module_of(function: Function, *around: Callable[..., Any]) -> str:
    """A module that defines a function, and then these.

    Args:
        function: a step's function.
        around: functions of `runtime`, or others that need nothing from around them.
    """
    imports = "from collections.abc import Callable, Mapping\nfrom typing import Any\n"
    sources = [inspect.getsource(item) for item in around]
    return "\n\n".join([f"{FUTURE}\n{imports}", function.source, *sources])


def typed_by(function: Function) -> str:
    """What makes a function take and give values of its kinds; see `runtime.typed`."""
    return f"typed({ {item.name: item.kind for item in function.inputs}!r}, {dict(function.outputs)!r})"


def untouched(program: str) -> str:
    """A program without what engines take for references: where it has such, it is in a text with escapes."""
    if not TAKEN.search(program):
        return program
    text = TAKEN.sub(lambda found: "".join(f"\\u{ord(sign):04x}" for sign in found[0]), ascii(program))
    return f"exec({text})\n"
