"""The benchmark of splitting: its graphs are what they are called, and its figures are what they say."""

from __future__ import annotations

import importlib.util
import json
import random
from itertools import product
from pathlib import Path

import pytest

from benchmarks.harness import in_parallel
from benchmarks.split import Least, by_method, summary, wrong
from benchmarks.split_graphs import BUDGET, KINDS, generated, traces
from benchmarks.split_methods import METHODS, OURS, bound, cut
from benchmarks.split_small import least_value, optimum_ratios, small_graphs
from benchmarks.split_stability import EDITS, OneEdit, edited, linked, stability
from couler_plugins.hookspecs.dag import Budget
from couler_plugins.parallelism.check import check_steps, order_problem, over_budget
from couler_plugins.parallelism.solution import Objective, barrier_makespan
from parallelism_graphs import DEADLOCK, named


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_follow_from_their_seeds_and_fit_step_by_step(kind: str) -> None:
    first, again, other = (generated(kind, 500, seed).dag for seed in (3, 3, 4))
    assert 400 <= len(first) <= 500
    assert (list(first.parents), list(first.seconds)) == (list(again.parents), list(again.seconds))
    assert list(first.seconds) != list(other.seconds)
    assert min(first.seconds) > 0
    check_steps(first, BUDGET)


def test_kinds_are_what_they_are_called() -> None:
    chain, star, layered, fork_join = (
        generated(kind, 400, 0).dag for kind in ("chain", "star", "layered", "fork-join")
    )
    assert all(list(above) == [step - 1] for step, above in enumerate(chain.parents) if step)
    assert all(list(above) == [0] for step, above in enumerate(star.parents) if step)
    assert {len(above) for above in layered.parents} <= {0, 1, 2, 3}
    assert sum(not above for above in layered.parents) == round(len(layered) ** 0.5)
    assert sum(not above for above in fork_join.parents) == 1


@pytest.mark.slow
def test_a_cut_says_what_is_wrong_with_the_paper_s() -> None:
    subject = generated("random", 300, 1)
    found = [cut(subject, method, 10.0) for method in METHODS if "effort" not in method]
    faults = wrong(found)
    assert faults["cyclic"].pop("paper") == faults["over_budget"].pop("paper") == 1
    assert not any([*faults["cyclic"].values(), *faults["over_budget"].values()])
    ours = next(one for one in found if one.method == OURS)
    others = [one for one in found if one.method != "paper" and not one.method.startswith(OURS)]
    assert ours.stretch < min(one.stretch for one in others)
    least = bound(subject, 10.0)
    assert 1 <= least <= ours.stretch
    figures = summary([ours, ours], {ours.subject: least}, "_x")
    assert figures["stretch_x"] == {OURS: pytest.approx(ours.stretch)}
    assert figures["bound_ratio_x"] == {OURS: pytest.approx(ours.stretch / least)}
    assert by_method([ours], lambda one: 4.0)[OURS] == pytest.approx(4.0)


@pytest.mark.skipif(importlib.util.find_spec("ortools") is None, reason="needs ortools")
def test_the_optimum_is_that_of_trying_everything() -> None:
    dag = named(DEADLOCK, 7.0)
    budget = Budget(steps=3)
    objective = Objective.of(dag, budget, 10, 0.1)
    values = []
    for labels in product(range(len(dag)), repeat=len(dag)):
        if order_problem(dag, labels) is None and not over_budget(dag, budget, labels):
            crossing = sum(labels[one] != labels[step] for step in range(len(dag)) for one in dag.parents[step])
            values.append(objective.value(barrier_makespan(dag, labels, 10), len(set(labels)), crossing))
    assert least_value(dag, budget, 10, 0.1, max(values)) == pytest.approx(min(values))


def test_without_the_solver_there_is_no_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.split_small.find_spec", lambda _: None)
    assert small_graphs(4, 0) == []
    assert optimum_ratios([])["optimum_graphs"] == 0
    assert optimum_ratios([1.0, None, 1.02])["optimum_ratio_max"] == {OURS: 1.02}


def test_traces_that_cannot_be_used_are_left_out_and_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def trace(count: int, seconds: float) -> bytes:
        tasks = [{"id": f"t{task}", "name": f"t{task}", "parents": [], "children": []} for task in range(count)]
        took = [{"id": f"t{task}", "runtimeInSeconds": seconds} for task in range(count)]
        workflow = {"specification": {"tasks": tasks}, "execution": {"tasks": took}}
        return json.dumps({"name": "w", "workflow": workflow}).encode()

    files = {
        "broken.json": trace(300, 1.0)[:-9],
        "deep.json": b"[" * 100_000,
        "empty.json": b"",
        "idle.json": trace(300, 0.0),
        "list.json": b"[1]",
        "small.json": trace(9, 1.0),
        "used.json": trace(300, 1.0),
        "x/binary.json": bytes(range(256)),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.json").mkdir()
    assert [subject.name for subject in traces(tmp_path)] == ["used"]
    said = capsys.readouterr().err
    assert all(f"left out: {name}: " in said for name in {*files, "folder.json"} - {"used.json"})
    assert "9 steps fit into one part" in said
    assert "no step takes any time" in said


def test_tasks_come_back_in_order_and_progress_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [Least((kind, 100, 1)) for kind in ("chain", "star", "layered")]
    assert [name for name, _ in in_parallel({"some": tasks, "none": []})["some"]] == [
        "chain-100-1", "star-100-1", "layered-100-1",
    ]  # fmt: skip
    assert capsys.readouterr().err.splitlines()[-1].startswith("100 % done after ")


@pytest.mark.slow
def test_stability_is_told_by_edit_and_by_kind() -> None:
    tasks = edited(40, 3, 2)
    once = {task: task() for task in tasks if isinstance(task, OneEdit)}
    assert all(0 <= share <= 1 for share in once.values())
    figures = stability(tasks, [once[task] if isinstance(task, OneEdit) else 1.5 for task in tasks])
    assert figures["unchanged_min"].keys() == {"added", "removed", "inserted"}
    assert set(figures["ratio_after_many"].values()) == {1.5}
    graph = linked("layered", 50, 1)
    new = EDITS["inserted"](graph, "new", random.Random(1))
    assert len(new) == 51
    assert sum("new" in above for above in new.values()) == 1
