"""Settings of steps, written to where an engine keeps them: at calls, in operations, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from couler_plugins.ir import (
    Call,
    Container,
    EnvVar,
    Graph,
    Handler,
    Home,
    Homes,
    Literal,
    Native,
    NativeForm,
    Operation,
    Retry,
    SettableStep,
    Step,
    Value,
    Workflow,
    call_sites,
    callables,
    container_home,
    native_home,
    replace,
    verify,
    with_settings,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.settings import SETTINGS
from couler_plugins.plan import Plan
from ir.small import graph, step, workflow


def plain(value: Value) -> Any:
    """What a literal says."""
    assert isinstance(value, Literal)
    return value.value


FORM = NativeForm(lambda node: node.data, Native.of, lambda data: Literal(value=data), plain)
TWO, NINE = (Retry(limit=Literal(value=number)) for number in (2, 9))
IN_OPERATIONS: Homes = {
    "retry": Home(at="operation"),
    "timeout": Home(at="operation"),
    "requests": container_home("requests", "requests"),
    "limits": container_home("limits", "limits"),
    "env": container_home("env", "env"),
    "labels": native_home("labels", ("metadata", "labels"), FORM),
    "annotations": native_home("annotations", ("metadata", "annotations"), FORM),
    "node_selector": native_home("node_selector", ("nodes",), FORM),
    "priority": native_home("priority", ("priority",), FORM),
    "scheduler": native_home("scheduler", ("scheduler",), FORM),
    "weight": native_home("weight", ("weight",), FORM),
}
AT_CALLS: Homes = {**IN_OPERATIONS, "retry": Home(at="step"), "priority": Home(at="none", note="it has no classes")}


def two_calls(**more: Any) -> Workflow:
    return workflow(graph(step("a"), step("b")), operations=(container(),), **more)


def container(name: str = "op", **more: Any) -> Operation:
    more.setdefault("containers", (Container(),))
    return Operation(name=name, kind="container", **more)


def planned(new: Workflow, homes: Homes | None = IN_OPERATIONS) -> Plan:
    return Plan(bundle=Bundle.of(()), originals=(), workflows=(new,), homes=homes)


def set_at(plan: Plan, names: str, **settings: Any) -> Plan:
    """The plan with settings of the steps of these names (or all)."""

    def change(step: SettableStep) -> SettableStep:
        return with_settings(step, **settings) if not names or step.name in names.split() else step

    after = plan.map_steps("me", change, action="set", reason="to see")
    assert [verify(workflow) for workflow in after.workflows] == [[]]
    return after


def seen(plan: Plan) -> dict[str, SettableStep]:
    """The steps of a plan, as optimizers see them."""
    steps: dict[str, SettableStep] = {}
    plan.map_steps("me", lambda step: steps.setdefault(step.name, step), action="", reason="")
    return steps


def calls(plan: Plan) -> dict[str, str]:
    """What each step of a plan calls."""
    return {step.name: getattr(step.call, "name", "") for _, step in call_sites(plan.workflows[0])}


def called(plan: Plan) -> Any:
    """The operation `op` of a plan."""
    return callables(plan.workflows[0])["op"]


def told(plan: Plan) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(item.subject, item.action, item.reason, item.affects) for item in plan.decisions]


VALUES: dict[str, Any] = {
    "retry": 2,
    "timeout": 90,
    "requests": {"memory": "1Gi", "cpu": "1"},
    "limits": {"cpu": "2"},
    "env": {"Z": "1", "A": "2"},
    "labels": {"team": "data"},
    "annotations": {"why": "to see"},
    "node_selector": {"pool": "big"},
    "priority": "high",
    "scheduler": "volcano",
    "weight": 7,
}


@pytest.mark.parametrize("homes", [IN_OPERATIONS, AT_CALLS])
@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_set_at_a_call_is_seen_there_and_nowhere_else(name: str, homes: Homes) -> None:
    before = planned(two_calls(), homes)
    after = set_at(before, "b", **{name: VALUES[name]})
    if homes[name].at == "none":
        assert after.workflows == before.workflows
        assert told(after) == [("", "", "priority cannot be set: it has no classes", ())]
        return
    was, now = seen(before), seen(after)
    assert getattr(now["a"], name) == getattr(was["a"], name)
    value = getattr(now["b"], name)
    if isinstance(VALUES[name], dict):
        assert {key: item.value for key, item in value} == VALUES[name]
    else:
        assert value == (TWO if name == "retry" else Literal(value=VALUES[name]))
    assert [decision.subject for decision in after.decisions] == ["g/b"]
    assert set_at(after, "b", **{name: VALUES[name]}) is after


def test_what_all_calls_agree_on_goes_into_the_operation() -> None:
    after = set_at(planned(two_calls()), "", timeout=90)
    assert called(after) == container(timeout=Literal(value=90))
    assert calls(after) == {"entry": "g", "a": "op", "b": "op"}
    assert told(after) == [(f"g/{name}", "set", "to see", ("op",)) for name in "ab"]


def test_where_calls_differ_one_gets_a_copy_that_its_decision_names() -> None:
    after = set_at(planned(two_calls()), "b", node_selector={"pool": "big"})
    assert calls(after) == {"entry": "g", "a": "op", "b": "op-node-selector"}
    by_name = callables(after.workflows[0])
    assert by_name["op"] == container()
    assert by_name["op-node-selector"] == container(
        "op-node-selector", native_extra=Native.of({"nodes": {"pool": "big"}})
    )
    assert told(after) == [("g/b", "set", "to see", ("op-node-selector",))]


def test_one_that_is_written_at_its_call_is_changed_there() -> None:
    inline = workflow(graph(step("a")), operations=(container(inline=True),), library="namespace")
    assert callables(set_at(planned(inline), "", retry=2).workflows[0])["op"].retry == TWO


def test_several_settings_of_a_call_need_one_copy() -> None:
    after = set_at(planned(two_calls()), "b", retry=2, requests={"cpu": "1"}, labels={"team": "data"})
    assert list(callables(after.workflows[0])) == ["g", "op", "op-retry"]


def test_names_are_added_to_those_that_are_there_and_can_be_taken_away() -> None:
    main = Container(env=(EnvVar(name="A", value=Literal(value="1")),), requests=(("memory", Literal(value="1Gi")),))
    plan = planned(workflow(graph(step("a")), operations=(container(containers=(main,)),)))
    after = set_at(plan, "", env={"B": "2"}, requests={"cpu": "1"})
    (changed,) = called(after).containers
    assert [item.name for item in changed.env] == ["A", "B"]
    assert [name for name, _ in changed.requests] == ["cpu", "memory"]
    bare = after.map_steps("me", lambda step: replace(step, env=(), requests=()), action="clear", reason="to see")
    assert called(bare).containers == (Container(),)


def test_native_fields_around_a_setting_stay() -> None:
    rest = Native.of({"metadata": {"labels": {"app": "x"}, "other": 1}, "more": 2})
    plan = planned(workflow(graph(step("a")), operations=(container(native_extra=rest),)))
    after = set_at(plan, "", labels={"team": "data"})
    data = called(after).native_extra.data
    assert data == {"metadata": {"labels": {"app": "x", "team": "data"}, "other": 1}, "more": 2}
    odd = planned(workflow(graph(step("a")), operations=(container(native_extra=Native.of({"metadata": "odd"})),)))
    assert told(set_at(odd, "", labels={"a": "b"})) == [
        ("g/a", "", "labels cannot be set: metadata is no mapping there", ())
    ]


def test_what_cannot_hold_a_setting_says_so_and_takes_the_others() -> None:
    gate = workflow(graph(step("a")), operations=(Operation(name="op", kind="gate"),))
    after = set_at(planned(gate), "", limits={"cpu": "1"}, retry=2)
    assert called(after).retry == TWO
    assert told(after) == [
        ("g/a", "", "limits cannot be set: it has no container of its own", ()),
        ("g/a", "set", "to see", ("op",)),
    ]


def test_entries_and_handlers_are_calls_too() -> None:
    handled = step("a", handlers=(Handler(step=step("cleaner", call="use")),))
    entry = step("start", call="op")
    plan = planned(workflow(graph(handled), operations=(container(), container("use")), entry=entry))
    after = set_at(plan, "start cleaner", timeout=90)
    assert calls(after) == {"start": "op-timeout", "a": "op", "cleaner": "use"}
    assert [decision.affects for decision in after.decisions] == [("op-timeout",), ("use",)]


def test_other_fields_of_a_step_are_changed_as_they_are() -> None:
    def change(step: SettableStep) -> SettableStep:
        return replace(step, condition=Literal(value="x"))

    after = planned(two_calls()).map_steps("me", change, action="skip", reason="to see")
    assert {type(step) for graph in after.workflows[0].graphs for step in graph.steps} == {Step}
    assert {step.condition for graph in after.workflows[0].graphs for step in graph.steps} == {Literal(value="x")}
    assert told(after) == [(f"g/{name}", "skip", "to see", ()) for name in "ab"]


def test_only_settings_that_there_are() -> None:
    with pytest.raises(TypeError, match="no setting 'label'"):
        set_at(planned(two_calls()), "", label={"a": "b"})


def retried(plan: Plan, only: Callable[[Operation], bool] = lambda operation: True) -> Plan:
    """The plan with two attempts for each operation that has no number of its own."""

    def change(operation: Operation) -> Operation:
        return replace(operation, retry=TWO) if operation.retry is None and only(operation) else operation

    return plan.map_operations("me", change, action="retry", reason="to see")


@pytest.mark.parametrize("homes", [IN_OPERATIONS, None])
def test_retries_of_operations_stay_there(homes: Homes | None) -> None:
    after = retried(planned(two_calls(), homes))
    assert called(after) == container(retry=TWO)
    assert told(after) == [("op", "retry", "to see", ())]
    assert retried(after) is after


def test_or_go_to_all_calls_that_have_none_of_their_own() -> None:
    plan = planned(workflow(graph(step("a", retry=NINE), step("b"), step("c")), operations=(container(),)), AT_CALLS)
    after = retried(plan)
    assert called(after) == container()
    assert {name: step.retry for name, step in seen(after).items()} == {"a": NINE, "b": TWO, "c": TWO}
    assert told(after) == [("op", "retry", "to see", ("g/b", "g/c"))]
    assert retried(after) is after


def test_an_operation_that_nothing_calls_says_so() -> None:
    plan = planned(workflow(graph(step("a")), operations=(container(), container("use"))), AT_CALLS)
    reason = "retry cannot be set: it is kept at call sites, and nothing here calls this"
    assert told(retried(plan, lambda operation: operation.name == "use")) == [("use", "", reason, ())]


def test_one_that_is_written_at_its_call_affects_that() -> None:
    after = retried(planned(workflow(graph(step("a")), operations=(container(inline=True),))))
    assert told(after) == [("op", "retry", "to see", ("g/a",))]


def test_what_an_engine_lacks_is_said_once_a_workflow() -> None:
    homes: Homes = {**AT_CALLS, "retry": Home(at="none", note="it tries once")}
    plan = planned(workflow(graph(step("a")), operations=(container(), container("use"))), homes)
    after = retried(plan)
    assert after.workflows == plan.workflows
    assert told(after) == [("", "", "retry cannot be set: it tries once", ())]


def test_without_homes_attempts_and_times_stay_where_they_are_set() -> None:
    after = set_at(planned(two_calls(), None), "b", timeout=90, labels={"a": "b"})
    assert [step.timeout for graph in after.workflows[0].graphs for step in graph.steps] == [None, Literal(value=90)]
    reason = "labels cannot be set: its adapter does not say where it is kept"
    assert told(after) == [("", "", reason, ()), ("g/b", "set", "to see", ())]


def test_decisions_that_did_something_come_last() -> None:
    """So that edits are traced to them."""
    plan = planned(two_calls(), AT_CALLS)
    after = set_at(set_at(plan, "", retry=2), "", priority="high")
    assert [decision.action for _, decision in after.decisions_about(0, "w")] == ["", "set", "set"]


def test_graphs_are_no_operations() -> None:
    inner = Graph(name="inner", steps=(step("x"),))
    plan = planned(workflow(graph(Step(name="a", call=Call(name="inner"))), inner, operations=(container(),)))
    assert list(seen(plan)) == ["x"]
