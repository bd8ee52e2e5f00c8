"""Steps that are functions of Python, as the lightweight components that KFP's own SDK compiles such functions to.

Sources: `kfp.dsl.component_factory` (the commands), `kfp.dsl.executor` (how a function is called, what it may give).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from couler_kfp.generating.bodies import check_operation, environment
from couler_kfp.generating.refusing import refuse
from couler_plugins.engine_kit.legalize.python.functions import Function, Kind, Parameter, passed
from couler_plugins.engine_kit.legalize.python.modules import module_of, typed_by, untouched
from couler_plugins.engine_kit.legalize.python.runtime import safe_value, sheltered, typed, typed_value
from couler_plugins.ir import Literal, Native, Operation, Output, Port, Reference, Value, replace

__all__ = ["TYPES", "constant", "default_of", "exact", "function_component", "output_of", "type_of"]

TYPES: Mapping[str, str] = {
    "text": "STRING",
    "int": "NUMBER_INTEGER",
    "float": "NUMBER_DOUBLE",
    "bool": "BOOLEAN",
    "list": "LIST",
    "dict": "STRUCT",
}
"""KFP's types of parameters, by the kinds of values."""
KFP = "kfp==2.17.3"
"""What runs the function in its image."""
INSTALL = """
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

{packages}PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location {kfp} && "$0" "$@"
"""
RUN = """\
program_path=$(mktemp -d)

printf "%s" "$0" > "$program_path/ephemeral_component.py"
_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --component_module_path "$program_path/ephemeral_component.py" "$@"
"""
EXACT = 2**53
"""KFP keeps numbers as doubles: whole ones up to here."""


def output_of(function: Function, name: str) -> str:
    """What KFP calls an output of a function: the only one has no name of its own."""
    return "Output" if [output for output, _ in function.outputs] == ["result"] else name


def constant(value: Value, kind: Kind, step: str, name: str) -> Any:
    """A constant that a step passes to a function, as JSON data; None where that is nothing.

    Raises:
        InvalidInput: it is of another kind.
        Unsupported: KFP would make another number of it.
    """
    return exact(passed(value, kind, step, name), step)


def exact(data: Any, holder: str) -> Any:
    """JSON data that KFP passes on as it is.

    Raises:
        Unsupported: KFP would make another number of it.
    """
    if _is_inexact(data):
        reason = f"passes a whole number beyond {EXACT}, which KFP rounds"
        raise refuse("Step.arguments", holder, reason, "pass it as a text")
    return safe_value(data)


def type_of(kind: str) -> Native:
    """What KFP says of a parameter of a kind."""
    return Native.of({"parameterType": TYPES[kind]})


def _is_inexact(data: Any) -> bool:
    if isinstance(data, (list, dict)):
        return any(map(_is_inexact, data.values() if isinstance(data, dict) else data))
    return isinstance(data, int) and abs(data) > EXACT


def function_component(operation: Operation, function: Function, name: str, *, shelter: bool) -> Operation:
    """A function as a component.

    Args:
        operation: what runs it.
        function: the function.
        name: of the component.
        shelter: whether texts that an engine might change are given in an alphabet that none does.

    Raises:
        Unsupported: there is more to it than a component of KFP can be.
    """
    outputs = {output_of(function, output): kind for output, kind in function.outputs}
    (container,) = operation.containers
    container = replace(container, command=_command(function, shelter))
    bare = replace(
        operation, kind="script", inputs=(), native_extra=None, containers=(replace(container, script=None),)
    )
    check_operation(bare)
    (container,) = bare.containers
    container, platform = environment(operation, container)
    executor_input = Reference(to="run", name="executor_input", native="{{$}}")
    texts = (Literal(value="--executor_input"), executor_input)
    named = (Literal(value="--function_to_execute"), Literal(value=function.name))
    return Operation(
        name=name,
        kind="container",
        inputs=tuple(_port(item, operation.name) for item in function.inputs),
        outputs=tuple(Output(name=key, native_extra=type_of(kind)) for key, kind in outputs.items()),
        containers=(replace(container, name="", args=(*texts, *named)),),
        native_extra=Native.of({"platforms": {"kubernetes": platform}}) if platform else None,
    )


def default_of(data: Any) -> Value:
    """Data as the default of an input."""
    return Native.of(data) if isinstance(data, (list, dict)) else Literal(value=data)


def _port(item: Parameter, holder: str) -> Port:
    default = None if item.default is None else default_of(exact(item.default, holder))
    # `kfp.local` (2.17.3) fails where nothing is passed to a NUMBER_INTEGER; on the wire both are doubles.
    kind = "float" if item.kind == "int" and item.optional and default is None else item.kind
    return Port(name=item.name, default=default, optional=item.optional, native_extra=type_of(kind))


def _command(function: Function, shelter: bool) -> tuple[Value, ...]:
    packages = " ".join(map(shlex.quote, function.packages))
    first = f"python3 -m pip install --quiet --no-warn-script-location {packages} && " if packages else ""
    kfp = f"{KFP} --no-deps 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"'"
    install = INSTALL.format(packages=first, kfp=kfp)
    outputs = {output_of(function, output): kind for output, kind in function.outputs}
    kinds = {item.name: item.kind for item in function.inputs}
    call = f"as_component({kinds!r}, {outputs!r}, shelter={shelter!r})({typed_by(function)}({function.name}))"
    source = module_of(function, typed_value, typed, sheltered, safe_value, as_component)
    program = untouched(f"{source}\n\n{function.name} = {call}\n")
    return tuple(Literal(value=text) for text in ("sh", "-c", install, "sh", "-ec", RUN, program))


def as_component(
    inputs: Mapping[str, str], outputs: Mapping[str, str], shelter: bool
) -> Callable[[Callable[..., Any]], Any]:
    """Makes a typed function one that KFP's executor takes for a component.

    Args:
        inputs: kinds of its parameters.
        outputs: kinds of what it gives; `Output` alone for one value.
        shelter: whether texts that an engine might change are given in an alphabet that none does.
    """
    import inspect
    from typing import NamedTuple

    kinds: Any = {"text": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}

    def check(value: Any) -> None:
        if isinstance(value, (list, dict)):
            for item in value.values() if isinstance(value, dict) else value:
                check(item)
        elif isinstance(value, int) and abs(value) > 2**53:
            raise ValueError(f"KFP would round {value}: give it as a text")

    def decorated(function: Callable[..., Any]) -> Any:
        def plain(name: str, value: Any) -> Any:
            """A value of a list that goes into a text: whole numbers in there are doubles to KFP."""
            whole = inputs[name] == "text" and isinstance(value, float) and value.is_integer()
            return int(value) if whole else value

        def call(**values_passed: Any) -> Any:
            product = function(**{name: plain(name, value) for name, value in values_passed.items()})
            values = product if list(outputs) != ["Output"] else {"Output": product}
            check(values)
            results = tuple(safe_value(values[name]) if shelter else values[name] for name in outputs)
            return results or None

        component: Any = call
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kinds[kind])
            for name, kind in inputs.items()
        ]
        returned = NamedTuple("Outputs", [(name, kinds[kind]) for name, kind in outputs.items()]) if outputs else None
        component.__signature__ = inspect.Signature(parameters, return_annotation=returned)
        return component

    return decorated
