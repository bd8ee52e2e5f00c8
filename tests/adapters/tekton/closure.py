"""What moves along when one field of a workflow changes, and what Tekton has no words for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.tekton.counts import normal
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    External,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Workflow,
    callables,
    nodes,
    rebuild,
    references,
    remove_callables,
    rename_steps,
    replace,
)
from couler_tekton.variables import spell

__all__ = ["INVENTED", "closed", "consistent", "excused"]

SOMETHING = Native.of({"x": 1})
HANDLER = Handler(step=Step(name="x", call=Call(name="x")))
ARTIFACT = ("artifact",)
INVENTED: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "handlers"): ((HANDLER,),),
    (Graph, "memoized"): (SOMETHING,),
    (Graph, "metrics"): (SOMETHING,),
    (Graph, "stages"): ((("x",),),),
    (Graph, "targets"): (("x",),),
    (Operation, "retry"): (Retry(limit=Literal(value=1)),),
    (Operation, "timeout"): (Literal(value="1m"),),
    (Operation, "memoized"): (SOMETHING,),
    (Operation, "locks"): (SOMETHING,),
    (Operation, "metrics"): (SOMETHING,),
    (Operation, "daemon"): (True,),
    (Step, "handlers"): ((HANDLER,),),
    (Retry, "limit"): (Literal(value=3),),
    (Retry, "native_extra"): (SOMETHING,),
    (Container, "requests"): ((("cpu", Literal(value="2")),),),
    (Container, "limits"): ((("cpu", Literal(value="2")),),),
    (Port, "kind"): ARTIFACT,
    (Output, "kind"): ARTIFACT,
    (Output, "exported"): (Literal(value="x"),),
    (Argument, "kind"): ARTIFACT,
    (Loop, "includes"): ((Native.of({"name": "a", "params": [{"name": "b", "value": "c"}]}),),),
}


def consistent(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow | None:
    """The workflow with one field set, and with what has to follow."""
    graph = next((item for item in workflow.graphs if any(step is node for step in item.steps)), None)
    match node, name:
        case Step(), "call" if (
            node.native_extra is not None and "taskRef" in str(node.native_extra.parts[0]) and value != node.call
        ):
            return None  # what else there is of its reference goes with it
        case Step(), "native_extra" if "taskRef" in str(value) and not isinstance(node.call, External):
            return None  # it says of which kind another callee is
        case Step(), _ if graph is None:
            return None  # the entry says nothing but what it calls
        case Step(), "name":
            assert graph is not None
            taken = any(step.name == value for step in graph.steps)
            return None if taken else rename_steps(workflow, graph.name, {node.name: value})
        case Step(), "call":
            callee = callables(workflow).get(getattr(node.call, "name", "")) if isinstance(node.call, Call) else None
            if isinstance(value, Call) or isinstance(callee, Graph):
                return None
            return remove_callables(_set(workflow, node, name, value), {callee.name} if callee else ())
        case Step(), "arguments":
            given = tuple(argument for argument in value if not _is_item(argument))
            own = tuple(argument for argument in node.arguments if _is_item(argument))
            return _set(workflow, node, name, _unique((*own, *given)))
        case Step(), "loop":
            return _replaced(workflow, node, _looped(node, value))
        case Loop(), "includes" if any(references(value)):
            return None  # they name axes of their own loop
        case Argument(), "kind" if isinstance(node.value, Reference) and node.value.to == "item":
            return None  # it is written as the loop's own, which has no kinds
        case Loop(), "axes" | "includes":
            step = next(step for item in workflow.graphs for step in item.steps if step.loop is node)
            loop = replace(node, **{name: value if all(map(_mapped, value)) else ()})
            return _replaced(workflow, step, _looped(step, loop if loop.axes or loop.includes else None))
        case Graph(), "steps":
            return _with_steps(workflow, node, node.steps[::-1] if len(value) % 2 else node.steps[:-1])
        case Graph(), "finalizers":
            return _set(workflow, node, name, (node.steps[-1].name,) if value and node.steps else ())
        case ((Graph() | Operation()), "inputs"):
            ports = tuple(replace(port, optional=node.inline) for port in value)
            return _set(workflow, node, name, ports)
        case ((Port() | Output()), "name"):
            return None if _has_sibling(workflow, node, value) else _set(workflow, node, name, value)
        case Argument(), "name":
            return None if _is_item(node) or _has_sibling(workflow, node, value) else _set(workflow, node, name, value)
        case Argument(), "value" if _is_item(node) or getattr(value, "to", "") == "item":
            return None  # the matrix fills it
        case Workflow(), "graphs" | "operations" | "entry" | "kind" | "library":
            return None  # these follow from what is written where
        case ((Graph() | Operation()), "name" | "inline"):
            return None
        case Workflow(), _:
            return replace(workflow, **{name: value})
    return _set(workflow, node, name, value)


def _set(workflow: Workflow, node: Node, name: str, value: Any) -> Workflow:
    return _replaced(workflow, node, replace(node, **{name: value}))


def _replaced(workflow: Workflow, node: Node, new: Node) -> Workflow:
    return rebuild(workflow, lambda item: new if item is node else item)


def _is_item(argument: Argument) -> bool:
    return isinstance(argument.value, Reference) and argument.value.to == "item"


def _mapped(item: Node) -> bool:
    """Whether this is an axis, or a structure that could include a combination."""
    return not isinstance(item, Native) or str(item.parts[0]).startswith("{")


def _referring(part: object) -> bool:
    return isinstance(part, Reference)


def _unique(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    first: dict[str, Argument] = {}
    for argument in arguments:
        first.setdefault(argument.name, argument)
    return tuple(first.values())


def _looped(step: Step, loop: Loop | None) -> Step:
    """The step with another loop, and the arguments that take its items."""
    given = tuple(argument for argument in step.arguments if not _is_item(argument))
    names = [axis.name for axis in loop.axes] if loop else []
    for include in loop.includes if loop else ():
        if not any(map(_referring, include.parts)):
            names += [item["name"] for item in include.data.get("params", ())]
    items = tuple(
        Argument(name=name, value=Reference(to="item", kind="parameter", name=name)) for name in dict.fromkeys(names)
    )
    return replace(step, loop=loop, arguments=_unique((*items, *given)))


def _with_steps(workflow: Workflow, graph: Graph, steps: tuple[Step, ...]) -> Workflow | None:
    """The workflow with these steps of a graph, and without what only the others call."""
    kept = {step.name for step in steps}
    gone = [step.call.name for step in graph.steps if step.name not in kept and isinstance(step.call, Call)]
    if any(isinstance(callables(workflow)[name], Graph) for name in gone):
        return None
    last = tuple(name for name in graph.finalizers if name in kept)
    return remove_callables(_replaced(workflow, graph, replace(graph, steps=steps, finalizers=last)), gone)


def _has_sibling(workflow: Workflow, node: Node, name: str) -> bool:
    """Whether something beside this one has that name."""
    return any(item.name == name for held in _siblings(workflow, node) for item in held)


def _siblings(workflow: Workflow, node: Node) -> Iterator[tuple[Any, ...]]:
    for holder in nodes(workflow):
        for name in ("inputs", "outputs", "arguments", "parameters"):
            held = getattr(holder, name, ())
            if any(item is node for item in held):
                yield held


def excused(workflow: Workflow, node: Node, name: str, value: Any) -> bool:
    """Whether Tekton cannot say this one value here (the notes of the table of capabilities say so)."""
    given = any(port is node for port in workflow.parameters)
    match node, name:
        case Container(), "role" if value == "init":
            return True
        case ((Container() | Operation()), _) if workflow.kind == "StepAction":
            return True  # it has one container, and that has no name and no role
        case Port(), "value":
            return (value is None) is given
        case Port(), "default":
            return given
        case Retry(), "limit":
            return value is None
        case Step(), "native_extra":
            return '"workspaces":' in str(value.parts)  # the pipeline around may not declare them
    return False


def closed(workflow: Workflow) -> Workflow:
    """Without what follows from other fields, and from where it is written."""
    places = {name: _place(workflow, item) for name, item in callables(workflow).items()}
    names = {name: str(number) for number, name in enumerate(sorted(places, key=places.__getitem__))}

    def change(node: Node) -> Node:
        match node:
            case Reference():
                return Reference(to="unknown", name=normal(spell(replace(node, native=""))))
            case Call():
                return Call(name=names.get(node.name, ""))
            case Operation():
                roles = tuple(sorted(node.containers, key=lambda container: container.role))
                return replace(node, name=names[node.name], kind="", inline=False, containers=roles)
            case Graph():
                steps = tuple(sorted(node.steps, key=lambda step: step.name))
                return replace(node, name=names[node.name], inline=False, steps=steps)
            case Loop():
                return replace(node, combine="product")
            case Port():
                return replace(node, optional=False)
        return node

    done = rebuild(workflow, change)
    graphs = tuple(sorted(done.graphs, key=lambda item: item.name))
    return replace(done, graphs=graphs, operations=tuple(sorted(done.operations, key=lambda item: item.name)))


def _place(workflow: Workflow, item: Graph | Operation) -> tuple[str, ...]:
    """The names of the steps that lead to a callable."""
    for graph in workflow.graphs:
        for step in graph.steps:
            if isinstance(step.call, Call) and step.call.name == item.name:
                return (*_place(workflow, graph), step.name)
    return ()
