"""A workflow that is whole has no problems, and each way of breaking one is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from couler_plugins.ir import (
    Axis,
    Call,
    Container,
    Graph,
    Handler,
    Literal,
    Loop,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Region,
    Step,
    Workflow,
    replace,
    replace_callables,
    verify,
)
from ir.small import diamond, given, graph, graph_of, inline, operation, out, passing, step, workflow

if TYPE_CHECKING:
    from collections.abc import Callable


def with_step(name: str, /, **changes: object) -> Callable[[Graph], Graph]:
    def changed(g: Graph) -> Graph:
        return replace(g, steps=tuple(replace(s, **changes) if s.name == name else s for s in g.steps))

    return changed


BROKEN: dict[str, tuple[Callable[[Graph], Graph], str, str]] = {
    "two steps of one name": (with_step("c", name="b"), "g", "has two steps 'b'"),
    "needs an unknown step": (with_step("d", needs=Need(step="z")), "g/d", "needs 'z', which 'g' does not have"),
    "reads an unknown step": (with_step("b", arguments=passing(x=out("z"))), "g/b", "refers to a step 'z'"),
    "reads an unknown output": (with_step("b", arguments=passing(x=out("a", "q"))), "g/b", "an output 'q' of 'a'"),
    "reads an output of another kind": (
        with_step("c", condition=replace(out("a"), kind="artifact")),
        "g/c",
        "refers to an output 'y' of 'a'",
    ),
    "reads an unknown input": (with_step("b", arguments=passing(x=given("q"))), "g/b", "refers to an input 'q'"),
    "passes too little": (with_step("b", arguments=()), "g/b", "does not pass the parameter 'x' of 'use'"),
    "passes another kind": (
        with_step("b", arguments=(replace(passing(x=out("a"))[0], kind="artifact"),)),
        "g/b",
        "does not pass the parameter 'x' of 'use'",
    ),
    "calls what is not there": (with_step("c", call=Call(name="gone")), "g/c", "calls 'gone', which w does not have"),
    "a cycle of needs": (with_step("a", needs=Need(step="d")), "g", "has a cycle: "),
    "a cycle of data": (with_step("a", condition=out("d")), "g", "has a cycle: "),
    "a step that waits for itself": (with_step("a", needs=Need(step="a")), "g", "has a cycle: a → a"),
    "an unknown target": (lambda g: replace(g, targets=("z",)), "g", "names a step 'z'"),
    "an unknown finalizer": (lambda g: replace(g, finalizers=("z",)), "g", "names a step 'z'"),
    "a region with an unknown step": (
        lambda g: replace(g, regions=(Region(name="r", steps=("z",)),)),
        "g",
        "names a step 'z'",
    ),
    "a region that loops over what is not there": (
        lambda g: replace(
            g, regions=(Region(name="r", steps=("b",), loop=Loop(axes=(Axis(name="i", values=out("z")),))),)
        ),
        "g",
        "refers to a step 'z'",
    ),
    "an output of an unknown step": (
        lambda g: replace(g, outputs=(Output(name="o", value=out("z")),)),
        "g",
        "refers to a step 'z'",
    ),
    "a step in no stage": (lambda g: replace(g, stages=(("a",), ("b", "c"))), "g", "each of its steps in one stage"),
    "a step in two stages": (
        lambda g: replace(g, stages=(("a",), ("b", "c"), ("d", "a"))),
        "g",
        "each of its steps in one stage",
    ),
    "a step that reads from its own stage": (
        lambda g: replace(g, stages=(("a", "b"), ("c",), ("d",))),
        "g/b",
        "waits for 'a', which does not start before it ends",
    ),
    "a step that waits for a later stage": (
        lambda g: replace(g, stages=(("d",), ("a",), ("b", "c"))),
        "g/d",
        "waits for 'b', which does not start before it ends",
    ),
    "a step that waits for a finalizer": (
        lambda g: replace(g, finalizers=("b",)),
        "g/d",
        "waits for 'b', which does not start before it ends",
    ),
    "an exit handler that calls what is not there": (
        with_step("b", handlers=(Handler(step=Step(name="h", call=Call(name="gone"))),)),
        "g/h",
        "calls 'gone'",
    ),
}


def test_a_whole_workflow_has_no_problems() -> None:
    assert verify(diamond()) == []
    assert verify(diamond(stages=(("a",), ("b", "c"), ("d",)))) == []
    assert verify(diamond(finalizers=("d",))) == []
    assert verify(diamond(targets=("d", Reference(to="run", name="x")))) == []


@pytest.mark.parametrize("way", BROKEN)
def test_each_way_of_breaking_a_graph_is_found(way: str) -> None:
    change, subject, message = BROKEN[way]
    whole = diamond()
    found = verify(replace_callables(whole, {"g": change(graph_of(whole))}))
    assert any(problem.subject == subject and message in problem.message for problem in found), found
    assert all(problem.hint for problem in found)


def in_workflow(way: str) -> Workflow:
    match way:
        case "two callables of one name":
            return workflow(graph(step("a")), operations=(operation(), operation()))
        case "a graph that calls itself for ever":
            return workflow(graph(step("a", call="h")), graph(step("b", call="g"), name="h"))
        case "an entry that passes too little":
            return workflow(graph(step("a"), inputs=(Port(name="x"),)))
        case "an exit handler of the run that is not there":
            return replace(diamond(), handlers=(Handler(step=Step(name="h", call=Call(name="gone"))),))
        case "an operation that reads an unknown input":
            body = Container(image=Literal(value="i"), args=(given("q"),))
            return workflow(graph(step("a")), operations=(operation(containers=(body,)),))
    return workflow(graph(step("a"), step("b", call="in")), operations=(operation(), inline("in", out("z"))))


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("two callables of one name", "two templates are called 'op'"),
        ("a graph that calls itself for ever", "calls itself for ever: g → h → g"),
        ("an entry that passes too little", "'entry' does not pass the parameter 'x' of 'g'"),
        ("an exit handler of the run that is not there", "'h' calls 'gone'"),
        ("an operation that reads an unknown input", "'op' refers to an input 'q'"),
        ("an operation written inside a step that reads an unknown one", "refers to a step 'z'"),
    ],
)
def test_each_way_of_breaking_a_workflow_is_found(way: str, message: str) -> None:
    (problem,) = verify(in_workflow(way))
    assert message in problem.message


def test_recursion_that_something_can_end_is_no_problem() -> None:
    condition = Reference(to="status", step="a", name="status")
    ends = graph(step("a"), step("again", "a", call="g", condition=condition))
    assert verify(workflow(ends)) == []


def test_a_library_is_passed_what_it_needs_by_others() -> None:
    library = workflow(graph(step("a"), inputs=(Port(name="x"),)), library="namespace")
    assert verify(library) == []


def test_what_the_run_passes_counts() -> None:
    parameters = (Port(name="x"),)
    assert verify(workflow(graph(step("a"), inputs=(Port(name="x"),)), parameters=parameters)) == []


def test_an_operation_inside_an_inline_graph_reads_from_that_graph() -> None:
    inner = graph(step("i"), step("j", call="in"), name="inner", inline=True)
    outer = graph(step("a", call="inner"))
    assert verify(workflow(outer, inner, operations=(operation(), inline("in", out("i"))))) == []
    found = verify(workflow(outer, inner, operations=(operation(), inline("in", out("z")))))
    assert {problem.subject for problem in found} == {"g/a", "inner/j"}


def test_problems_come_in_the_same_order_and_number_whatever_the_size() -> None:
    """One problem each for many steps: as many problems as steps, not as pairs of them."""
    steps = [step(f"s{n}", f"gone{n}") for n in range(500)]
    assert len(verify(workflow(graph(*steps)))) == 500
    assert all(isinstance(item, Operation) for item in workflow(graph(*steps)).operations)
