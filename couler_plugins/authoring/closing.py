"""Calls of one template as one operation: what differs from call to call, or only the run knows, becomes an input.

An argument that is the same constant in every call stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from couler_plugins.authoring.scopes import Call
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Argument,
    Container,
    EnvVar,
    Literal,
    Native,
    Operation,
    Port,
    Reference,
    Value,
    fresh_name,
    map_references,
    references,
    replace,
)

FIELDS = ("image", "command", "script", "env", "requests", "limits", "native_extra")
Slot = tuple[str, str]
"""A place for a value: what kind of place, and which one."""


class Closed:
    """The operations of a workflow, and what each call passes to its own.

    Attributes:
        operations: in the order of their first calls.
        names: the operation of each call, by the name of the step.
        arguments: what it is passed.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.names: dict[str, str] = {}
        self.arguments: dict[str, tuple[Argument, ...]] = {}


def close(calls: Sequence[Call]) -> Closed:
    """The operations of these calls.

    Raises:
        InvalidInput: two calls have one name, and do not run the same.
    """
    closed = Closed()
    for name, group in _groups(calls).items():
        slots = [dict(_slots(call)) for call in group]
        every = dict.fromkeys(slot for own in slots for slot in own)
        ports = _ports(slot for slot in every if not _is_constant(slot, slots))
        operation = replace(_filled(group[0], ports), name=name)
        kinds = {port.name: port.kind for port in operation.inputs}
        closed.operations.append(operation)
        for call, own in zip(group, slots, strict=True):
            closed.names[call.name] = name
            closed.arguments[call.name] = tuple(
                Argument(name=port, value=own[slot], kind=kinds[port])
                for slot, port in sorted(ports.items(), key=lambda item: kinds[item[1]] == "artifact")
                if slot in own
            )
    return closed


def _groups(calls: Sequence[Call]) -> dict[str, list[Call]]:
    """The calls by the names of their operations."""
    groups: dict[str, list[Call]] = {}
    named = {call.template for call in calls if call.is_named}
    unnamed: dict[tuple[str, Operation], str] = {}
    for call in calls:
        if call.is_named:
            groups.setdefault(call.template, []).append(call)
            _check_same(groups[call.template][0], call)
            continue
        skeleton = (call.template, _skeleton(call))
        if skeleton not in unnamed:
            unnamed[skeleton] = fresh_name(call.template, {*named, *unnamed.values()})
        groups.setdefault(unnamed[skeleton], []).append(call)
    return groups


def _check_same(first: Call, call: Call) -> None:
    one, other = _skeleton(first), _skeleton(call)
    if one == other:
        return
    what = "does something else"
    for field in FIELDS if len(one.containers) == len(other.containers) == 1 else ():
        before, now = getattr(one.containers[0], field), getattr(other.containers[0], field)
        if before != now:
            what = f"has another {field} ({_shown(before)} there, {_shown(now)} here)"
            break
        if len(one.containers[0].args) != len(other.containers[0].args):
            what = "has another number of args"
    message = f"there is a step {call.template!r} already, which {what}"
    hint = f"it is in {first.place.file}:{first.place.line}: give one of them another step_name"
    raise InvalidInput(message, file=call.place.file, line=call.place.line, step=call.template, hint=hint)


def _shown(value: object) -> str:
    if isinstance(value, Literal):
        return repr(value.value)
    return "another" if value else "none"


def _slots(call: Call) -> Iterator[tuple[Slot, Value]]:
    """What may differ from call to call, in the order of the operation."""
    assert call.operation is not None
    for container in call.operation.containers:
        yield from ((("script", str(number)), value) for value, number in _numbers(container.script).items())
        yield from (
            (("arg", str(number)), value) for number, value in enumerate(container.args, start=1) if not _own(value)
        )
        yield from (
            (("env", item.name), item.value)
            for item in container.env
            if not isinstance(item.value, Native) and not _own(item.value)
        )
    inputs = call.operation.inputs
    yield from ((("input", port.name), port.value) for port in inputs if port.value is not None)


def _numbers(script: Value | None) -> dict[Reference, int]:
    """What a script reads of the steps around, numbered."""
    read = dict.fromkeys(item for item in references(script) if item.to != "input")
    return {reference: number for number, reference in enumerate(read, start=1)}


def _own(value: Value) -> bool:
    """Whether a value reads inputs that the operation declares by itself."""
    return any(reference.to == "input" for reference in references(value))


def _is_constant(slot: Slot, slots: Sequence[dict[Slot, Value]]) -> bool:
    """Whether a value can stand where it is: those of declared inputs are passed, and may be left out."""
    values = {own.get(slot) for own in slots}
    return slot[0] != "input" and len(values) == 1 and isinstance(values.pop(), Literal)


def _ports(slots: Iterator[Slot]) -> dict[Slot, str]:
    """The names of inputs by the places that they fill."""
    names: dict[Slot, str] = {}
    for kind, name in slots:
        names[kind, name] = fresh_name(name if kind == "input" else f"{kind}-{name}", names.values())
    return names


def _skeleton(call: Call) -> Operation:
    """The operation without what may differ from call to call."""
    return _filled(call, {slot: f"{slot[0]}-{slot[1]}" for slot, _ in _slots(call)})


def _filled(call: Call, ports: dict[Slot, str]) -> Operation:
    """The operation with inputs in these places."""
    operation = call.operation
    assert operation is not None
    inputs = [Port(name=name) for (kind, _), name in ports.items() if kind != "input"]
    artifacts = [replace(port, value=None) for port in operation.inputs]
    containers = tuple(_container(container, ports) for container in operation.containers)
    return replace(operation, inputs=(*inputs, *artifacts), containers=containers)


def _container(container: Container, ports: dict[Slot, str]) -> Container:
    def read(slot: Slot, value: Value) -> Value:
        return Reference(to="input", kind="parameter", name=ports[slot]) if slot in ports else value

    numbers = _numbers(container.script)

    def inside(reference: Reference) -> Reference:
        """What a script reads is different in every call, so that there is an input for it."""
        slot = ("script", str(numbers.get(reference)))
        return Reference(to="input", kind="parameter", name=ports[slot]) if reference in numbers else reference

    return replace(
        container,
        script=map_references(container.script, inside),
        args=tuple(read(("arg", str(number)), value) for number, value in enumerate(container.args, start=1)),
        env=tuple(EnvVar(name=item.name, value=read(("env", item.name), item.value)) for item in container.env),
    )
