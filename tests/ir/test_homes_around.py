"""Settings that are kept in the workflow around a call, and those of operations that other workflows call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from couler_plugins.ir import CallSite, Dynamic, External, Home, Literal, Native, Operation, Step, Workflow, replace
from ir.small import graph, step, workflow
from ir.test_homes import AT_CALLS, TWO, called, calls, container, plain, planned, seen, set_at, told, two_calls


def test_an_operation_that_others_can_call_is_shown_by_itself() -> None:
    library = planned(two_calls(library="namespace"))
    assert list(seen(library)) == ["a", "b", "op"]
    after = set_at(library, "", retry=2)
    assert called(after).retry == TWO
    assert calls(after) == {"entry": "g", "a": "op", "b": "op"}
    assert told(set_at(planned(two_calls(library="namespace"), AT_CALLS), "op", retry=2)) == []


def in_workflow(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
    """The home of a setting in the workflow around; of what is called elsewhere there is none."""
    return AROUND if callee is not None else Home(at="none", note="it is far away")


def put_around(workflow: Workflow, changes: Any) -> Workflow:
    return replace(workflow, prefix=" ".join(f"{site.step.name}={plain(value)}" for site, value in changes))


def get_around(workflow: Workflow) -> Callable[[CallSite], Any]:
    held = dict(item.split("=") for item in workflow.prefix.split())
    return lambda site: Literal(value=held[site.step.name]) if site.step.name in held else None


AROUND = Home(at="workflow", get=get_around, put=put_around)


def test_the_home_of_a_call_can_be_the_workflow_around_it() -> None:
    homes = {**AT_CALLS, "priority": Home(at="none", choose=in_workflow)}
    outside = Step(name="c", call=External(workflow="w2", name="x"))
    two = workflow(graph(step("a"), step("b"), outside), operations=(container(),))
    after = set_at(planned(two, homes), "b c", priority="high")
    assert after.workflows[0].prefix == "b=high"
    assert [seen(after)[name].priority for name in "abc"] == [None, Literal(value="high"), None]
    assert told(after)[0][2] == "priority cannot be set: it is far away"


def test_an_operation_that_others_can_call_stays_as_it_is_for_them() -> None:
    after = set_at(planned(two_calls(library="namespace")), "a b", retry=2)
    assert called(after).retry is None
    assert calls(after) == {"entry": "g", "a": "op-retry", "b": "op-retry"}


def test_calls_of_other_workflows_have_what_is_kept_at_calls() -> None:
    outside = Step(name="a", call=External(workflow="w2", name="x"))
    chosen = Step(name="b", call=Dynamic(target=Native.of({})))
    plan = planned(workflow(graph(outside, chosen), operations=(container(),)), AT_CALLS)
    assert list(seen(plan)) == ["a", "b"]
    after = set_at(plan, "", retry=2, timeout=3)
    assert [seen(after)[name].retry for name in "ab"] == [TWO, TWO]
    assert told(after) == [
        ("g/a", "", "timeout cannot be set: what it calls is in another workflow", ()),
        ("g/b", "", "timeout cannot be set: what it calls is in another workflow", ()),
        ("g/a", "set", "to see", ()),
        ("g/b", "set", "to see", ()),
    ]
