"""Hyperparameters that a step is handed from a parameter of its workflow."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.ir import (
    Call,
    External,
    Graph,
    Libraries,
    Literal,
    Port,
    Reference,
    Step,
    Value,
    Workflow,
    call_sites,
    references,
    replace,
    replace_callables,
)

__all__ = ["default_of", "parameter_of", "port_of_parameter", "readers", "with_default"]

EVERYTHING = "workflow"
"""The fact of a run that stands for all that is known of it, its parameters included."""


def parameter_of(workflow: Workflow, graph: Graph, value: Value | None) -> Reference | None:
    """The reference to a parameter of the workflow that a value in one of its graphs is; None where it is none.

    The inputs of the graph that a run starts with are filled by name from these, or are these.
    """
    if not isinstance(value, Reference) or value.path or not value.name:
        return None
    if value.to == "parameter" or (value.to == "input" and _begins(workflow, graph)):
        return value
    return None


def default_of(workflow: Workflow, name: str) -> Literal | None:
    """What a parameter is where a run does not say otherwise; None where there is no such thing."""
    literal = next((held for port in _ports(workflow, name) for _, held in _holding(port)), None)
    return literal if isinstance(literal, Literal) else None


def port_of_parameter(workflow: Workflow, name: str) -> Port:
    """How a parameter of the workflow that has a default is declared."""
    return next(_ports(workflow, name))


def with_default(workflow: Workflow, name: str, value: Literal) -> Workflow:
    """The workflow with another value for one of its parameters, where a run does not say otherwise."""
    kind, old = next((kind, held) for port in _ports(workflow, name) for kind, held in _holding(port))

    def changed(port: Port) -> Port:
        same = (port.name, port.kind) == (name, "parameter") and dict(_holding(port)).get(kind) == old
        return replace(port, **{kind: value}) if same else port

    new = replace(workflow, parameters=tuple(map(changed, workflow.parameters)))
    begins = [graph for graph in workflow.graphs if _begins(workflow, graph)]
    graphs = {graph.name: replace(graph, inputs=tuple(map(changed, graph.inputs))) for graph in begins}
    return replace_callables(new, graphs) if graphs else new


def readers(workflow: Workflow, libraries: Libraries, name: str, place: tuple[str, str]) -> list[str]:
    """Who else reads a parameter of the workflow than one argument of the step at `place`."""
    names = list(_readers(workflow, name))
    if (own := "/".join(place)) in names:
        names.remove(own)
    for site in call_sites(workflow):
        callee = libraries.callee(workflow, site.step) if isinstance(site.step.call, External) else None
        names += [f"what {site.step.name} calls" for _ in _reads(callee, name)]
    return list(dict.fromkeys(names))


def _readers(workflow: Workflow, name: str) -> Iterator[str]:
    for graph in workflow.graphs:
        begins = _begins(workflow, graph)
        for step in graph.steps:
            yield from (f"{graph.name}/{step.name}" for _ in _reads(step, name, begins=begins))
        yield from (graph.name for _ in _reads(replace(graph, steps=()), name, begins=begins))
    for operation in workflow.operations:
        yield from (operation.name for _ in _reads(operation, name))
    yield from (workflow.label for _ in _reads(replace(workflow, graphs=(), operations=()), name))


def _reads(part: object, name: str, *, begins: bool = False) -> Iterator[Reference]:
    for reference in references(part):
        own = reference.to == "parameter" or (begins and reference.to == "input")
        if (own and reference.name == name) or (reference.to == "run" and reference.name == EVERYTHING):
            yield reference


def _begins(workflow: Workflow, graph: Graph) -> bool:
    """Whether a run starts with a graph, and nothing else calls it."""
    called: list[Step] = [site.step for site in call_sites(workflow) if site.step.call == Call(name=graph.name)]
    if workflow.entry is None:
        return not called and len(workflow.graphs) == 1
    return called == [workflow.entry] and not workflow.entry.arguments


def _ports(workflow: Workflow, name: str) -> Iterator[Port]:
    """A parameter as the workflow declares it, and then as the graph that a run starts with does."""
    yield from (port for port in workflow.parameters if port.name == name)
    for graph in workflow.graphs:
        if _begins(workflow, graph):
            yield from (port for port in graph.inputs if port.name == name and port.kind == "parameter")


def _holding(port: Port) -> Iterator[tuple[str, Value]]:
    """What a port holds where nothing is passed, and as what: at most one."""
    if port.value is not None:
        yield "value", port.value
    elif port.default is not None:
        yield "default", port.default
