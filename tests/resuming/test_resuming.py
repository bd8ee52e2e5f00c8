"""What runs again, and why: what is edited, lost, shared, or comes after what runs again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import (
    Literal,
    Need,
    Not,
    Output,
    Step,
    Workflow,
    callables,
    graph_of,
    replace,
    replace_callables,
)
from couler_plugins.resuming.inlining import needs_left
from couler_plugins.resuming.optimizer import resumed
from ir.small import given, graph, operation, out, passing, step, workflow
from resuming.points import point


class Symbols(PastRun):
    """A run whose steps gave texts; what is shared is said by the names of steps."""

    def __init__(self, steps: Mapping[tuple[str, ...], Ended], gone: Mapping[str, str] | None = None) -> None:
        super().__init__("run-1", None, steps)
        self.lost = gone or {}

    def gone(self, step: Step, callees: Any) -> Mapping[str, str]:
        return {"the disk": self.lost[step.name]} if step.name in self.lost else {}

    def resumed(self, workflow: Workflow) -> Workflow:
        return workflow


def good(name: str, **more: Any) -> Ended:
    return Ended(outcome="succeeded", outputs={("parameter", "y"): Literal(value=f"of {name}")}, **more)


BAD = Ended(outcome="failed")


def chain(**more: Any) -> Workflow:
    """a, then b, which reads it, then c, which reads both."""
    return workflow(
        graph(
            step("a"),
            step("b", "a", call="use", arguments=passing(x=out("a"))),
            step("c", "b", call="use", arguments=passing(x=out("b"))),
        ),
        **more,
    )


def verdicts(new: Workflow, past: PastRun, old: Workflow | None = None) -> dict[str, str]:
    """What runs again and why, by place; what is done is not in it."""
    _, each = resumed(new, old or new, past)
    return {"/".join(item.place): item.reason for item in each if item.action == "again"}


def test_what_is_done_is_a_constant_where_it_is_read() -> None:
    new, _ = resumed(chain(), chain(), Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD}))
    (left,) = graph_of(new, "g").steps
    assert (left.name, left.needs, left.arguments) == ("c", None, passing(x=Literal(value="of b")))
    assert list(callables(new)) == ["g", "use"]


def test_a_lost_output_is_made_again_by_its_step_and_by_those_behind_it_in_order() -> None:
    lost = Ended(outcome="succeeded", lost={("parameter", "y"): "it was deleted"})
    past = Symbols({("a",): good("a"), ("b",): lost, ("c",): BAD})
    assert verdicts(chain(), past) == {"b": "c reads its y (it was deleted)", "c": "it failed"}


def test_a_lost_output_that_nobody_reads_is_no_reason() -> None:
    lost = Ended(outcome="succeeded", lost={("parameter", "y"): "it was deleted"})
    assert verdicts(chain(), Symbols({("a",): lost, ("b",): good("b"), ("c",): BAD})) == {"c": "it failed"}


def test_what_comes_after_a_step_that_runs_again_runs_again_by_order_alone() -> None:
    new = workflow(graph(step("a"), step("b", "a"), step("c", "b")))
    past = Symbols({("a",): good("a", again="it was stopped"), ("b",): good("b"), ("c",): BAD})
    assert verdicts(new, past) == {"a": "it was stopped", "b": "it comes after a", "c": "it failed"}


def test_stages_are_an_order_too() -> None:
    new = workflow(graph(step("a"), step("b"), step("c"), stages=(("a", "b"), ("c",))))
    past = Symbols({("a",): good("a"), ("b",): BAD, ("c",): good("c")})
    assert verdicts(new, past) == {"b": "it failed", "c": "it comes after b"}
    assert graph_of(resumed(new, new, past)[0], "g").stages == (("b",), ("c",))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda flow: edited(flow, "a", arguments=passing(z=Literal(value=1))), "its call was changed"),
        (lambda flow: edited(flow, "a", condition=Literal(value=True)), "its call was changed"),
        (
            lambda flow: replace_callables(flow, {"op": replace(callables(flow)["op"], outputs=(Output(name="z"),))}),
            "its program was changed",
        ),
    ],
)
def test_an_edited_step_runs_again_with_all_behind_it(change: Any, reason: str) -> None:
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD})
    found = verdicts(change(chain()), past, chain())
    assert found == {"a": reason, "b": "it comes after a", "c": "it failed"}


def edited(flow: Workflow, name: str, **changes: Any) -> Workflow:
    first = flow.graphs[0]
    steps = tuple(replace(one, **changes) if one.name == name else one for one in first.steps)
    return replace(flow, graphs=(replace(first, steps=steps), *flow.graphs[1:]))


def test_retries_timeouts_and_new_names_of_operations_are_no_edits() -> None:
    new = chain(operations=(operation("renamed"), operation("use", "x")))
    new = edited(new, "a", call=replace(new.graphs[0].steps[0].call, name="renamed"), timeout=Literal(value=5))
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD})
    assert verdicts(new, past, chain()) == {"c": "it failed"}


def test_a_new_step_runs_with_what_comes_after_it() -> None:
    first = chain().graphs[0]
    new = replace(chain(), graphs=(replace(first, steps=(step("new"), *first.steps)),))
    new = edited(new, "b", needs=Need(step="new"))
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD})
    assert verdicts(new, past, chain()) == {"new": "it is new", "b": "it comes after new", "c": "it failed"}


def test_parameters_keep_the_values_of_the_run() -> None:
    from couler_plugins.ir import Port

    ran, file = (chain(parameters=(Port(name="p", value=Literal(value=text)),)) for text in ("of the run", "default"))
    new, _ = resumed(file, ran, Symbols({("a",): good("a"), ("b",): BAD}))
    assert new.parameters == ran.parameters


def test_a_disk_that_is_gone_is_filled_again() -> None:
    new = workflow(graph(step("a"), step("b"), step("c", "b")))
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD}, {"a": "it went", "c": "it went"})
    assert verdicts(new, past) == {"a": "it shares the disk with c (it went)", "c": "it failed"}
    assert verdicts(new, Symbols(past.steps, {"a": "it went", "b": "it went"})) == {"c": "it failed"}


def test_a_graph_that_failed_is_resumed_inside_a_copy_of_its_own() -> None:
    inner = graph(
        step("p", call="use", arguments=passing(x=given("x"))),
        step("q", "p", call="use", arguments=passing(x=out("p"))),
        name="inner",
        inputs=operation("i", "x").inputs,
    )
    outer = graph(
        step("one", call="inner", arguments=passing(x=Literal(value="1"))),
        step("two", "one", call="inner", arguments=passing(x=Literal(value="2"))),
    )
    flow = workflow(outer, inner)
    steps = {("one",): good("one"), ("one", "p"): good("p"), ("one", "q"): good("q")}
    past = Symbols({**steps, ("two",): BAD, ("two", "p"): good("p of two"), ("two", "q"): BAD})
    new, each = resumed(flow, flow, past)
    assert [("/".join(item.place), item.action) for item in each] == [
        ("one", "done"),
        ("two", "inside"),
        ("two/p", "done"),
        ("two/q", "again"),
    ]
    copy = graph_of(new, "inner-resumed")
    assert [item.name for item in copy.steps] == ["q"]
    assert copy.steps[0].arguments == passing(x=Literal(value="of p of two"))
    assert "inner" not in callables(new)


def test_a_loop_that_failed_runs_again_as_a_whole() -> None:
    from couler_plugins.ir import Axis, Loop, Native

    looped = step("a", loop=Loop(axes=(Axis(name="item", values=Native.of([1, 2])),)))
    past = Symbols({("a",): BAD})
    assert verdicts(workflow(graph(looped)), past) == {"a": "it failed, and a loop runs again as a whole"}


def test_what_was_skipped_is_decided_again_only_where_it_is_read() -> None:
    new = workflow(
        graph(step("a", condition=Literal(value=False)), step("c", call="use", arguments=passing(x=out("a"))))
    )
    skipped: dict[tuple[str, ...], Ended] = {("a",): Ended(outcome="skipped"), ("c",): BAD}
    assert set(verdicts(new, Symbols(skipped))) == {"a", "c"}
    alone = workflow(
        graph(step("a", condition=Literal(value=False)), step("c", "a", outcomes=("skipped", "succeeded")))
    )
    assert verdicts(alone, Symbols(skipped)) == {"c": "it failed"}


def test_what_was_left_out_is_decided_again_with_what_it_waits_for_where_it_is_read() -> None:
    new = workflow(
        graph(
            step("a"),
            step("else", "a", outcomes=("failed",)),
            step("c", "else", call="use", outcomes=("omitted", "succeeded"), arguments=passing(x=out("else"))),
        )
    )
    past = Symbols({("a",): good("a"), ("else",): Ended(outcome="omitted"), ("c",): BAD})
    assert verdicts(new, past) == {
        "a": "else waits for its end",
        "else": "it was not reached",
        "c": "it failed",
    }
    unread = edited(new, "c", arguments=())
    assert verdicts(unread, past, unread) == {"c": "it failed"}


def test_what_waits_for_a_daemon_is_met_by_one_that_was_ready() -> None:
    assert needs_left(Need(step="d", outcomes=("daemoned",)), {"d": good("d")}) is True


def test_steps_that_nobody_asks_for_do_not_run() -> None:
    new = workflow(graph(step("a"), step("b", "a"), step("c", "a"), targets=("b",)))
    past = Symbols({("a",): good("a"), ("b",): BAD})
    assert verdicts(new, past) == {"b": "it failed"}
    assert graph_of(resumed(new, new, past)[0], "g").targets == ("b",)


def test_a_finalizer_runs_at_the_end_of_every_run() -> None:
    new = workflow(graph(step("a"), step("b", "a"), step("end"), finalizers=("end",)))
    past = Symbols({("a",): good("a"), ("b",): BAD, ("end",): good("end")})
    assert verdicts(new, past) == {"b": "it failed", "end": "it runs at the end of every run"}


def test_a_daemon_runs_again_for_those_that_run_and_for_nobody_else() -> None:
    daemon = replace(operation("server"), daemon=True)
    flow = workflow(
        graph(step("d", call="server"), step("a", "d"), step("b", "a"), step("c")),
        operations=(operation(), daemon),
    )
    past = Symbols({("d",): good("d"), ("a",): good("a"), ("b",): BAD, ("c",): good("c")})
    assert verdicts(flow, past) == {"d": "it serves b", "b": "it failed"}
    (_, left) = graph_of(resumed(flow, flow, past)[0], "g").steps
    assert left.needs == Need(step="d")
    others = Symbols({("d",): good("d"), ("a",): good("a"), ("b",): good("b"), ("c",): BAD})
    assert verdicts(flow, others) == {"c": "it failed"}


def test_an_output_of_the_whole_run_is_given_again() -> None:
    giving = operation("op", outputs=(Output(name="y", exported=Literal(value="total")),))
    flow = chain(operations=(giving, operation("use", "x")))
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): BAD})
    assert verdicts(flow, past)["a"] == "it gives an output of the whole run"


def test_nothing_is_left_of_a_run_that_is_done() -> None:
    past = Symbols({("a",): good("a"), ("b",): good("b"), ("c",): good("c")})
    with pytest.raises(InvalidInput, match="all steps of run-1 are done"):
        resumed(chain(), chain(), past)
    single = replace(chain(), entry=Step(name="entry", call=replace(chain().graphs[0].steps[0].call, name="op")))
    with pytest.raises(InvalidInput, match="no graph whose steps"):
        resumed(single, single, past)


def test_needs_are_as_simple_as_what_is_left_of_them() -> None:
    done = {"a": good("a"), "s": Ended(outcome="skipped")}
    a, s, b = Need(step="a"), Need(step="s"), Need(step="b")
    from couler_plugins.ir import AllOf, AnyOf

    assert needs_left(AllOf(needs=(a, b)), done) == b
    assert needs_left(AllOf(needs=(s, b)), done) is False
    assert needs_left(AnyOf(needs=(a, b)), done) is True
    assert needs_left(AnyOf(needs=(s, b)), done) == b
    assert needs_left(Not(need=s), done) is True
    assert needs_left(Not(need=b), done) == Not(need=b)
    assert needs_left(Need(step="a", outcomes=("any-succeeded",)), done) is True


def test_a_lost_value_is_computed_again_with_equal_results() -> None:
    for seed in range(1, 40):
        found = point(chain(), seed, lost=frozenset({(("a",), "y")}))
        if found is not None and ("a",) in [item.place for item in found.verdicts if item.action == "again"]:
            found.check()
            return
    raise AssertionError("no run failed where what is lost is read")
