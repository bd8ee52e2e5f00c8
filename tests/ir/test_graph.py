"""Views of one graph and of the whole call tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Axis,
    Edge,
    GraphView,
    Literal,
    Loop,
    Native,
    Reference,
    Region,
    Retry,
    callables,
    flatten,
    recursive,
    replace,
    replace_callables,
)
from ir.small import diamond, graph, graph_of, inline, operation, out, passing, step, workflow

if TYPE_CHECKING:
    from couler_plugins.ir import Workflow


def test_edges_are_needs_and_data() -> None:
    assert list(GraphView(graph_of(diamond())).edges()) == [
        Edge("a", "b", "order"),
        Edge("a", "b", "data"),
        Edge("a", "c", "order"),
        Edge("b", "d", "order"),
        Edge("c", "d", "order"),
        Edge("b", "d", "data"),
    ]


def test_what_an_operation_inside_a_step_reads_is_an_edge() -> None:
    whole = workflow(graph(step("a"), step("b", call="in")), operations=(operation(), inline("in", out("a"))))
    assert list(GraphView(graph_of(whole), callables(whole)).edges()) == [Edge("a", "b", "data")]
    assert list(GraphView(graph_of(whole)).edges()) == []


def test_relatives() -> None:
    view = GraphView(graph_of(diamond()))
    assert view.predecessors("d") == ["b", "c"]
    assert view.successors("a") == ["b", "c"]
    assert view.ancestors("d") == {"a", "b", "c"}
    assert view.descendants("a") == {"b", "c", "d"}
    assert view.cycle() == []


def test_among_free_steps_the_order_is_that_of_the_source() -> None:
    free = graph(step("z"), step("y"), step("x", "w"), step("w"))
    assert GraphView(free).order() == ["z", "y", "w", "x"]


def test_barriers_count_for_the_order_though_they_are_no_edges() -> None:
    staged = graph(step("z"), step("y"), step("x"), stages=(("x",), ("y",), ("z",)))
    assert GraphView(staged).order() == ["x", "y", "z"]
    assert list(GraphView(staged).edges()) == []
    assert GraphView(graph(step("end"), step("a"), step("b", "a"), finalizers=("end",))).order() == ["a", "b", "end"]


def test_a_cycle_has_no_order() -> None:
    around = graph(step("a", "c"), step("b", "a"), step("c", "b"))
    with pytest.raises(ValueError, match=r"'g' has a cycle: .* → "):
        GraphView(around).order()
    assert sorted(GraphView(around).cycle()) == ["a", "b", "c"]


def test_wide_barriers_cost_no_edge_per_pair() -> None:
    """Two groups of 3,000: nine million pairs, and not one edge."""
    names = [f"s{number}" for number in range(6_000)]
    staged = graph(*map(step, names), stages=(tuple(names[:3_000]), tuple(names[3_000:])))
    assert list(GraphView(staged).edges()) == []
    assert GraphView(staged).order() == names
    flat = flatten(workflow(staged))
    assert flat.num_nodes() < 6_010
    assert flat.num_edges() < 12_010


def nested() -> Workflow:
    return workflow(
        graph(step("a"), step("inner", "a", call="h"), step("z", "inner")),
        graph(step("b"), step("c", "b", call="use", arguments=passing(x=out("b"))), name="h"),
    )


def test_a_flat_workflow_has_every_run_of_every_operation() -> None:
    flat = flatten(nested())
    runs = {"/".join(node.place) for node in flat.nodes() if node.step}
    assert runs == {"entry/a", "entry/inner/b", "entry/inner/c", "entry/z"}
    assert all(node.operation for node in flat.nodes() if node.step)


def test_composites_are_barriers() -> None:
    flat = flatten(nested())
    names = ["/".join(node.place) for node in flat.nodes()]
    edges = {(names[source], names[target]) for source, target in flat.edge_list()}
    assert ("entry/a", "entry/inner/start") in edges
    assert ("entry/inner/start", "entry/inner/b") in edges
    assert ("entry/inner/end", "entry/z") in edges
    assert len(edges) == flat.num_edges(), "an edge is there twice"


def test_a_shared_graph_is_entered_once_for_each_call() -> None:
    twice = workflow(graph(step("one", call="h"), step("two", call="h")), graph(step("b"), name="h"))
    assert sum(node.step is not None for node in flatten(twice).nodes()) == 2


def test_an_empty_stage_and_an_empty_graph_are_passed_through() -> None:
    empty = workflow(graph(step("a"), stages=((), ("a",))), graph(name="h"))
    assert sum(node.step is not None for node in flatten(empty).nodes()) == 1
    assert flatten(workflow(graph())).num_edges() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"loop": Loop(axes=(Axis(name="i", values=Native.of([1])),))}, "runs in a loop"),
        ({"condition": Literal(value=True)}, "runs on a condition"),
        ({"retry": Retry(limit=Literal(value=1))}, "is retried as a whole"),
    ],
)
def test_what_a_composite_does_as_a_whole_is_not_flattened(change: dict[str, Any], reason: str) -> None:
    whole = workflow(graph(step("inner", call="h", **change)), graph(step("b"), name="h"))
    with pytest.raises(Unsupported, match=reason):
        flatten(whole)


def test_what_else_is_not_flattened() -> None:
    inner = graph(step("b"), name="h")
    outer = workflow(graph(step("inner", call="h")), inner)

    def refused(reason: str, whole: Workflow) -> None:
        with pytest.raises(Unsupported, match=reason):
            flatten(whole)

    loop = Region(name="r", steps=("b",), loop=Loop(axes=(Axis(name="i", values=Native.of([1])),)))
    refused("run after all others", replace_callables(outer, {"h": replace(inner, finalizers=("b",))}))
    refused("in a loop together", replace_callables(outer, {"h": replace(inner, regions=(loop,))}))
    refused("retried as a whole", replace_callables(outer, {"h": replace(inner, retry=Retry())}))
    refused("calls itself", workflow(graph(step("again", call="g"))))
    refused("is a library", replace(outer, entry=None))


def test_recursion_is_found_through_several_graphs() -> None:
    condition = Reference(to="status", step="a", name="status")
    whole = workflow(
        graph(step("a"), step("b", call="h", condition=condition)),
        graph(step("c", call="g"), name="h"),
        graph(step("d", call="self", condition=condition), name="self"),
        graph(step("e", call="g"), name="outside"),
    )
    assert recursive(whole) == {"g", "h", "self"}
    assert recursive(nested()) == frozenset()
