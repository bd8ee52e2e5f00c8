"""Parameters and results: as they are declared, and as they are passed.

Source: `pkg/apis/pipeline/v1` (ParamSpec, Param, TaskResult, PipelineResult).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, without
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Argument, Output, Port
from couler_tekton.mappings import named
from couler_tekton.support import refuse_unsupported, unsupported
from couler_tekton.variables import Scope, Spell, spell, write_value


def names_of(holder: Mapped, path: Path, key: str = "params") -> frozenset[str]:
    """The names under a key of a mapping."""
    return frozenset(item["name"] for item in named(holder, key, path))


def read_inputs(spec: Mapped, path: Path, scope: Scope, embedded: bool) -> tuple[Port, ...]:
    """The parameters that a task or a pipeline declares; one that is written at its call site also finds them there."""
    return tuple(
        Port(
            name=item["name"],
            default=None if item.get("default") is None else scope.value(item["default"]),
            optional=embedded,
            native_extra=scope.rest(without(item, "name", *(() if item.get("default") is None else ("default",)))),
        )
        for item in named(spec, "params", path)
    )


def read_outputs(spec: Mapped, path: Path, scope: Scope) -> tuple[Output, ...]:
    """The results that a task or a pipeline declares."""
    return tuple(
        Output(
            name=item["name"],
            value=None if item.get("value") is None else scope.value(item["value"]),
            native_extra=scope.rest(without(item, "name", *(() if item.get("value") is None else ("value",)))),
        )
        for item in named(spec, "results", path)
    )


def read_run_parameters(spec: Mapped, path: Path, scope: Scope) -> tuple[Port, ...]:
    """What a run is given."""
    return tuple(
        Port(name=name, value=value, native_extra=scope.rest(extra))
        for name, value, extra in _passed(spec, path, scope)
    )


def read_arguments(holder: Mapped, path: Path, scope: Scope) -> tuple[tuple[Argument, ...], Mapped]:
    """What a task is given; and, by name, what else is said of each."""
    passed = _passed(holder, path, scope)
    extras = {name: extra for name, _, extra in passed if extra}
    return tuple(Argument(name=name, value=value) for name, value, _ in passed), extras


def _passed(holder: Mapped, path: Path, scope: Scope) -> list[tuple[str, Any, Mapped]]:
    params = []
    for number, item in enumerate(named(holder, "params", path)):
        if item.get("value") is None:
            message = f"the parameter {item['name']!r} has no value"
            place = (*path, "params", number)
            raise InvalidInput(message, engine="tekton", path=place, hint="give it one, or leave it out")
        params.append((item["name"], scope.value(item["value"]), without(item, "name", "value")))
    return params


def write_inputs(ports: tuple[Port, ...], embedded: bool) -> list[Mapped]:
    """The parameters that a task or a pipeline declares; `embedded` where it is written at its call site.

    Raises:
        Unsupported: Tekton cannot say what they are to be.
    """
    written = []
    for port in ports:
        refuse_unsupported(port)
        if port.value is not None:
            raise unsupported("Port.value", port.name, "is declared with a value", "give it a default")
        if port.optional and not embedded:
            raise unsupported("Port.optional", port.name, "may stay empty", "give it a default")
        default = {} if port.default is None else {"default": write_value(port.default)}
        written.append(_entry(port, default))
    return written


def write_run_parameters(ports: tuple[Port, ...]) -> list[Mapped]:
    """What a run is given.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    written = []
    for port in ports:
        refuse_unsupported(port)
        if port.value is None or port.default is not None or port.optional:
            raise unsupported("Port.value", port.name, "is given to a run, and has no value", "give it one")
        written.append(_entry(port, {"value": write_value(port.value)}))
    return written


def write_outputs(outputs: tuple[Output, ...], spelled: Spell = spell) -> list[Mapped]:
    """The results that a task or a pipeline declares.

    Raises:
        Unsupported: Tekton cannot say what they are to be.
    """
    written = []
    for output in outputs:
        refuse_unsupported(output)
        value = {} if output.value is None else {"value": write_value(output.value, spelled)}
        written.append(_entry(output, value))
    return written


def _entry(port: Port | Output, content: Mapped) -> Mapped:
    return joined({"name": port.name, **content}, write_value(port.native_extra) if port.native_extra else {})


def write_arguments(arguments: Iterable[Argument], extras: Mapped) -> list[Mapped]:
    """What a task is given; `extras` is what else is said of each, by name."""
    written = []
    for argument in arguments:
        refuse_unsupported(argument)
        written.append({"name": argument.name, "value": write_value(argument.value), **extras.get(argument.name, {})})
    return written
