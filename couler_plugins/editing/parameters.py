"""What comes and goes with steps: what they run, and the parameters that only they read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    references,
    remove_callables,
    replace,
    replace_callables,
)


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


def without_unread(workflow: Workflow, before: Workflow, step: Step) -> Workflow:
    """Return a workflow without the parameters that a run has to be given, and that only a step has read.

    Args:
        workflow: the workflow without the step.
        before: the workflow with it.
        step: the step.
    """
    read = {item.name for item in references(step) if item.to in ("parameter", "input")}
    ports = [port for port in before.parameters if port.name in read and port.required]
    still = {item.name for item in references(workflow) if item.to in ("parameter", "input")}
    gone = {port.name for port in ports if port.name not in still}
    if not gone or workflow.library:
        return workflow
    kept = replace(workflow, parameters=_others(workflow.parameters, gone))
    entry = kept.entry.call if kept.entry is not None else None
    root = callables(kept).get(entry.name) if isinstance(entry, Call) else None
    if not isinstance(root, Graph) or not any(port.name in gone for port in root.inputs):
        return kept
    return replace_callables(kept, {root.name: replace(root, inputs=_others(root.inputs, gone))})


def _others(ports: tuple[Port, ...], names: set[str]) -> tuple[Port, ...]:
    return tuple(port for port in ports if port.name not in names)


def _calls(step: Step, names: Iterable[str]) -> bool:
    return isinstance(step.call, Call) and step.call.name in names


def _passing(step: Step, arguments: tuple[Argument, ...]) -> Step:
    own = {item.name for item in step.arguments}
    new = [*step.arguments, *(item for item in arguments if item.name not in own)]
    return replace(step, arguments=tuple(sorted(new, key=lambda item: item.kind == "artifact")))
