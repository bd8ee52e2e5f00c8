"""Passes before a workflow is written for another engine: parameters passed down, images, limits, and what is reached.

Not every engine lets a container read the parameters of a workflow itself, or limits how many steps run at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from couler_plugins.documents import mappings
from couler_plugins.engine_kit.legalize.python.functions import IMAGE
from couler_plugins.engine_kit.legalize.values import substituted
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Graph,
    Literal,
    Node,
    Operation,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    callables,
    calls_by_callee,
    needed,
    reachable,
    rebuild,
    references,
    remove_callables,
    replace,
    take_name,
)

OTHER = re.compile(r"[^a-z0-9]+")


def as_label(name: str, length: int | None = None) -> str:
    """Return a name in lower case, with a dash in place of what Kubernetes takes in no label, and not longer."""
    return OTHER.sub("-", name.lower()).strip("-")[:length].strip("-")


def with_image(workflow: Workflow, image: str) -> Workflow:
    """Return a workflow with an image for its containers that have none, if one is given; functions have one."""

    def change(node: Node) -> Node:
        if not isinstance(node, Operation) or all(item.image is not None for item in node.containers):
            return node
        name = image or (IMAGE if node.kind == "python" else "")
        return replace(node, containers=tuple(_with_own_image(item, name) for item in node.containers))

    return rebuild(workflow, change)


def with_paths(operation: Operation) -> Operation:
    """Return an operation whose containers name the paths of its files themselves."""
    paths: dict[tuple[str, str, str], Value | None] = {
        ("input", port.kind, port.name): port.path for port in operation.inputs
    }
    paths |= {("output", output.kind, output.name): output.path for output in operation.outputs}

    def named(reference: Reference) -> Reference | str:
        path = paths.get((reference.to, reference.kind, reference.name)) if not reference.step else None
        is_path = reference.path == ("path",) and isinstance(path, Literal) and isinstance(path.value, str)
        return path.value if is_path else reference  # type: ignore[union-attr,return-value]

    return replace(operation, containers=substituted(operation.containers, named))


def _with_own_image(container: Container, image: str) -> Container:
    return replace(container, image=Literal(value=image)) if container.image is None and image else container


def reached(workflow: Workflow) -> Workflow:
    """Return a workflow without what neither its entry nor its handlers call, directly or through others."""
    return remove_callables(workflow, callables(workflow).keys() - reachable(workflow).keys())


def without_idle_limits(workflow: Workflow) -> Workflow:
    """Return a workflow without those limits of steps that run at a time which are never reached."""
    by_name = callables(workflow)
    graphs = (graph if _is_reachable(graph, by_name) else replace(graph, parallelism=None) for graph in workflow.graphs)
    return replace(workflow, graphs=tuple(graphs))


def _is_reachable(graph: Graph, by_name: Mapping[str, Graph | Operation]) -> bool:
    """Return whether a graph may ever have more steps to run at a time than its limit lets run."""
    limit = graph.parallelism
    if not isinstance(limit, Literal) or not str(limit.value).isdigit():
        return limit is not None
    single = all(
        step.loop is None and isinstance(by_name.get(getattr(step.call, "name", "")), Operation) for step in graph.steps
    )
    return not single or len(graph.steps) > int(str(limit.value))


def with_parameters_passed(workflow: Workflow) -> Workflow:
    """The workflow with an input for each parameter that a graph or an operation reads, itself or below it.

    The entry also takes those parameters that have the names of inputs for which it is given nothing.
    """
    by_name = callables(workflow)
    wanted = _wanted(workflow, by_name)
    names = {name: _names(by_name[name], sorted(wanted[name])) for name in by_name}

    def passed(step: Step, of: dict[str, str] | None) -> Step:
        """A call with what its callee reads; `of` are the names under which the caller has the parameters."""
        if not isinstance(step.call, Call) or step.call.name not in by_name:
            return step
        more = [Argument(name=name, value=_read(parameter, of)) for parameter, name in names[step.call.name].items()]
        handlers = tuple(replace(handler, step=passed(handler.step, of)) for handler in step.handlers)
        parameters = [argument for argument in step.arguments if argument.kind == "parameter"]
        artifacts = [argument for argument in step.arguments if argument.kind == "artifact"]
        return replace(step, arguments=(*parameters, *more, *artifacts), handlers=handlers)

    def closed(item: Graph | Operation) -> Graph | Operation:
        own = names[item.name]

        def change(node: Node) -> Node:
            if isinstance(node, Reference) and node.to == "parameter":
                return replace(node, to="input", name=own[node.name])
            return node

        ports = [Port(name=name) for name in own.values()]
        parameters = [port for port in item.inputs if port.kind == "parameter"]
        artifacts = [port for port in item.inputs if port.kind == "artifact"]
        item = replace(rebuild(item, change), inputs=(*parameters, *ports, *artifacts))
        if isinstance(item, Graph):
            item = replace(item, steps=tuple(passed(step, own) for step in item.steps))
        return item

    entry = workflow.entry and _given(passed(workflow.entry, None), workflow, by_name)
    return replace(
        workflow,
        entry=entry,
        handlers=tuple(replace(handler, step=passed(handler.step, None)) for handler in workflow.handlers),
        graphs=tuple(closed(graph) for graph in workflow.graphs),
        operations=tuple(closed(operation) for operation in workflow.operations),
    )


def _read(parameter: str, of: dict[str, str] | None) -> Reference:
    if of is None:
        return Reference(to="parameter", kind="parameter", name=parameter)
    return Reference(to="input", kind="parameter", name=of[parameter])


def _given(entry: Step, workflow: Workflow, by_name: dict[str, Graph | Operation]) -> Step:
    callee = by_name.get(getattr(entry.call, "name", ""))
    passed = {argument.name for argument in entry.arguments}
    own = {port.name for port in workflow.parameters}
    wanted = [port.name for port in callee.inputs if port.kind == "parameter"] if callee is not None else []
    more = [Argument(name=name, value=_read(name, None)) for name in wanted if name in own and name not in passed]
    return replace(entry, arguments=(*entry.arguments, *more))


def _wanted(workflow: Workflow, by_name: dict[str, Graph | Operation]) -> dict[str, set[str]]:
    """By callable, the parameters that are read in it, or in what it calls."""
    reads = {name: {item.name for item in references(node) if item.to == "parameter"} for name, node in by_name.items()}
    callers = {
        name: {site.graph.name for site in sites if site.graph} for name, sites in calls_by_callee(workflow).items()
    }
    pending = list(by_name)
    while pending:
        name = pending.pop()
        for caller in sorted(callers.get(name, ())):
            if not reads[name] <= reads[caller]:
                reads[caller] |= reads[name]
                pending.append(caller)
    return reads


def _names(item: Graph | Operation, parameters: list[str]) -> dict[str, str]:
    """The names of the new inputs by parameter."""
    names = {port.name for port in item.inputs}
    return {parameter: take_name(parameter, names) for parameter in parameters}


def of_targets(graph: Graph) -> Graph:
    """Return a graph with those steps only that its targets need."""
    names = [name for name in graph.targets if isinstance(name, str)]
    if not names or len(names) < len(graph.targets):
        return graph
    needs = {step.name: [need.step for need in needed(step.needs)] for step in graph.steps}
    wanted = mappings.reached(names, lambda name: needs.get(name, ()))
    return replace(graph, targets=(), steps=tuple(step for step in graph.steps if step.name in wanted))
