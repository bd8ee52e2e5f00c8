"""Inputs and outputs of steps that become one: what comes from outside, what stays inside, and under what name.

Two members may have inputs of one name: the later one's gets its step's name in front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.fusing import Member, Place
from couler_plugins.ir import (
    Argument,
    Container,
    Port,
    PortKind,
    Reference,
    Value,
    map_references,
    parse_quantity,
    references,
    replace,
    take_name,
)

OF_GRAPH = ("input", "output", "status", "item")
"""What only the graph around a step can look up."""


class Wiring(NamedTuple):
    """The ports of an operation that does the work of several.

    Attributes:
        inputs: what comes from outside, under names of which each is there once for its kind.
        arguments: of its call, for those that the call sites of the members pass something to.
        names: the new name of each input, by the member's own.
        inner: inputs that are no longer any, since they read outputs of members, with the values that they get: these
            read outputs of members, inputs of the new operation, and what the whole run sees.
        outputs: the kind and the new name of each output of the members.
    """

    inputs: tuple[Port, ...]
    arguments: tuple[Argument, ...]
    names: Mapping[Place, str]
    inner: Mapping[Place, Value]
    outputs: Mapping[Place, tuple[str, str]]


def wire(members: Sequence[Member]) -> Wiring:
    """Return the ports of an operation that does the work of the members of a chain.

    Raises:
        Unsupported: the default of an input reads another one, which gets its value inside of the pod.
    """
    steps = {member.step.name for member in members}
    used: dict[tuple[str, str], set[str]] = {}
    inputs: list[tuple[str, Port]] = []
    arguments: list[Argument] = []
    names: dict[Place, str] = {}
    inner: dict[Place, Value] = {}
    outputs: dict[Place, tuple[str, str]] = {}
    passed_in: dict[Reference, Reference] = {}

    def take(side: str, step: str, kind: str, name: str) -> str:
        own = used.setdefault((side, kind), set())
        return take_name(name if name not in own else f"{step}-{name}", own)

    def passed_on(step: str, reference: Reference) -> Reference:
        """What stands for a reference of the graph around in a value that stays inside."""
        if reference.step in steps or reference.to not in OF_GRAPH:
            return reference
        if reference not in passed_in:
            kind: PortKind = "artifact" if reference.kind == "artifact" else "parameter"
            name = take("in", step, kind, f"{step}-{reference.name}")
            inputs.append((step, Port(name=name, kind=kind)))
            arguments.append(Argument(name=name, kind=kind, value=replace(reference, path=(), native="")))
            passed_in[reference] = Reference(to="input", kind=kind, name=name, path=reference.path)
        return passed_in[reference]

    def renamed(step: str, reference: Reference) -> Reference:
        """What an input of a member is called now, where the default of another one reads it."""
        place = (step, reference.kind, reference.name)
        if place in inner:
            reason = f"an input of {step!r} falls back to {reference.name!r}, which only its pod knows"
            raise Unsupported(reason, step=step, hint="pass that input at the call")
        return (
            replace(reference, name=names[place], native="")
            if names.get(place, reference.name) != reference.name
            else reference
        )

    for member in members:
        step, operation = member.step, member.operation
        passed = {(argument.kind, argument.name): argument for argument in step.arguments}
        for port in operation.inputs:
            place, argument = (step.name, port.kind, port.name), passed.get((port.kind, port.name))
            if argument is not None and any(item.step in steps for item in references(argument.value)):
                inner[place] = map_references(argument.value, partial(passed_on, member.step.name))
                continue
            names[place] = take("in", *place)
            inputs.append((step.name, replace(port, name=names[place])))
            if argument is not None:
                arguments.append(replace(argument, name=names[place]))
        for output in operation.outputs:
            outputs[step.name, output.kind, output.name] = (
                output.kind,
                take("out", step.name, output.kind, output.name),
            )
    own = [map_references(port, partial(renamed, step)) for step, port in inputs]
    ordered = sorted(own, key=lambda port: port.kind == "artifact")
    return Wiring(
        tuple(ordered),
        tuple(sorted(arguments, key=lambda argument: argument.kind == "artifact")),
        names,
        inner,
        outputs,
    )


def largest_amounts(mains: Sequence[Container], field: str) -> tuple[tuple[str, Value], ...]:
    """Return the largest amount of each resource, for containers that become one, whose work runs one after another.

    There is no limit where one of them has none.

    Args:
        mains: the containers.
        field: `requests` or `limits`.
    """
    amounts: dict[str, list[Value]] = {}
    for main in mains:
        own = {**(dict(main.limits) if field == "requests" else {}), **dict(getattr(main, field))}
        for kind, amount in own.items():
            amounts.setdefault(kind, []).append(amount)
    enough = 1 if field == "requests" else len(mains)
    return tuple(
        (kind, max(values, key=lambda amount: parse_quantity(getattr(amount, "value", "")) or 0.0))
        for kind, values in sorted(amounts.items())
        if len(values) >= enough
    )
