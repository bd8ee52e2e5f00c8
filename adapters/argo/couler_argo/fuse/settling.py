"""What steps of one pod say of each other that is known before it starts, and the name of their pod.

An output parameter with a `value` is known as soon as the inputs of its step are. Who reads it in the same pod gets
what it stands for: an argument where only the graph around has to be asked, and else a value of the template.
Source: `ProcessArgs` and `SubstituteParams` in `workflow/common/util.go`: what all templates know (`{{pod.name}}` as
well) is filled in once, and then the inputs once: a value that names another input would stay as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from couler_argo.documents import rest_of
from couler_argo.fuse.parts import pieces_of, value_of
from couler_argo.references import value
from couler_plugins.engine_kit.wiring import OF_GRAPH
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import (
    Expression,
    Literal,
    Node,
    Output,
    Reference,
    Template,
    Value,
    nodes,
    rebuild,
    references,
    replace,
)

T = TypeVar("T")


def is_text(item: object) -> bool:
    """Tell whether a value is one that Argo fills in as it is written."""
    return isinstance(item, Reference | Template) or (isinstance(item, Literal) and type(item.value) in (str, int))


def own_value(output: Output) -> Value | None:
    """Return the value of an output parameter that a template states by itself; None where it is in a file."""
    rest = rest_of(output)
    is_plain = output.kind == "parameter" and output.value is None and output.exported is None
    return value(rest["value"]) if is_plain and rest.keys() == {"value"} and isinstance(rest["value"], str) else None


def is_pod_name(reference: Reference) -> bool:
    """Tell whether a reference is to the name of the pod that it is read in."""
    return (reference.to, reference.name, reference.path) == ("run", "pod", ("name",))


def name_readers(members: Sequence[Member]) -> list[str]:
    """Return the steps that read the name of their pod: not in a value that their call passes."""
    passed = [{(argument.kind, argument.name) for argument in one.step.arguments} for one in members]
    used = [
        tuple(port for port in one.operation.inputs if (port.kind, port.name) not in others)
        for one, others in zip(members, passed, strict=True)
    ]
    return [
        one.step.name
        for one, inputs in zip(members, used, strict=True)
        if any(map(is_pod_name, references((inputs, one.operation.outputs, one.operation.containers))))
    ]


def name_refusals(members: Sequence[Member]) -> Iterator[Refusal]:
    """Yield why steps cannot have one pod, since several of them read its name."""
    readers = name_readers(members)
    for step in readers if len(readers) > 1 else ():
        reason = f"{step!r} would read the same name of its pod as {readers[step == readers[0]]!r}"
        yield Refusal("own-name", reason, "name", step=step)


def settle(members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the steps of a chain, each as it is in one pod with the others.

    Where several of them read the name of their pod, each has its own name behind that. What a step reads that another
    one states is written out, where that can be.
    """
    readers = name_readers(members)
    result: dict[str, Member] = {}
    for member in members:
        step, name = member.step, member.step.name

        def named(reference: Reference, suffix: str = f"-{name}") -> Value:
            return Template(parts=(reference, suffix)) if is_pod_name(reference) else reference

        operation = _fill(member.operation, named) if name in readers[len(readers) < 2 :] else member.operation
        values = {(item.kind, item.name): _write_out(item.value, result) for item in step.arguments}
        inside = {place: text for place, text in values.items() if any(map(is_pod_name, references(text)))}
        arguments = tuple(
            replace(item, value=values[item.kind, item.name])
            for item in step.arguments
            if (item.kind, item.name) not in inside
        )
        inputs = [
            replace(port, value=inside[port.kind, port.name], default=None, origin=None)
            if (port.kind, port.name) in inside
            else port
            for port in operation.inputs
        ]
        result[name] = member._replace(
            step=replace(step, arguments=arguments),
            operation=replace(operation, inputs=tuple(inputs)),
        )
    return tuple(result.values())


def _fill(item: T, change: Callable[[Reference], Value]) -> T:
    """What holds values, with each reference replaced by a value, which becomes a part of the text around it."""

    def change_node(node: Node) -> Node:
        if isinstance(node, Template):
            parts = [(part,) if isinstance(part, str) else pieces_of(part) for part in node.parts]
            return value_of(piece for pieces in parts for piece in pieces)
        return change(node) if isinstance(node, Reference) else node

    return rebuild(item, change_node)


def _write_out(text: Value, before: Mapping[str, Member]) -> Value:
    """A value with all that a step of the pod states written out; as it is, where the pod and the graph have parts."""
    if not is_text(text) or any(isinstance(node, Expression) for node in nodes(text)):
        return text
    full = _fill(text, lambda item: _meaning(item, before))
    read = [*references(full)]
    return text if any(map(is_pod_name, read)) and any(item.to in OF_GRAPH for item in read) else full


def _meaning(reference: Reference, before: Mapping[str, Member]) -> Value:
    """What stands for a reference: itself, if it is not to something that a step states."""
    if reference.step not in before or (reference.to, reference.kind, reference.path) != ("output", "parameter", ()):
        return reference
    step, operation, _ = before[reference.step]
    ports = [port for port in operation.inputs if port.kind == "parameter" and port.origin is None]
    values = {port.name: port.default if port.value is None else port.value for port in ports}
    values |= {item.name: item.value for item in step.arguments if item.kind == "parameter"}
    texts = {name: text for name, text in values.items() if text is not None and is_text(text)}
    text = next((own_value(output) for output in operation.outputs if output.name == reference.name), None)
    read = {item.name for item in references(text) if item.to == "input"}  # each is a parameter
    if text is None or not read <= texts.keys() or any(isinstance(node, Expression) for node in nodes(text)):
        return reference
    return _fill(text, lambda item: texts[item.name] if item.to == "input" else item)
