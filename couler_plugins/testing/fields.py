"""Every typed field of the IR: what is set there is there again after lowering and lifting, or lowering refuses.

Values come from the rest of the documents, and from the field's default. A field is set twice: in the workflow as it
was lifted (which is patched) and in one without an origin (which is generated).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Graph,
    Handler,
    Loop,
    Node,
    Operation,
    Output,
    Port,
    Retry,
    Step,
    Workflow,
    callables,
    compared_fields,
    nodes,
    without_origin,
)
from couler_plugins.plan import Plan
from couler_plugins.testing.comparing import differences
from couler_plugins.testing.invented import INVENTED, REFUSABLE
from couler_plugins.testing.subject import Subject, lift_file, regenerate

__all__ = ["FEATURES", "carries_what_is_set"]

Files = tuple[Path, ...]

CLASSES: tuple[type[Node], ...] = (
    Workflow,
    Graph,
    Operation,
    Step,
    Container,
    Port,
    Output,
    Argument,
    Retry,
    Loop,
    Handler,
)
FEATURES = [(node_type, name) for node_type in CLASSES for name in compared_fields(node_type)]


class Site(NamedTuple):
    """A node in a workflow of the documents, and what kind of place that is (values move only between equal places)."""

    plan: Plan
    workflow: Workflow
    node: Node
    place: tuple[Any, ...]


@cache
def sites(subject: Subject, files: Files) -> dict[type[Node], list[Site]]:
    """Return all nodes of some files, by type."""
    sites_by_type: dict[type[Node], list[Site]] = {node_type: [] for node_type in CLASSES}
    for path in files:
        plan = lift_file(subject, path)
        for workflow in plan.workflows:
            for node, place in _places(workflow, subject):
                if type(node) in sites_by_type:
                    sites_by_type[type(node)].append(Site(plan, workflow, node, place))
    return sites_by_type


def _places(workflow: Workflow, subject: Subject) -> Iterator[tuple[Node, tuple[Any, ...]]]:
    """Every node, with what the values of its fields depend on."""
    inline = {name for name, item in callables(workflow).items() if item.inline and not subject.edits_inline}
    for graph in workflow.graphs:
        staged = graph.stages is not None
        for step in graph.steps:
            if not (isinstance(step.call, Call) and step.call.name in inline):
                yield step, ("step", staged, step.role)
                if step.retry is not None:
                    yield step.retry, ("retry of a step",)
            for inner in nodes((step.arguments, step.loop)):
                yield inner, ("in step", getattr(inner, "kind", None), staged, _shape(inner))
            for handler in step.handlers:
                yield handler, ("handler", bool(handler.step.name))
                yield handler.step, ("handler's step", bool(handler.step.name))
        yield from _ports(graph)
        yield graph, ("graph", staged, graph.inline)
    for operation in workflow.operations:
        yield from _ports(operation)
        yield operation, ("operation", operation.kind, operation.inline)
        for container in operation.containers:
            yield container, ("container", container.role, container.script is None, len(operation.containers))
    for handler in workflow.handlers:
        yield handler, ("workflow's handler", bool(handler.step.name))
        yield handler.step, ("workflow's handler's step", bool(handler.step.name))
    if workflow.entry:
        yield workflow.entry, ("entry",)
    for port in workflow.parameters:
        yield port, ("parameter of the workflow", port.kind)
    yield workflow, ("workflow", workflow.kind)


def _ports(item: Graph | Operation) -> Iterator[tuple[Node, tuple[Any, ...]]]:
    if item.retry is not None:
        yield item.retry, ("retry",)
    ports: tuple[Port | Output, ...] = (*item.inputs, *item.outputs)
    for port in ports:
        yield port, ("port", port.kind, type(item), item.stages is None if isinstance(item, Graph) else None)


def _shape(node: Node) -> Any:
    return type(node.axes[0].values) if isinstance(node, Loop) and node.axes else None


@cache
def values(subject: Subject, files: Files, node_type: type[Node], name: str) -> dict[tuple[Any, ...], list[Any]]:
    """What the field holds elsewhere in the documents, by place: each value once, the default among them."""
    by_place: dict[tuple[Any, ...], dict[Any, None]] = {}
    for site in sites(subject, files)[node_type]:
        values_here = by_place.setdefault(site.place, {})
        values_here[getattr(site.node, name)] = None
    default = _defaults(node_type).get(name, ...)
    for values_here in by_place.values():
        if default is not ...:
            values_here[default] = None
    return {place: _spread(list(held), subject.tries[0]) for place, held in by_place.items()}


def _defaults(node_type: type[Node]) -> dict[str, Any]:
    return {
        field.name: field.default
        for field in msgspec.structs.fields(node_type)
        if field.default is not msgspec.NODEFAULT
    }


def _spread(items: list[Any], number: int) -> list[Any]:
    """Some of the items, from all over."""
    step = max(1, len(items) // number)
    return items[::step][:number]


def cases(subject: Subject, files: Files, node_type: type[Node], name: str) -> Iterator[tuple[Site, Any]]:
    """Sites and what to put there."""
    by_place = values(subject, files, node_type, name)
    tables = (INVENTED, subject.invented, REFUSABLE if subject.refuses(node_type, name) else {})
    invented = [value for table in tables for value in table.get((node_type, name), ())]
    here = sites(subject, files)[node_type]
    for place, values_here in by_place.items():
        own = _spread([site for site in here if site.place == place], subject.tries[1])
        for number, value in enumerate([*values_here, *invented]):
            for site in own[number % 3 :: 3] if len(own) > FEW else own:
                if getattr(site.node, name) != value:
                    yield site, value


def edits(subject: Subject, files: Files, node_type: type[Node], name: str) -> Iterator[tuple[Site, Any, Workflow]]:
    """The same with the edited workflows, where the field can be set by itself."""
    for site, value in cases(subject, files, node_type, name):
        try:
            edited = subject.with_field(site.workflow, site.node, name, value)
        except Unsupported:  # what is renamed is chosen at run time
            continue
        if edited is not None:
            yield site, value, edited


FEW = 9
"""Of so many places that are alike, each is tried."""


def carries_what_is_set(
    subject: Subject, node_type: type[Node], name: str, files: Files | None = None, every: int = 1
) -> None:
    """Laws 1 and 3: the table of capabilities says what becomes of a field that is set.

    A field that the table does not name counts as refused.

    Args:
        subject: what is under test.
        node_type: the type of the nodes.
        name: the name of the field.
        files: the documents; all of the subject unless given.
        every: only each so many-th case is tried.
    """
    chosen = tuple(subject.files()) if files is None else files
    support = subject.support().get(f"{node_type.__name__}.{name}", "refused")
    carried = tried = excuses = 0
    for site, value, edited in list(edits(subject, chosen, node_type, name))[::every]:
        for generated in (False, True) if subject.generates else (False,):
            tried += 1
            try:
                again = regenerated(subject, edited) if generated else patched(subject, site, edited)
            except Unsupported as error:
                excused = support != "full" or subject.excuses(site.workflow, site.node, name, value)
                where = f"{error!r} at {site.place} for {value!r} in {site.node!r}"
                assert excused, where
                assert error.feature, where  # noqa: PT017  # this has to run without pytest
                excuses += 1
                continue
            if support == "refused":
                default = _defaults(node_type)[name]
                assert value == default, f"{value!r} got through at {site.place}"
            if support != "derived":
                differing = list(differences(subject.essence(again), subject.essence(edited)))
                assert not differing, (site.place, value, generated, differing)
            carried += 1
    if support == "kept":
        assert not carried
    if support == "full":
        assert tried, "no document shows it, or it cannot be set by itself anywhere"
        assert carried or (subject.excused is not None and excuses == tried)
    if support == "refused" and sites(subject, chosen)[node_type]:  # of some types an adapter never lifts a node
        assert tried > carried


def patched(subject: Subject, site: Site, edited: Workflow) -> Workflow:
    """The workflow as it is lifted again from its own file, edited."""
    workflows = tuple(edited if workflow is site.workflow else workflow for workflow in site.plan.workflows)
    return subject.relifted(site.plan, workflows)[workflows.index(edited)]


def regenerated(subject: Subject, edited: Workflow) -> Workflow:
    ((_, again),) = regenerate(subject, [without_origin(edited)])
    return again
