"""Graphs that call graphs: what reaches into them, and what they hand on."""

from __future__ import annotations

from typing import Any

from caching.toy import TOY, Toy, artifact, flow, rules, verdicts
from couler_plugins.ir import (
    Axis,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Output,
    Port,
    Reference,
    Step,
    replace,
)
from ir.small import given, graph, out, passing, step


def inner(*steps: Step, **more: Any) -> Graph:
    value = Reference(to="output", kind="artifact", step=steps[-1].name, name="o")
    outputs = (Output(name="o", kind="artifact", value=value),)
    return Graph(name="inner", steps=steps, outputs=outputs, **more)


EAT = step("b", "s", call="eat", arguments=(artifact("a", "s"),))


def test_a_graph_hands_its_lineage_on() -> None:
    outer = graph(step("s", call="inner"), EAT)
    assert rules(flow(outer, inner(step("t"))), TOY)["g/b"] == ""
    assert rules(flow(outer, inner(step("t", call="bad"))), TOY)["g/b"] == "unknown-producer"
    conditional = inner(replace(step("t"), condition=Literal(value="x")))
    assert rules(flow(outer, conditional), TOY)["g/b"] == "unknown-producer"
    assert rules(flow(outer, replace(inner(step("t")), memoized=Native.of({}))), TOY)["g/b"] == "unknown-producer"


def test_a_graph_that_is_cut_off_is_not_known_inside() -> None:
    """What the graph is handed cuts nothing off from the steps in it that do not read it."""
    sub = inner(step("u", call="use", arguments=passing(x=given("n"))), step("t"), inputs=(Port(name="n"),))
    call = step("s", "x", call="inner", arguments=passing(n=out("x")))
    found = rules(flow(graph(step("x", call="bad"), call, EAT), sub), TOY)
    assert found["inner/u"] == ""
    assert found["inner/t"] == "unknown-producer"
    assert found["g/b"] == "unknown-producer"


def test_names_inside_of_a_graph_change_no_lineage() -> None:
    outer = graph(step("s", call="inner"), EAT)
    one = verdicts(flow(outer, inner(step("t"))), TOY)["g/b"].lineages
    other = verdicts(flow(outer, inner(step("another"))), TOY)["g/b"].lineages
    assert one == other
    third = verdicts(flow(outer, inner(step("t", call="use", arguments=passing(x=Literal(value="1"))))), TOY)["g/b"]
    assert third.lineages != one


def test_what_a_graph_reads_of_the_run_is_handed_over() -> None:
    toy = Toy(reads={"op": ["p"]})
    found = verdicts(flow(graph(step("s", call="inner"), EAT), inner(step("t"))), toy)["g/b"]
    assert [value.name for value in found.lineages[1:] if isinstance(value, Reference)] == ["p"]


def test_several_callers() -> None:
    first, second = step("s", call="inner"), step("s2", call="inner")
    assert rules(flow(graph(first, second), inner(step("t"))), TOY)["inner/t"] == ""
    after = graph(step("x"), replace(first, needs=step("y", "x").needs), second)
    assert rules(flow(after, inner(step("t"))), TOY)["inner/t"] == "several-callers"
    poisoned = graph(step("x", call="bad"), replace(first, needs=step("y", "x").needs), second)
    assert rules(flow(poisoned, inner(step("t"))), TOY)["inner/t"] in ("unknown-producer", "several-callers")
    twice = graph(step("x"), *(replace(one, needs=step("y", "x").needs) for one in (first, second)))
    assert rules(flow(twice, inner(step("t"))), TOY)["inner/t"] == ""


def test_recursion_unreachable_handlers() -> None:
    again = graph(step("a"), replace(step("b", "a", call="g"), condition=Literal(value="x")))
    assert rules(flow(again), TOY)["g/a"] == "recursion"
    assert rules(flow(graph(step("a")), inner(step("t"))), TOY)["inner/t"] == "unreachable"
    handled = flow(graph(step("a")), inner(step("t")), handlers=(Handler(step=step("bye", call="inner")),))
    assert rules(handled, TOY)["inner/t"] == "handler"
    both = replace(handled, graphs=(graph(step("a"), step("s", call="inner")), *handled.graphs[1:]))
    assert rules(both, TOY)["inner/t"] == "handler"


def test_how_often_steps_run() -> None:
    def looped(one: Step, *items: int) -> Step:
        return replace(one, loop=Loop(axes=(Axis(name="item", values=Native.of([*items])),)))

    outer = graph(looped(step("s", call="inner"), 1, 2), step("s2", call="inner"))
    assert verdicts(flow(outer, inner(looped(step("t"), 1, 2, 3))), TOY)["inner/t"].entries == 9
    open_end = replace(step("s", call="inner"), loop=Loop(axes=(Axis(name="item", values=given("x")),)))
    assert verdicts(flow(graph(open_end), inner(step("t"))), TOY)["inner/t"].entries is None
