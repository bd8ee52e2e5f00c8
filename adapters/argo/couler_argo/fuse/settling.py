"""What steps of one pod say of each other that is known before it starts, and the name of their pod.

An output parameter with a `value` is known as soon as the inputs of its step are. Who reads it in the same pod gets
what it stands for: an argument where only the graph around has to be asked, and else a value of the template.
Source: `ProcessArgs` and `SubstituteParams` in `workflow/common/util.go`: what all templates know (`{{pod.name}}` as
well) is filled in once, and then the inputs once: a value that names another input would stay as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from couler_argo.documents import rest_of
from couler_argo.fuse.parts import pieces_of, value_of
from couler_argo.references import value
from couler_plugins.engine_kit.wiring import OF_GRAPH
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import (
    Expression,
    Literal,
    Native,
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
TEXT = (Literal, Reference, Template)


def is_text(item: object) -> bool:
    """Tell whether a value is one that Argo fills in as it is written."""
    return isinstance(item, TEXT) and not (isinstance(item, Literal) and isinstance(item.value, bool | float))


def stated(output: Output) -> Value | None:
    """Return the value of an output parameter that a template states by itself; None where it is in a file."""
    rest = rest_of(output)
    is_plain = output.kind == "parameter" and output.value is None and output.exported is None
    return value(rest["value"]) if is_plain and rest.keys() == {"value"} and isinstance(rest["value"], str) else None


def is_pod_name(reference: Reference) -> bool:
    """Tell whether a reference is to the name of the pod that it is read in."""
    return (reference.to, reference.name, reference.path) == ("run", "pod", ("name",))


def _reads(member: Member) -> tuple[object, ...]:
    """What a template says; no values of inputs that its call passes."""
    passed = {(argument.kind, argument.name) for argument in member.step.arguments}
    item = member.operation
    return (tuple(port for port in item.inputs if (port.kind, port.name) not in passed), item.outputs, item.containers)


def name_readers(members: Sequence[Member]) -> list[str]:
    """Return the steps that read the name of their pod."""
    return [one.step.name for one in members if any(map(is_pod_name, references(_reads(one))))]


def name_refusals(members: Sequence[Member]) -> Iterator[Refusal]:
    """Yield why steps cannot have one pod, since several of them read its name."""
    readers = name_readers(members)
    computed = any(is_pod_name(item) for one in _expressions(tuple(map(_reads, members))) for item in references(one))
    for step in readers if len(readers) > 1 else ():
        reason = f"{step!r} would read the same name of its pod as {readers[step == readers[0]]!r}"
        yield Refusal("own-name", reason, "" if computed else "name", step=step)


def _expressions(item: object) -> list[Expression]:
    return [node for node in nodes(item) if isinstance(node, Expression)]


def settled(members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the steps of a chain, each as it is in one pod with the others.

    Where several of them read the name of their pod, each has its own name behind that. What a step reads that another
    one states is written out, where that can be.
    """
    readers = name_readers(members)
    result: dict[str, Member] = {}
    for member in members:
        step, operation, library = member
        if len(readers) > 1 and step.name in readers:
            operation = _filled(operation, partial(_named, step.name))
        result[step.name] = _settled(Member(step, operation, library), result)
    return tuple(result.values())


def _named(step: str, reference: Reference) -> Value:
    return Template(parts=(reference, f"-{step}")) if is_pod_name(reference) else reference


def _filled(item: T, change: Callable[[Reference], Value]) -> T:
    """What holds values, with each reference replaced by a value, which becomes a part of the text around it."""

    def text(part: str | Node) -> Iterator[str | Reference | Expression]:
        yield from pieces_of(part) if isinstance(part, TEXT) else (part,)  # type: ignore[misc]  # the others are parts

    def filled(node: Node) -> Node:
        match node:
            case Reference():
                return change(node)
            case Template(parts=parts):
                return value_of(piece for part in parts for piece in text(part))
            case Native(parts=parts):
                inner = [
                    [json.dumps(piece)[1:-1] if isinstance(piece, str) else piece for piece in text(part)]
                    if isinstance(part, Node)
                    else [part]
                    for part in parts
                ]
                return Native(parts=tuple(piece for some in inner for piece in some))
        return node

    return rebuild(item, filled)


def _settled(member: Member, before: dict[str, Member]) -> Member:
    """A step of which nothing reads what one before it states, as far as that can be written out."""
    step, operation, library = member
    for argument in step.arguments:
        text = argument.value
        if not isinstance(text, TEXT) or any(
            item.step in before for one in _expressions(text) for item in references(one)
        ):
            continue
        full = _filled(text, lambda item: _meaning(item, before))
        is_inside = any(map(is_pod_name, references(full)))
        if full == text or (is_inside and any(item.to in OF_GRAPH for item in references(full))):
            continue
        others = tuple(one for one in step.arguments if one is not argument)
        if not is_inside:
            step = replace(
                step, arguments=tuple(replace(one, value=full) if one is argument else one for one in step.arguments)
            )
            continue
        step = replace(step, arguments=others)
        ports = tuple(
            replace(port, value=full, default=None)
            if (port.kind, port.name) == (argument.kind, argument.name)
            else port
            for port in operation.inputs
        )
        operation = replace(operation, inputs=ports)
    return Member(step, operation, library)


def _meaning(reference: Reference, before: dict[str, Member]) -> Value:
    """What stands for a reference: itself, if it is not to something that a step states."""
    if reference.step not in before or reference.to != "output" or reference.path:
        return reference
    step, operation, _ = before[reference.step]
    passed = {argument.name: argument.value for argument in step.arguments if argument.kind == "parameter"}
    own = {port.name: port.default if port.value is None else port.value for port in operation.inputs}
    texts = {name: text for name, text in {**own, **passed}.items() if text is not None and is_text(text)}
    for output in operation.outputs:
        text = stated(output)
        if (output.kind, output.name) == (reference.kind, reference.name) and text is not None:
            read = [item for item in references(text) if item.to == "input"]
            if not _expressions(text) and all(item.name in texts for item in read):
                return _filled(text, lambda item: texts[item.name] if item.to == "input" else item)
    return reference
