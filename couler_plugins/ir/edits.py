"""Structural edits, once for all engines: batches of replacements, calls that go elsewhere, and private copies.

Each returns a new workflow; none changes a name that others refer to (see `ir.renames`).
"""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeVar

from couler_plugins.errors import Unsupported
from couler_plugins.ir.values import replace
from couler_plugins.ir.walk import CallSite, call_sites, callables, inline_callees
from couler_plugins.ir.workflow import Call, Callable, Directive, Graph, Handler, Operation, Step, Workflow

C = TypeVar("C", bound=Callable)
CallableOnStep = Function[[Step], Step]


def fresh_name(wanted: str, names: Collection[str]) -> str:
    """`wanted`, or `wanted-2`, `wanted-3`, … : the first that is not taken."""
    name, number = wanted, 1
    while name in names:
        number += 1
        name = f"{wanted}-{number}"
    return name


def take_name(wanted: str, names: set[str]) -> str:
    """The first such name that is not taken, which is taken from now on."""
    name = fresh_name(wanted, names)
    names.add(name)
    return name


def replace_callables(
    workflow: Workflow, changed: Mapping[str, Graph | Operation], added: Iterable[Graph | Operation] = ()
) -> Workflow:
    """`workflow` with graphs and operations replaced (by their old name) and others added behind them."""
    old: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
    new = [changed.get(item.name, item) for item in old] + list(added)

    def only(kind: type[C]) -> tuple[C, ...]:
        return tuple(item for item in new if isinstance(item, kind))

    return replace(workflow, graphs=only(Graph), operations=only(Operation))


def remove_callables(workflow: Workflow, names: Collection[str]) -> Workflow:
    """`workflow` without the graphs and operations of these names; nothing may call them any more."""
    return replace(
        workflow,
        graphs=tuple(graph for graph in workflow.graphs if graph.name not in names),
        operations=tuple(operation for operation in workflow.operations if operation.name not in names),
    )


def map_steps(workflow: Workflow, change: CallableOnStep) -> Workflow:
    """`workflow` with every call site (entry, steps, handlers) replaced by what `change` makes of it."""
    return map_call_sites(workflow, lambda site: change(site.step))


def map_call_sites(workflow: Workflow, change: Function[[CallSite], Step]) -> Workflow:
    """`workflow` with every call site replaced, as by `map_steps`; `change` is also given the graph that has it."""

    def changed_handler(handler: Handler, graph: Graph | None) -> Handler:
        step = changed(handler.step, graph)
        return handler if step is handler.step else replace(handler, step=step)

    def changed(step: Step, graph: Graph | None) -> Step:
        handlers = tuple(changed_handler(handler, graph) for handler in step.handlers)
        same = all(new is old for new, old in zip(handlers, step.handlers, strict=True))
        return change(CallSite(graph, step if same else replace(step, handlers=handlers)))

    def changed_graph(graph: Graph) -> Graph:
        steps = tuple(changed(step, graph) for step in graph.steps)
        same = all(new is old for new, old in zip(steps, graph.steps, strict=True))
        return graph if same else replace(graph, steps=steps)

    return replace(
        workflow,
        entry=workflow.entry and changed(workflow.entry, None),
        handlers=tuple(changed_handler(handler, None) for handler in workflow.handlers),
        graphs=tuple(changed_graph(graph) for graph in workflow.graphs),
    )


def replace_steps(workflow: Workflow, changed: Mapping[tuple[str, str], Step]) -> Workflow:
    """`workflow` with steps replaced, in one batch; keys are (graph, step). Names must stay (see `rename_steps`)."""
    unknown = changed.keys() - {(graph.name, step.name) for graph in workflow.graphs for step in graph.steps}
    if unknown:
        raise ValueError(f"there is no step {'/'.join(min(unknown))!r}")
    by_graph: dict[str, dict[str, Step]] = {}
    for (graph_name, step_name), step in changed.items():
        if step.name != step_name:
            raise ValueError(f"step {step_name!r} would become {step.name!r}: use rename_steps for that")
        by_graph.setdefault(graph_name, {})[step_name] = step
    graphs = {
        graph.name: replace(graph, steps=tuple(by_graph[graph.name].get(step.name, step) for step in graph.steps))
        for graph in workflow.graphs
        if graph.name in by_graph
    }
    return replace_callables(workflow, graphs)


def with_directive(step: Step, directive: Directive) -> Step:
    """`step` with the directive added, in place of one of the same kind."""
    others = [item for item in step.directives if item.kind != directive.kind]
    return replace(step, directives=tuple(sorted([*others, directive], key=lambda item: item.kind)))


def redirect_calls(workflow: Workflow, targets: Mapping[str, str]) -> Workflow:
    """`workflow` with calls of the keys turned into calls of the values; nothing is removed."""

    def changed(step: Step) -> Step:
        call = step.call
        return (
            replace(step, call=Call(name=targets[call.name]))
            if isinstance(call, Call) and call.name in targets
            else step
        )

    return map_steps(workflow, changed)


R = TypeVar("R", bound=Hashable)
Template = Graph | Operation


def carry_out(
    workflow: Workflow,
    request: Function[[Step], R],
    apply: Function[[Template, R], Template],
    *,
    suffix: Function[[R], str],
    bare: Function[[Step], Step],
    own: Function[[Template], R | None] = lambda item: None,
    feature: str = "Step.call",
) -> tuple[Workflow, dict[tuple[str, R], str]]:
    """Return `workflow` with every request of a call site carried out in what it calls.

    A callee's own request, and that of the first of its call sites if all have some, is carried out in the callee
    itself. For others, and where other workflows can call the callee, a call site gets a private copy of it.

    Args:
        workflow: the workflow.
        request: what a call site asks for; something false where it asks for nothing.
        apply: the callee, under the name that it is to have, with a request carried out.
        suffix: what the name of a copy ends with.
        bare: a call site without its request.
        own: what a callee asks for itself, for the call sites that ask for nothing.
        feature: what errors call it.

    Returns:
        The workflow, and the name of the callee that carries each request out, by the callee's old name and request.

    Raises:
        Unsupported: what a call site calls is in another workflow, or cannot be copied.
    """
    requests: dict[str, dict[R, None]] = {}
    for _, step in call_sites(workflow):
        settings = request(step)
        if isinstance(step.call, Call):
            requests.setdefault(step.call.name, {})[settings] = None
        elif settings:
            raise _refusal(workflow, step.name, "what it calls is in another workflow", feature)
    by_name = callables(workflow)
    names = set(by_name)
    changed: dict[str, Template] = {}
    added: list[Template] = []
    places: dict[tuple[str, R], str] = {}
    for name, item in by_name.items():
        wanted = requests.get(name, {})
        first = own(item)
        if not first and wanted and all(wanted) and (item.inline or not workflow.library):
            first = next(iter(wanted))
        if first:
            changed[name] = apply(item, first)
            places[name, first] = name
        for settings in wanted:
            if not settings or settings == first:
                continue
            if any(inline_callees(step, by_name) for step in getattr(item, "steps", ())):
                reason = "a private copy is needed, but something in it is written inline"
                raise _refusal(workflow, name, reason, feature)
            copy = places[name, settings] = take_name(f"{name}-{suffix(settings)}", names)
            added.append(apply(replace(item, name=copy), settings))
    if not places:
        return workflow, {}

    def redirected(step: Step) -> Step:
        wanted = request(step)
        if not wanted or not isinstance(step.call, Call):
            return step
        place = places.get((step.call.name, wanted), step.call.name)
        return replace(bare(step), call=step.call if place == step.call.name else Call(name=place))

    return map_steps(replace_callables(workflow, changed, added), redirected), places


def _refusal(workflow: Workflow, name: str, reason: str, feature: str) -> Unsupported:
    step, hint = f"{workflow.label}: {name}", "leave this call as it is"
    return Unsupported(f"{name!r}: {reason}", engine=workflow.engine, step=step, feature=feature, hint=hint)
