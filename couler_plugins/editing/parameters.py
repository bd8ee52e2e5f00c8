"""What comes and goes with steps: what they run, and the parameters that only they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Port,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    inline_callees,
    map_steps,
    references,
    remove_callables,
    replace,
    replace_callables,
)
from couler_plugins.ir.walk import CallSite


def with_parameters(workflow: Workflow, graph: str, ports: Sequence[Port], *, of_workflow: bool) -> Workflow:
    """Return a workflow in which a graph sees some parameters, each handed down from graph to graph.

    Args:
        workflow: the workflow.
        graph: the name of the graph.
        ports: the parameters.
        of_workflow: whether the engine has parameters of workflows that all graphs see.
    """
    own = {port.name for port in workflow.parameters}
    more = tuple(port for port in ports if port.name not in own)
    if of_workflow:
        return replace(workflow, parameters=(*workflow.parameters, *more)) if more else workflow
    around: list[str] = []
    pending = [graph] if ports else []
    while pending:
        name = pending.pop()
        if name not in around:
            around.append(name)
            pending += [site.graph.name for site in call_sites(workflow) if site.graph and _calls(site.step, [name])]
    by_name = callables(workflow)
    passed = tuple(
        Argument(name=port.name, kind=port.kind, value=Reference(to="input", kind=port.kind, name=port.name))
        for port in ports
    )
    changed = {}
    for name in around:
        item = by_name[name]
        assert isinstance(item, Graph)
        steps = tuple(_passing(step, passed) if _calls(step, around) else step for step in item.steps)
        seen = {port.name for port in item.inputs}
        inputs = (*item.inputs, *(port for port in ports if port.name not in seen))
        changed[name] = replace(item, steps=steps, inputs=inputs)
    new = replace_callables(workflow, changed) if changed else workflow
    is_run = workflow.entry is not None and _calls(workflow.entry, around)
    return replace(new, parameters=(*new.parameters, *more)) if more and is_run else new


def without_uncalled(workflow: Workflow, before: Workflow) -> Workflow:
    """Return a workflow without what only something that is gone has called; others may call what a library has."""
    while True:
        called = {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
        once = {site.step.call.name for site in call_sites(before) if isinstance(site.step.call, Call)}
        items = callables(workflow).values()
        gone = {item.name for item in items if item.name in once - called and (item.inline or not workflow.library)}
        if not gone:
            return workflow
        workflow = remove_callables(workflow, gone)


def without_unread(workflow: Workflow, graph: str, step: Step) -> Workflow:
    """Return a workflow without the parameters that have to be passed and that only a step has read.

    An input of a graph goes where all its callers pass an input of the same name; others may pass more to a library.

    Args:
        workflow: the workflow without the step.
        graph: the graph that had it.
        step: the step.
    """
    names = {item.name for item in references(step) if item.to in ("parameter", "input")}
    pending = [graph]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        item = callables(workflow).get(name)
        if name in seen or not isinstance(item, Graph):
            continue
        seen.add(name)
        around = [site for site in call_sites(workflow) if _calls(site.step, [name])]
        read = {reference.name for reference in references(_inside(item, workflow)) if reference.to == "input"}
        gone = {port.name for port in item.inputs if port.name in names - read and port.required}
        gone = {name for name in gone if all(_hands_down(site, name) for site in around)}
        if workflow.library and not any(site.graph for site in around):
            gone = set()
        if gone:
            workflow = replace_callables(workflow, {name: replace(item, inputs=_others(item.inputs, gone))})
            workflow = map_steps(workflow, partial(_without_arguments, callee=name, names=gone))
            pending += [site.graph.name for site in around if site.graph is not None]
    still = {item.name for item in references(workflow) if item.to == "parameter"}
    still |= {port.name for item in workflow.graphs if not item.inline for port in item.inputs}
    own = {port.name for port in workflow.parameters if port.name in names - still and port.required}
    if not own or workflow.library:
        return workflow
    return replace(workflow, parameters=_others(workflow.parameters, own))


def _inside(graph: Graph, workflow: Workflow) -> tuple[object, ...]:
    """A graph with all that is written inside it."""
    by_name = callables(workflow)
    return (graph, *(callee for step in graph.steps for callee in inline_callees(step, by_name)))


def _hands_down(site: CallSite, name: str) -> bool:
    """Whether a call passes the input of this name that its own graph has; a run has it as a parameter."""
    passed = next((item.value for item in site.step.arguments if item.name == name), None)
    if site.graph is None:
        return passed is None
    return isinstance(passed, Reference) and passed.to == "input" and passed.name == name


def _without_arguments(step: Step, callee: str, names: set[str]) -> Step:
    if not _calls(step, [callee]):
        return step
    kept = tuple(item for item in step.arguments if item.name not in names)
    return step if len(kept) == len(step.arguments) else replace(step, arguments=kept)


def _others(ports: tuple[Port, ...], names: set[str]) -> tuple[Port, ...]:
    return tuple(port for port in ports if port.name not in names)


def _calls(step: Step, names: Iterable[str]) -> bool:
    return isinstance(step.call, Call) and step.call.name in names


def _passing(step: Step, arguments: tuple[Argument, ...]) -> Step:
    own = {item.name for item in step.arguments}
    new = [*step.arguments, *(item for item in arguments if item.name not in own)]
    return replace(step, arguments=tuple(sorted(new, key=lambda item: item.kind == "artifact")))
