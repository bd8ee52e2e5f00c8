"""Parameters of a workflow, passed down to whatever reads them: not every engine lets a container read them itself."""

from __future__ import annotations

from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Node,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    rebuild,
    references,
    replace,
)

__all__ = ["with_parameters_passed"]


def with_parameters_passed(workflow: Workflow) -> Workflow:
    """The workflow with an input for each parameter that a graph or an operation reads, itself or below it.

    The entry also takes those parameters that have the names of inputs for which it is given nothing.
    """
    by_name = callables(workflow)
    wanted = _wanted(by_name)
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


def _wanted(by_name: dict[str, Graph | Operation]) -> dict[str, set[str]]:
    """By callable, the parameters that are read in it, or in what it calls."""
    reads = {name: {item.name for item in references(node) if item.to == "parameter"} for name, node in by_name.items()}
    callers: dict[str, set[str]] = {}
    for name, item in by_name.items():
        for step in item.steps if isinstance(item, Graph) else ():
            for called in (step, *(handler.step for handler in step.handlers)):
                callers.setdefault(getattr(called.call, "name", ""), set()).add(name)
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
    renamed: dict[str, str] = {}
    for parameter in parameters:
        renamed[parameter] = fresh_name(parameter, names)
        names.add(renamed[parameter])
    return renamed
