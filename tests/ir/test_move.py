"""Moving steps into a graph of their own: what crosses, what waits, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    ANY_STEP,
    AnyOf,
    Argument,
    Axis,
    Expression,
    FirstOf,
    Literal,
    Loop,
    Native,
    Need,
    Output,
    Port,
    Reference,
    Region,
    callables,
    from_json,
    move_into_graph,
    move_into_graphs,
    references,
    replace,
    to_json,
    verify,
)
from ir.small import (
    SKIPPED_TOO,
    diamond,
    given,
    graph,
    graph_of,
    inline,
    operation,
    out,
    passing,
    step,
    steps_of,
    workflow,
)

if TYPE_CHECKING:
    from couler_plugins.ir import Graph, Workflow

STATUS = Reference(to="status", step="a", name="status")
IF = Literal(value=False)


def refused(whole: Workflow, steps: list[str], reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        move_into_graph(whole, "g", steps, "new")


def moved(whole: Workflow, *steps: str) -> Workflow:
    move = move_into_graph(whole, "g", steps, "new")
    assert verify(move.workflow) == []
    assert from_json(to_json(move.workflow)) == move.workflow
    return move.workflow


def test_values_cross_both_ways() -> None:
    after = moved(diamond(), "b")
    assert graph_of(after, "new").inputs == (Port(name="a-y"),)
    assert graph_of(after, "new").outputs == (Output(name="b-y", value=out("b")),)
    assert steps_of(after, "new")["b"].arguments == passing(x=given("a-y"))
    assert steps_of(after, "new")["b"].needs is None
    call = steps_of(after)["new"]
    assert call.arguments == (Argument(name="a-y", value=out("a")),)
    assert call.needs == Need(step="a")
    assert list(references(steps_of(after)["d"])) == [out("new", "b-y")]
    assert [item.name for item in graph_of(after).steps] == ["a", "new", "c", "d"]


def test_needs_of_several_moved_steps_become_one() -> None:
    after = moved(diamond(), "b", "c")
    assert steps_of(after)["d"].needs == Need(step="new")
    assert steps_of(after)["new"].needs == Need(step="a")


def test_an_output_of_the_graph_that_a_moved_step_makes() -> None:
    after = moved(diamond(), "d")
    assert graph_of(after).outputs[0].value == out("new", "d-y")


def test_a_value_that_several_read_crosses_once_and_what_is_picked_from_it_stays() -> None:
    readers = [step(f"r{n}", "a", call="use", arguments=passing(x=out("a", path=(str(n),)))) for n in range(3)]
    after = moved(workflow(graph(step("a"), *readers)), "r0", "r1", "r2")
    assert graph_of(after, "new").inputs == (Port(name="a-y"),)
    assert [item.path for item in references(graph_of(after, "new").steps)] == [("0",), ("1",), ("2",)]
    assert [item.path for item in references(steps_of(after)["new"])] == [()]


def test_inputs_of_the_graph_are_passed_on_under_their_names() -> None:
    reader = step("b", call="use", arguments=passing(x=given("p")))
    inputs = (Port(name="p"), Port(name="unread"))
    after = moved(workflow(graph(step("a"), reader, inputs=inputs), parameters=inputs), "b")
    assert graph_of(after, "new").inputs == (Port(name="p"),)
    assert steps_of(after)["new"].arguments == passing(p=given("p"))


def test_a_crossing_value_does_not_take_the_name_of_an_input() -> None:
    reader = step("b", "a", call="use", arguments=passing(x=Expression(language="e", parts=(given("a-y"), out("a")))))
    inputs = (Port(name="a-y"),)
    after = moved(workflow(graph(step("a"), reader, inputs=inputs), parameters=inputs), "b")
    assert sorted(item.name for item in graph_of(after, "new").inputs) == ["a-y", "a-y-2"]


def test_what_an_operation_inside_a_step_reads_crosses_too() -> None:
    whole = workflow(
        graph(step("a"), step("b", "a", call="in"), step("c", "b", call="in2")),
        operations=(operation(), inline("in", out("a")), inline("in2", out("b"))),
    )
    after = moved(whole, "b")
    assert list(references(callables(after)["in"])) == [given("a-y")]
    assert list(references(callables(after)["in2"])) == [out("new", "b-y")]


def test_conditions_and_loops_move_along() -> None:
    loop = Loop(axes=(Axis(name="i", values=out("a")),))
    b = step("b", "a", loop=loop, condition=Expression(language="e", parts=(out("a"),)))
    after = moved(workflow(graph(step("a"), b)), "b")
    assert steps_of(after, "new")["b"].loop == Loop(axes=(Axis(name="i", values=given("a-y")),))
    assert list(references(steps_of(after, "new")["b"].condition)) == [given("a-y")]
    assert steps_of(after)["new"].condition is None
    assert steps_of(after)["new"].loop is None


def test_a_region_that_stays_loops_over_what_a_moved_step_makes() -> None:
    region = Region(name="r", steps=("b",), loop=Loop(axes=(Axis(name="i", values=out("a")),)))
    after = moved(workflow(graph(step("a"), step("b", "a"), regions=(region,))), "a")
    assert list(references(graph_of(after).regions)) == [out("new", "a-y")]


def test_waits_names_who_may_start_later() -> None:
    whole = workflow(graph(step("a"), step("b"), step("c", "a"), step("d", "b"), step("e", "c", "d")))
    assert move_into_graph(whole, "g", ["a", "b"], "new").waits == ("c", "d")
    assert move_into_graph(whole, "g", ["c", "d"], "new").waits == ("c", "d")
    assert move_into_graph(whole, "g", ["a", "c"], "new").waits == ()
    assert move_into_graph(diamond(), "g", ["a", "b"], "new").waits == ("c",)


def test_names() -> None:
    whole = workflow(graph(step("a"), step("new", "a")))
    assert move_into_graph(whole, "g", ["a"], "new")[1:3] == ("new", "new-2")
    refused(workflow(graph(step("a")), graph(step("b"), name="new")), ["a"], "'new' is taken")
    refused(diamond(), [], "no step to move")
    refused(diamond(), ["nobody"], "no step to move")


def test_a_path_must_not_leave_and_come_back() -> None:
    refused(diamond(), ["a", "d"], "comes back")
    around = workflow(
        graph(step("a"), step("b", call="in"), step("c", "b")), operations=(operation(), inline("in", out("a")))
    )
    refused(around, ["a", "c"], "comes back")


@pytest.mark.parametrize(
    ("more", "steps", "reason"),
    [
        ({"stages": (("a",), ("b", "c"), ("d",))}, ["a"], "in stages"),
        ({"targets": ("d",)}, ["a"], "some of its steps only"),
        ({"targets": (Reference(to="input", name="x"),)}, ["a"], "some of its steps only"),
        ({"parallelism": Literal(value=2)}, ["a"], "limits how many"),
        ({"locks": Native.of({})}, ["a"], "takes a lock"),
        ({"finalizers": ("d",)}, ["d"], "a finalizer runs after all"),
        ({"finalizers": ("d",)}, ["b"], "does not need fails|only on its success"),
        ({"regions": (Region(name="r", steps=("b",)),)}, ["b"], "region would be cut"),
    ],
)
def test_what_a_graph_does_as_a_whole_is_kept(more: dict[str, Any], steps: list[str], reason: str) -> None:
    if reason.startswith("does not"):
        whole = workflow(graph(step("a"), step("b"), step("d", call="use", arguments=passing(x=out("b"))), **more))
        refused(whole, steps, reason)
    else:
        refused(diamond(**more), steps, reason)


def g(*steps: Any, **more: Any) -> Graph:
    return graph(*steps, **more)


REFUSED: dict[str, tuple[Graph, list[str], str]] = {
    "a need of failure crosses inwards": (
        g(step("a"), step("b", "a", outcomes=("failed",))),
        ["b"],
        "not only on its success",
    ),
    "a need of failure crosses outwards": (
        g(step("a"), step("b", "a", outcomes=("failed",))),
        ["a"],
        "not only on its success",
    ),
    "one of several": (
        g(step("a"), step("b"), step("c", needs=AnyOf(needs=(Need(step="a"), Need(step="b"))))),
        ["a"],
        "one of several",
    ),
    "a status crosses": (g(step("a"), step("b", "a", condition=STATUS)), ["a"], "the status of 'a' cannot leave"),
    "all artifacts together": (
        g(step("a"), step("b", "a", native_extra=Native(parts=(Reference(to="output", kind="artifact", step="a"),)))),
        ["a"],
        "all artifacts of 'a'",
    ),
    "all inputs together": (
        g(step("a", native_extra=Native(parts=(Reference(to="input"),)))),
        ["a"],
        "all inputs of its graph",
    ),
    "a step chosen at run time": (
        g(step("a"), step("b", "a", condition=Reference(to="output", step=ANY_STEP))),
        ["a"],
        "at run time",
    ),
    "a setup step": (g(step("a", role="setup"), step("b", "a")), ["a"], "frames others"),
    # what the judge in test_properties found
    "strictly needed, and may be skipped inside": (
        g(step("a", condition=IF), step("b", "a")),
        ["a"],
        "only on its success",
    ),
    "strictly needed, and may fail quietly inside": (
        g(step("a", tolerates=("failed",)), step("b", "a")),
        ["a"],
        "only on its success",
    ),
    "read, and may be skipped inside": (
        g(step("a", condition=IF), step("b", call="use", arguments=passing(x=out("a")))),
        ["a"],
        "may be skipped",
    ),
    "read, and may be skipped outside": (
        g(step("a", condition=IF), step("b", call="use", arguments=passing(x=out("a")), tolerates=("errored",))),
        ["b"],
        "may be skipped",
    ),
    "a step that would wait in vain for what another needs": (
        g(step("a", condition=IF), step("b", "a"), step("c")),
        ["b", "c"],
        "waits in vain",
    ),
    "the same where the need is of one that is omitted": (
        g(step("a", condition=IF), step("m", "a"), step("b", "m", outcomes=SKIPPED_TOO), step("c")),
        ["b", "c"],
        "waits in vain",
    ),
    "the same after a failure that stops nothing else": (
        g(step("a"), step("b", "a"), step("c"), fail_fast=False),
        ["b", "c"],
        "waits in vain",
    ),
    "a failure inside that stops nothing outside": (
        g(step("a"), step("b"), step("c", "b"), fail_fast=False),
        ["a", "b"],
        "that it does not need fails",
    ),
    "an expression that chooses": (
        g(
            step("a", condition=IF),
            step("b", call="use", arguments=passing(x=Expression(language="e", parts=(out("a"),)))),
        ),
        ["a"],
        "chooses whether it reads",
    ),
    "the first of several": (
        g(step("a", condition=IF), step("b", call="use", arguments=passing(x=FirstOf(values=(out("a"), IF))))),
        ["b"],
        "chooses whether it reads",
    ),
    "an expression that looks at a failed step": (
        g(
            step("a"),
            step("b", call="use", arguments=passing(x=Expression(language="e", parts=(out("a"),)))),
            fail_fast=False,
        ),
        ["b"],
        "chooses whether it reads",
    ),
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_would_mean_something_else_is_refused(way: str) -> None:
    own, steps, reason = REFUSED[way]
    whole = workflow(own)
    assert verify(whole) == []
    refused(whole, steps, reason)


def test_skips_that_change_nothing_are_no_reason_to_refuse() -> None:
    own = graph(step("a", condition=IF), step("b", "a"), step("c", "b"), step("d", "a", outcomes=SKIPPED_TOO))
    moved(workflow(own), "b", "c")
    moved(workflow(own), "d")
    moved(workflow(own), "c")
    read = step("b", "a", call="use", arguments=passing(x=Expression(language="e", parts=(out("a"),))))
    moved(workflow(graph(step("a", condition=IF), read)), "b")
    moved(workflow(graph(step("a"), step("b", "a"), step("c", "b"), fail_fast=False)), "a", "b")


def test_an_optional_input_and_a_daemon_are_refused() -> None:
    reader = step("b", call="use", arguments=passing(x=given("p")))
    inputs = (Port(name="p", optional=True),)
    refused(workflow(graph(reader, inputs=inputs), parameters=inputs), ["b"], "optional")
    refused(workflow(graph(step("a")), operations=(replace(operation(), daemon=True),)), ["a"], "a daemon would end")


def staged(*stages: str) -> Any:
    """Steps that need nothing of each other and run in stages, a letter each."""
    return workflow(
        graph(*(step(name) for stage in stages for name in stage), stages=tuple(tuple(stage) for stage in stages))
    )


@pytest.mark.parametrize(
    ("stages", "parts", "outer", "inner"),
    [
        (("a", "b", "c"), {"x": "ab", "y": "c"}, (("x",), ("y",)), {"x": (("a",), ("b",)), "y": (("c",),)}),
        (("a", "bcd"), {"x": "bc", "y": "d"}, (("a",), ("x", "y")), {"x": (("b", "c"),), "y": (("d",),)}),
        (("a", "bc", "d"), {"x": "ab", "y": "c"}, (("x",), ("y",), ("d",)), {"x": (("a",), ("b",))}),
        (("a", "", "b"), {"x": "a"}, (("x",), ("b",)), {"x": (("a",),)}),
    ],
)
def test_stages_are_kept_inside_and_outside(stages: Any, parts: Any, outer: Any, inner: Any) -> None:
    moved = move_into_graphs(staged(*stages), "g", parts).workflow
    assert graph_of(moved).stages == outer
    assert {name: graph_of(moved, name).stages for name in inner} == inner
    assert verify(moved) == []


def test_stages_are_not_cut_across() -> None:
    with pytest.raises(Unsupported, match="stages would be cut across") as caught:
        move_into_graphs(staged("ab", "cd"), "g", {"x": "ac", "y": "bd"})
    assert caught.value.hint
