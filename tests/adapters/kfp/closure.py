"""What moves along when one field of a pipeline changes, and what KFP has no words for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from couler_kfp.components import FOLLOWS
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Node,
    Operation,
    Output,
    Port,
    PortKind,
    Reference,
    Retry,
    Step,
    Workflow,
    callables,
    nodes,
    rebuild,
    redirect_calls,
    references,
    remove_callables,
    rename_steps,
    replace,
)

__all__ = ["INVENTED", "closed", "consistent", "excused"]

SOMETHING = Native.of({"x": 1})
BOUND = Literal(value=1)
HANDLER = Handler(step=Step(name="x", call=Call(name="x")))
INVENTED: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "prefix"): ("x-",),
    (Workflow, "library"): ("namespace",),
    (Workflow, "handlers"): ((HANDLER,),),
    (Graph, "memoized"): (SOMETHING,),
    (Graph, "metrics"): (SOMETHING,),
    (Graph, "inline"): (True,),
    (Graph, "native_extra"): (SOMETHING,),
    (Graph, "stages"): ((("x",),),),
    (Graph, "targets"): (("x",),),
    (Operation, "retry"): (Retry(limit=BOUND),),
    (Operation, "timeout"): (BOUND,),
    (Operation, "memoized"): (SOMETHING,),
    (Operation, "locks"): (SOMETHING,),
    (Operation, "metrics"): (SOMETHING,),
    (Operation, "daemon"): (True,),
    (Step, "handlers"): ((HANDLER,),),
    (Step, "tolerates"): (("failed",),),
    (Retry, "limit"): (Literal(value=3),),
    (Retry, "native_extra"): (Native.of({"backoffMaxDuration": "60s"}),),
    (Container, "name"): ("x",),
    (Container, "script"): (Literal(value="x"),),
    (Container, "requests"): ((("cpu", Literal(value="2")),),),
    (Container, "native_extra"): (SOMETHING,),
    (Port, "value"): (Literal(value="x"),),
    (Output, "exported"): (Literal(value="x"),),
    (Output, "native_extra"): (SOMETHING,),
    (Port, "kind"): ("artifact", "parameter"),
    (Argument, "kind"): ("artifact", "parameter"),
}


def consistent(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    """The workflow with one field set, and with what has to follow."""
    by_name = callables(workflow)
    inline = {item.name for item in by_name.values() if item.inline}
    graph = next((item for item in workflow.graphs if any(step is node for step in item.steps)), None)
    match node, name:
        case Step(), _ if graph is None:
            return None  # the entry says nothing but its name
        case Step(), "name":
            assert graph is not None
            taken = any(step.name == value for step in graph.steps)
            return None if taken or not value else rename_steps(workflow, graph.name, {node.name: value})
        case Step(), "call":
            if isinstance(node.call, Call) and node.call.name in inline:
                return None
            others = [item for item in sorted(by_name) if item not in inline and Call(name=item) != node.call]
            return _set(workflow, node, name, Call(name=others[len(value.name) % len(others)])) if others else None
        case Step(), "arguments":
            given = tuple(argument for argument in value if not _is_item(argument))
            return _replaced(workflow, node, replace(node, arguments=given, condition=None, loop=None))
        case Step(), "condition":
            return _replaced(workflow, node, _given(replace(node, condition=value), references(value)))
        case Step(), "loop":
            looped = _looped(node, value)
            return _replaced(workflow, node, looped) if looped else None
        case Workflow(), "name" if not value and workflow.kind == "PipelineVersion":
            return None  # an object of Kubernetes has a name
        case Workflow(), "native_extra" if value is None and workflow.kind == "PipelineVersion":
            return None  # it is the object that holds the pipeline
        case Loop(), "axes":
            step = next(step for item in workflow.graphs for step in item.steps if step.loop is node)
            looped = _looped(step, replace(node, axes=value) if value else None)
            return _replaced(workflow, step, looped) if looped else None
        case ((Graph() | Operation()), "name"):
            if "root" in (node.name, value) or value in by_name:
                return None
            return redirect_calls(_set(workflow, node, name, value), {node.name: value})
        case ((Graph() | Operation()), "inputs") if node.name == "root":
            return replace(_set(workflow, node, name, value), parameters=value)
        case Graph(), "steps":
            return _set(workflow, node, name, node.steps[::-1] if len(value) % 2 else node.steps[:-1])
        case Operation(), "native_extra" if value is not None and '"executorLabel":{' in str(value.parts[0]):
            return None  # the executor belongs to one component, whose name it has
        case Operation(), "native_extra":
            return (
                None
                if any(item.step for item in references((node.native_extra, value)))
                else _set(workflow, node, name, value)
            )
        case ((Port() | Output() | Argument()), "kind"):
            return _alone(workflow, node, value)
        case ((Port() | Output()), "name"):
            return None if _has_sibling(workflow, node, value) else _set(workflow, node, name, value)
        case Argument(), "name":
            plain = not isinstance(node.value, Reference) and not _has_sibling(workflow, node, value)
            return _set(workflow, node, name, value) if plain else None
        case Argument(), "value" if isinstance(node.value, Reference) or getattr(value, "to", "") == "item":
            return None  # texts of the task refer to it, and so does its loop
        case Workflow(), "graphs" | "operations":
            dropped = {item.name for item in getattr(workflow, name)[1:]}
            return remove_callables(workflow, dropped) if dropped else None
        case Workflow(), _:
            return replace(workflow, **{name: value})
    return _set(workflow, node, name, value)


def _set(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow:
    return _replaced(workflow, node, replace(node, **{name: value}))


def _replaced(workflow: Workflow, node: Node, new: Node) -> Workflow:
    return rebuild(workflow, lambda item: new if item is node else item)


def _is_item(argument: Argument) -> bool:
    return isinstance(argument.value, Reference) and argument.value.to == "item" and not argument.value.path


def _given(step: Step, read: Iterable[Reference]) -> Step:
    """The step with everything that one of its texts reads among its arguments."""
    for number, reference in enumerate(dict.fromkeys(read)):
        known = any(argument.value == reference for argument in step.arguments)
        if reference.to not in ("unknown", "item") and not known:
            kind: PortKind = "artifact" if reference.kind == "artifact" else "parameter"
            argument = Argument(name=f"given-{number}", kind=kind, value=reference)
            step = replace(step, arguments=(*step.arguments, argument))
    return step


def _looped(step: Step, loop: Loop | None) -> Step | None:
    """The step with another loop, and the argument that takes its item; None where its name is taken."""
    read = [item for item in references((step.condition, step.loop)) if item.to == "item"]
    arguments = tuple(argument for argument in step.arguments if not _is_item(argument))
    step = replace(step, loop=loop, arguments=arguments, condition=None if read else step.condition)
    if loop is None:
        return step
    axis = loop.axes[0]
    kind: PortKind = "artifact" if getattr(axis.values, "kind", "") == "artifact" else "parameter"
    if any(argument.name == axis.name for argument in arguments):
        return None
    item = Argument(name=axis.name, kind=kind, value=Reference(to="item", kind=kind))
    return _given(replace(step, arguments=(*arguments, item)), references(loop))


def _siblings(workflow: Workflow, node: Node) -> Iterator[tuple[Any, ...]]:
    for holder in nodes(workflow):
        for name in ("inputs", "outputs", "arguments"):
            held = getattr(holder, name, ())
            if any(item is node for item in held):
                yield held


def _has_sibling(workflow: Workflow, node: Node, name: str) -> bool:
    return any(item.name == name for held in _siblings(workflow, node) for item in held)


def _alone(workflow: Workflow, node: Node, value: Any) -> Workflow | None:
    """What has another kind moves to another mapping; texts of a task refer to its arguments by kind."""
    alone = all(len(held) == 1 for held in _siblings(workflow, node))
    return _set(workflow, node, "kind", value) if alone else None


def excused(workflow: Workflow, node: Node, name: str, value: Any) -> bool:
    """Whether KFP cannot say this one value here (the notes of the table of capabilities say so)."""
    match node, name:
        case Operation(), "containers":
            return not value
        case Operation(), "native_extra":
            return True  # an importer's is all that it runs, and not every file has a platform document
        case ((Port() | Output() | Argument()), "kind"):
            return True  # the two kinds have different fields
        case Port(), "default":
            return node.kind == "artifact"
        case Argument(), "value":
            return not isinstance(value, Reference) and any(references(value))
    return False


def closed(workflow: Workflow) -> Workflow:
    """Without what follows from other fields, and without an order: KFP keeps all of it by name."""

    def change(node: Node) -> Node:
        match node:
            case Operation():
                node = replace(node, kind="", inline=False, memoized=None, native_extra=_unshared(node))
                return replace(node, inputs=_sorted(node.inputs), outputs=_sorted(node.outputs))
            case Container() if node.native_extra is not None and not any(references(node.native_extra)):
                return replace(node, native_extra=_without_numbers(node.native_extra))
            case Graph():
                steps = _sorted(node.steps)
                return replace(node, inputs=_sorted(node.inputs), outputs=_sorted(node.outputs), steps=steps)
            case Step():
                return replace(node, arguments=_sorted(node.arguments))
            case Workflow():
                changed = {name: _sorted(getattr(node, name)) for name in ("graphs", "operations", "parameters")}
                return replace(node, **changed)
        return node

    return rebuild(workflow, change)


def _without_numbers(rest: Native) -> Native | None:
    """What else there is of a container but numbers that say the same as texts."""
    resources = {key: item for key, item in rest.data.get("resources", {}).items() if item != FOLLOWS}
    left = {key: item for key, item in rest.data.items() if key != "resources"}
    left |= {"resources": resources} if resources else {}
    return Native.of(left) if left else None


def _unshared(operation: Operation) -> Native | None:
    """What else there is of an operation, whether or not others share its executor."""
    rest = operation.native_extra
    if rest is None or any(references(rest)):
        return rest
    label = rest.data.get("executorLabel")
    label = label["label"] if isinstance(label, dict) else label
    named = {} if label in (None, f"exec-{operation.name.removeprefix('comp-')}") else {"executorLabel": label}
    left = {**{key: content for key, content in rest.data.items() if key != "executorLabel"}, **named}
    return Native.of(dict(sorted(left.items()))) if left else None


def _sorted(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(items, key=lambda item: (getattr(item, "kind", ""), item.name)))
