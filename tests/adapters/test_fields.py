"""Every typed field of the IR: what is set there is there again after lowering and lifting, or lowering refuses.

Values come from the rest of the corpus, and from the field's default. A field is set twice: in the workflow as it was
lifted (which is patched) and in one without an origin (which is generated).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec
import pytest

from adapters.comparing import differences
from adapters.subjects import Subject, each_subject, lift_file, regenerate
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Call,
    Container,
    Directive,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Node,
    Operation,
    Output,
    Port,
    Region,
    Retry,
    Step,
    Workflow,
    callables,
    nodes,
    without_origin,
)
from couler_plugins.ir.base import compared_fields
from couler_plugins.plan import Plan
from support import first_of, own_files

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
every_feature = pytest.mark.parametrize(
    ("node_type", "name"), [pytest.param(*feature, id=f"{feature[0].__name__}.{feature[1]}") for feature in FEATURES]
)
every_subject = pytest.mark.parametrize("subject", each_subject())


class Site(NamedTuple):
    """A node in a workflow of the corpus, and what kind of place that is (values move only between equal places)."""

    plan: Plan
    workflow: Workflow
    node: Node
    place: tuple[Any, ...]


@cache
def sites(subject: Subject, whole: bool) -> dict[type[Node], list[Site]]:
    """All nodes of the corpus, or of our own files in it alone, by type."""
    found: dict[type[Node], list[Site]] = {node_type: [] for node_type in CLASSES}
    for path in subject.files() if whole else own_files(subject.engine):
        plan = lift_file(subject, path)
        for workflow in plan.workflows:
            for node, place in _places(workflow, subject):
                if type(node) in found:
                    found[type(node)].append(Site(plan, workflow, node, place))
    return found


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
def values(subject: Subject, whole: bool, node_type: type[Node], name: str) -> dict[tuple[Any, ...], list[Any]]:
    """What the field holds elsewhere in the corpus, by place: each value once, the default among them."""
    found: dict[tuple[Any, ...], dict[Any, None]] = {}
    for site in sites(subject, whole)[node_type]:
        held = found.setdefault(site.place, {})
        held[getattr(site.node, name)] = None
    default = _defaults(node_type).get(name, ...)
    for held in found.values():
        if default is not ...:
            held[default] = None
    return {place: _spread(list(held), subject.tries[0]) for place, held in found.items()}


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


def cases(subject: Subject, whole: bool, node_type: type[Node], name: str) -> Iterator[tuple[Site, Any]]:
    """Sites and what to put there."""
    by_place = values(subject, whole, node_type, name)
    invented = (*INVENTED.get((node_type, name), ()), *subject.invented.get((node_type, name), ()))
    here = sites(subject, whole)[node_type]
    for place, held in by_place.items():
        own = _spread([site for site in here if site.place == place], subject.tries[1])
        for number, value in enumerate([*held, *invented]):
            for site in own[number % 3 :: 3] if len(own) > FEW else own:
                if getattr(site.node, name) != value:
                    yield site, value


def edits(subject: Subject, whole: bool, node_type: type[Node], name: str) -> Iterator[tuple[Site, Any, Workflow]]:
    """The same with the edited workflows, where the field can be set by itself."""
    for site, value in cases(subject, whole, node_type, name):
        try:
            edited = subject.consistent(site.workflow, site.node, name, value)
        except Unsupported:  # what is renamed is chosen at run time
            continue
        if edited is not None:
            yield site, value, edited


FEW = 9
"""Of so many places that are alike, each is tried."""
CACHE = Directive(kind="cache", options=(("config-map", "c"), ("key", "k"), ("max-age", "")))
INVENTED: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "namespace"): ("prod",),
    (Step, "retry"): (Retry(limit=Literal(value=2)),),
    (Step, "timeout"): (Literal(value="5m"),),
    (Step, "role"): ("setup",),
    (Step, "rest"): (Native.of({"x-new": [1]}),),
    (Step, "directives"): ((CACHE,),),
    (Operation, "directives"): ((CACHE,),),
    (Graph, "fail_fast"): (True, False),
    (Graph, "retry"): (Retry(limit=Literal(value=2)),),
    (Graph, "finalizers"): (("x",),),
    (Graph, "parallelism"): (Literal(value=3),),
    (Graph, "regions"): (Region(name="r", steps=()),),
    (Graph, "timeout"): (Literal(value="5m"),),
    (Graph, "locks"): (Native.of({"mutexes": [{"name": "m"}]}),),
    (Port, "optional"): (True,),
    (Port, "default"): (Literal(value="x"),),
    (Port, "path"): (Literal(value="/tmp/x"),),
    (Port, "origin"): (Native.of({"s3": {"key": "k"}}),),
    (Output, "default"): (Literal(value="x"),),
    (Output, "path"): (Literal(value="/tmp/x"),),
    (Container, "role"): ("init",),
    (Loop, "limit"): (Literal(value=2),),
    (Loop, "includes"): ((Native.of([1]),),),
    (Loop, "combine"): ("product", "zip"),
}


@every_subject
@every_feature
def test_the_table_names_every_field(subject: Subject, node_type: type[Node], name: str) -> None:
    assert f"{node_type.__name__}.{name}" in support_of(subject)


@every_subject
def test_the_table_names_nothing_twice_and_nothing_else(subject: Subject) -> None:
    named = [capability.feature for capability in subject.adapter.capabilities]
    assert sorted(named) == sorted(f"{node_type.__name__}.{name}" for node_type, name in FEATURES)


def support_of(subject: Subject) -> dict[str, str]:
    return {capability.feature: capability.support for capability in subject.adapter.capabilities}


@pytest.mark.parametrize("whole", first_of([False, True]), ids=["own corpus", "all"])
@every_subject
@every_feature
def test_what_is_set_is_there_again(subject: Subject, node_type: type[Node], name: str, whole: bool) -> None:
    support = support_of(subject)[f"{node_type.__name__}.{name}"]
    carried = tried = excuses = 0
    tries = list(edits(subject, whole, node_type, name))
    for site, value, edited in tries[:: 1 if whole else 4]:
        for generated in (False, True) if subject.generates else (False,):
            tried += 1
            try:
                again = patched(subject, site, edited) if not generated else regenerated(subject, edited)
            except Unsupported as error:
                excused = support != "full" or subject.excused(site.workflow, site.node, name, value)
                if not excused or not error.feature:
                    pytest.fail(f"{error!r} at {site.place} for {value!r} in {site.node!r}")
                excuses += 1
                continue
            if support == "refused":
                default = _defaults(node_type)[name]
                assert value == default, f"{value!r} got through at {site.place}"
            if support != "derived":
                found = list(differences(subject.closed(again), subject.closed(edited)))
                assert not found, (site.place, value, generated, found)
            carried += 1
    if support == "kept":
        assert not carried
    if support == "full":
        assert tried
        assert carried or excuses == tried
    if support == "refused" and sites(subject, whole)[node_type]:  # of some kinds of nodes an adapter never lifts one
        assert tried > carried


def patched(subject: Subject, site: Site, edited: Workflow) -> Workflow:
    """The workflow as it is lifted again from its own file, edited."""
    workflows = tuple(edited if workflow is site.workflow else workflow for workflow in site.plan.workflows)
    return subject.relifted(site.plan, workflows)[workflows.index(edited)]


def regenerated(subject: Subject, edited: Workflow) -> Workflow:
    ((_, again),) = regenerate(subject, [without_origin(edited)])
    return again
