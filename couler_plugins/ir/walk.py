"""Walks over IR values: every reference in them, every call site, and rebuilding with something replaced."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, cast, get_args

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.ir.values import Literal, Node, Reference, compared_fields
from couler_plugins.ir.workflow import Call, External, Graph, Operation, Step, Workflow

T = TypeVar("T")
N = TypeVar("N", bound=Node)


@cache
def _inner_fields(node_type: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node that can hold other nodes."""
    types = {field.name: field.type for field in msgspec.structs.fields(node_type)}
    return tuple(name for name in compared_fields(node_type) if _holds_nodes(types[name]))


def _holds_nodes(field_type: Any) -> bool:
    """Whether values of a type are nodes, or tuples or unions with nodes among their members."""
    inner = get_args(field_type)
    return any(map(_holds_nodes, inner)) if inner else isinstance(field_type, type) and issubclass(field_type, Node)


@cache
def _inner_values(node_type: type[Node]) -> Function[[Node], tuple[object, ...]] | None:
    """Return what reads the fields of a kind of node that can hold other nodes, the last first."""
    names = _inner_fields(node_type)[::-1]
    read = attrgetter(*names) if names else None
    return read if read is None or len(names) > 1 else lambda node: (read(node),)


def nodes(value: object) -> Iterator[Node]:
    """Every node in an IR value (or a tuple of them), itself included, in order."""
    return iter(_nodes(value, Node))


def references(value: object) -> Iterator[Reference]:
    """Every reference in an IR value (or a tuple of them), in order."""
    return iter(_nodes(value, Reference))


def _nodes(value: object, wanted: type[N]) -> list[N]:
    """List the nodes of a kind: a list is faster here than a generator, and large workflows are walked often."""
    reached: list[N] = []
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, Node):
            if isinstance(current, wanted):
                reached.append(current)
            if read := _inner_values(type(current)):
                pending += filter(None, read(current))
        elif isinstance(current, tuple):
            pending += reversed(current)
    return reached


def rebuild(value: T, change: Function[[Node], Node]) -> T:
    """`value` with every node in it, from the leaves up, replaced by what `change` makes of it.

    What stays the same keeps its identity, so that lowering can tell at a glance.
    """
    if isinstance(value, tuple):
        items = tuple(rebuild(item, change) if isinstance(item, (Node, tuple)) else item for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else cast(T, items)
    if not isinstance(value, Node):
        return value
    changes: dict[str, Any] = {}
    for name in _inner_fields(type(value)):
        if old := getattr(value, name):
            new = rebuild(old, change)
            if new is not old:
                changes[name] = new
    return cast(T, change(msgspec.structs.replace(value, **changes) if changes else value))


def map_references(value: T, change: Function[[Reference], Reference]) -> T:
    """`value` with every reference replaced by what `change` makes of it."""
    return rebuild(value, lambda node: change(node) if isinstance(node, Reference) else node)


def without_origin(value: T) -> T:
    """`value` without any trace of where and how it was written: it lowers as wholly generated."""

    def strip(node: Node) -> Node:
        if isinstance(node, (Literal, Reference)):
            return msgspec.structs.replace(node, native="") if node.native else node
        if getattr(node, "source", None) is not None:
            return msgspec.structs.replace(node, source=None)
        return node

    return rebuild(value, strip)


class CallSite(NamedTuple):
    """A step, and the graph that it belongs to (None for the entry and the handlers of the workflow)."""

    graph: Graph | None
    step: Step

    @property
    def label(self) -> str:
        """What decisions call it: GRAPH/STEP, or what it calls where it belongs to no graph."""
        if self.graph is not None:
            return f"{self.graph.name}/{self.step.name or 'handler'}"
        call = self.step.call
        return call.label if isinstance(call, External) else getattr(call, "name", self.step.name)


def call_sites(workflow: Workflow) -> Iterator[CallSite]:
    """Every call site: the entry, the steps of all graphs, and the handlers of all of these."""
    outer = ([workflow.entry] if workflow.entry else []) + [handler.step for handler in workflow.handlers]
    scopes = [(None, outer), *((graph, graph.steps) for graph in workflow.graphs)]
    for graph, steps in scopes:
        for step in steps:
            yield CallSite(graph, step)
            for handler in step.handlers:
                yield CallSite(graph, handler.step)


def calls_by_callee(workflow: Workflow) -> dict[str, list[CallSite]]:
    """The call sites of each graph and operation, by its name."""
    return by_key((site.step.call.name, site) for site in call_sites(workflow) if isinstance(site.step.call, Call))


def leaf_call_sites(workflow: Workflow) -> Iterator[CallSite]:
    """The call sites of a workflow but those that call a graph of it: what is in the graph is called there."""
    graphs = {graph.name for graph in workflow.graphs}
    for site in call_sites(workflow):
        if not (isinstance(site.step.call, Call) and site.step.call.name in graphs):
            yield site


def callables(workflow: Workflow) -> dict[str, Graph | Operation]:
    """The graphs and operations of a workflow by name."""
    items: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
    return {item.name: item for item in items}


def graph_of(workflow: Workflow, name: str) -> Graph:
    """A graph of a workflow by its name."""
    return next(graph for graph in workflow.graphs if graph.name == name)


def callee_of(step: Step, by_name: Mapping[str, T]) -> T | None:
    """What a step calls; None where that is not among these."""
    return by_name.get(step.call.name) if isinstance(step.call, Call) else None


def callees_of(steps: Iterable[Step], by_name: Mapping[str, Graph | Operation]) -> dict[str, Graph | Operation]:
    """What steps and their handlers call, directly and through others: each once, by name, as they are met."""
    callees: dict[str, Graph | Operation] = {}
    ahead = list(steps)
    for step in ahead:
        ahead += [handler.step for handler in step.handlers]
        callee = callee_of(step, by_name)
        if callee is not None and callee.name not in callees:
            callees[callee.name] = callee
            ahead += callee.steps if isinstance(callee, Graph) else ()
    return callees


def reachable(workflow: Workflow, *more: Step) -> dict[str, Graph | Operation]:
    """What runs can reach from the entry, the handlers and the steps given beside these, by name."""
    outer = (site.step for site in call_sites(workflow) if site.graph is None)
    return callees_of([*outer, *more], callables(workflow))


def written_inline(by_name: Mapping[str, Graph | Operation]) -> dict[str, Graph | Operation]:
    """Those of the callables that are written at their call sites; often none, which makes looking for them cheap."""
    return {name: callee for name, callee in by_name.items() if callee.inline}


def inline_callees(step: Step, by_name: Mapping[str, Graph | Operation]) -> tuple[Graph | Operation, ...]:
    """What is written inside the step itself: its inline callee, and what is inline in that."""
    callees: list[Graph | Operation] = []
    pending = [step]
    while pending:
        current = pending.pop()
        pending.extend(handler.step for handler in current.handlers)
        callee = callee_of(current, by_name)
        if callee is not None and callee.inline:
            callees.append(callee)
            pending.extend(callee.steps if isinstance(callee, Graph) else ())
    return tuple(callees)
