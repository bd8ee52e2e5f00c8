"""Laws of all edits on random workflows, judged by an interpreter that knows no edit."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Bond,
    Graph,
    Literal,
    Need,
    Output,
    Reference,
    callables,
    clone_callable,
    clone_step,
    flatten,
    from_json,
    map_references,
    move_into_graph,
    move_into_graphs,
    redirect_calls,
    rename_callable,
    rename_steps,
    replace,
    replace_steps,
    to_json,
    verify,
    without_origin,
)
from ir.interpreter import Result, run
from ir.small import diamond, graph, out, passing, step, steps_of, workflow
from ir.strategies import bonded_partitions, moves, partitions, workflows
from support import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from couler_plugins.ir import Step, Workflow

FAILURES = range(5)
"""Without failures, and with four sets of operations that fail."""

BAD = ("failed", "errored")
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


def differences(
    before: Workflow, after: Workflow, timing_counts: bool = False, aliases: Mapping[str, str] | None = None
) -> list[str]:
    """How two workflows compute different things.

    Where a first failure stops the rest (`timing_counts`), what else still ran depends on timing: then a failed run
    only has to fail again.
    """
    found = []
    for failures in FAILURES:
        old, new = run(before, failures), run(after, failures, aliases)
        if (old.outcome in BAD) != (new.outcome in BAD):
            found.append(f"{failures}: {old.outcome} becomes {new.outcome}")
        elif (old.ran, old.outputs) != (new.ran, new.outputs) and not (timing_counts and old.outcome in BAD):
            found.append(f"{failures}: {old.ran - new.ran} becomes {new.ran - old.ran}")
    return found


@slow
@given(workflows())
def test_random_workflows_are_whole_and_run(whole: Workflow) -> None:
    assert verify(whole) == []
    assert without_origin(whole) == whole
    assert run(whole).ran == run(from_json(to_json(whole))).ran


@slow
@given(workflows())
def test_renaming_steps_changes_no_result_and_can_be_undone(whole: Workflow) -> None:
    for own in whole.graphs:
        there = {item.name: f"new {number}" for number, item in enumerate(own.steps)}
        renamed = rename_steps(whole, own.name, there)
        assert verify(renamed) == []
        assert differences(whole, renamed) == []
        assert rename_steps(renamed, own.name, {new: old for old, new in there.items()}) == whole
        turned = dict(zip(there, [*list(there)[1:], next(iter(there))], strict=True))
        assert differences(whole, rename_steps(whole, own.name, turned)) == []


@pytest.mark.slow
@slow
@given(workflows())
def test_renaming_a_callable_can_be_undone(whole: Workflow) -> None:
    for name in callables(whole):
        renamed = rename_callable(whole, name, "another name")
        assert verify(renamed) == []
        assert differences(whole, renamed, aliases={"another name": name}) == []
        assert rename_callable(renamed, "another name", name) == whole


@pytest.mark.slow
@slow
@given(workflows())
def test_clones_change_no_result_until_they_are_called(whole: Workflow) -> None:
    for name in callables(whole):
        try:
            cloned = clone_callable(whole, name, "a clone")
        except Unsupported:
            continue
        assert differences(whole, cloned) == []
        redirected = redirect_calls(cloned, {name: "a clone"})
        assert verify(redirected) == []
        assert differences(whole, redirected, aliases={"a clone": name}) == []
    for own in whole.graphs:
        try:
            cloned = clone_step(whole, own.name, own.steps[0].name, "a clone")
        except Unsupported:
            continue
        assert verify(cloned) == []


@slow
@given(workflows())
def test_a_flat_view_is_acyclic_or_refused(whole: Workflow) -> None:
    try:
        flat = flatten(whole)
    except Unsupported:
        return
    edges = list(flat.edge_list())
    assert len(set(edges)) == len(edges)
    order = {node: number for number, node in enumerate(_kahn(flat.num_nodes(), edges))}
    assert len(order) == flat.num_nodes()


def _kahn(size: int, edges: list[tuple[int, int]]) -> list[int]:
    waiting = Counter(target for _, target in edges)
    ready = [node for node in range(size) if not waiting[node]]
    for node in ready:
        for source, target in edges:
            if source == node:
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return ready


@pytest.mark.slow
@settings(slow, max_examples=400)
@given(moves())
def test_moving_steps_changes_no_result_or_is_refused(case: tuple[Workflow, str, list[str]]) -> None:
    whole, name, chosen = case
    own = callables(whole)[name]
    try:
        move = move_into_graph(whole, name, chosen, "new graph")
    except Unsupported:
        return
    assert verify(move.workflow) == []
    assert from_json(to_json(move.workflow)) == move.workflow
    assert isinstance(own, Graph)
    timing_counts = own.fail_fast is not False
    assert differences(whole, move.workflow, timing_counts) == []


@settings(slow, max_examples=examples(200))
@given(partitions())
def test_several_moves_at_once_change_no_result_or_are_refused(
    case: tuple[Workflow, str, dict[str, list[str]]],
) -> None:
    whole, name, parts = case
    own = callables(whole)[name]
    try:
        moves = move_into_graphs(whole, name, parts)
    except Unsupported:
        return
    assert verify(moves.workflow) == []
    assert from_json(to_json(moves.workflow)) == moves.workflow
    assert {new: {step.name for step in steps_of(moves.workflow, new).values()} for new in parts} == {
        new: set(names) for new, names in parts.items()
    }
    assert isinstance(own, Graph)
    assert differences(whole, moves.workflow, own.fail_fast is not False) == []


@pytest.mark.slow
def test_several_moves_at_once_are_not_all_refused() -> None:
    made: Counter[int] = Counter()

    @settings(slow, max_examples=200, phases=[Phase.generate])
    @given(partitions())
    def collect(case: tuple[Workflow, str, dict[str, list[str]]]) -> None:
        with suppress(Unsupported):
            move_into_graphs(*case)
            made[len(case[2])] += 1

    collect()
    assert min(made[count] for count in (1, 2, 3)) >= 5, made


@pytest.mark.slow
def test_parts_that_divide_no_bond_can_be_made() -> None:
    made: Counter[int] = Counter()

    @settings(slow, max_examples=200, phases=[Phase.generate])
    @given(bonded_partitions())
    def cut(case: tuple[Workflow, str, list[Bond], dict[str, list[str]]]) -> None:
        whole, name, held, parts = case
        moves = move_into_graphs(whole, name, parts)
        assert verify(moves.workflow) == []
        made[len(parts) if held else 0] += 1

    cut()
    assert min(made[0], made[2] + made[3]) >= 5, made


@pytest.mark.slow
def test_moves_of_several_steps_are_not_all_refused() -> None:
    made: Counter[int] = Counter()

    @settings(slow, max_examples=400, phases=[Phase.generate])
    @given(moves())
    def collect(case: tuple[Workflow, str, list[str]]) -> None:
        with suppress(Unsupported):
            move_into_graph(*case, "new graph")
            made[len(case[2])] += 1

    collect()
    assert min(made[size] for size in (2, 3, 4)) >= 3, made


# --- the judge itself


def plain() -> Workflow:
    return replace(diamond(), graphs=(replace(diamond().graphs[0], fail_fast=False),))


def edited(change: str) -> Workflow:
    """The diamond, edited wrongly in one way."""
    whole = plain()
    steps = steps_of(whole)
    match change:
        case "a reference to another step":
            return map_references(whole, lambda item: replace(item, step="c") if item.step == "b" else item)
        case "a reference to an input instead":
            wrong: Reference | Literal = Literal(value="b")
            return replace_steps(whole, {("g", "d"): replace(steps["d"], arguments=passing(x=wrong))})
        case "a step less":
            return with_steps(whole, [steps[name] for name in "abd"], without="c")
        case "a step twice":
            return clone_step(whole, "g", "c", "again")
        case "another operation":
            return replace_steps(
                whole, {("g", "c"): replace(steps["c"], call=steps["b"].call, arguments=steps["b"].arguments)}
            )
        case "a need of failure":
            return replace_steps(whole, {("g", "d"): replace(steps["d"], needs=Need(step="c", outcomes=("failed",)))})
        case "a condition that never holds":
            return replace_steps(whole, {("g", "c"): replace(steps["c"], condition=Literal(value=False))})
        case "a failure that is tolerated":
            return replace_steps(
                whole, {("g", name): replace(item, tolerates=("failed",)) for name, item in steps.items()}
            )
        case "a need less":
            return replace_steps(whole, {("g", "c"): replace(steps["c"], needs=None)})
        case "another output":
            own = whole.graphs[0]
            return replace(whole, graphs=(replace(own, outputs=(Output(name="z", value=out("b")),)),))
    raise AssertionError(change)


def with_steps(whole: Workflow, steps: list[Step], without: str) -> Workflow:
    kept = [replace(item, needs=Need(step="b")) if item.name == "d" else item for item in steps]
    assert without not in [item.name for item in kept]
    return replace(whole, graphs=(replace(whole.graphs[0], steps=tuple(kept)),))


WRONG = [
    "a reference to another step",
    "a reference to an input instead",
    "a step less",
    "a step twice",
    "another operation",
    "a need of failure",
    "a condition that never holds",
    "a failure that is tolerated",
    "a need less",
    "another output",
]


@pytest.mark.parametrize("change", WRONG)
def test_the_judge_notices_a_wrong_edit(change: str) -> None:
    assert verify(edited(change)) == []
    assert differences(plain(), edited(change))


def test_the_judge_sees_no_difference_where_there_is_none() -> None:
    assert differences(plain(), plain()) == []
    own: Graph = plain().graphs[0]
    assert differences(plain(), replace(plain(), graphs=(replace(own, steps=own.steps[::-1]),))) == []


def test_what_the_judge_computes() -> None:
    result: Result = run(workflow(graph(step("a"), step("b", call="use", arguments=passing(x=out("a"))))))
    assert result.outcome == "succeeded"
    assert sorted(name for name, _, _ in result.ran) == ["op", "use"]
    assert len({run(plain(), failures).outcome for failures in FAILURES}) == 2, "some runs have to fail"
