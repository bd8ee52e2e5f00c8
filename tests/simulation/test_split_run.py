"""A split workflow's run: parts are barriers, and what that costs is told part by part."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.solution import barrier_makespan
from couler_plugins.simulation.planned import Planned
from couler_plugins.simulation.split_run import run_split, run_whole

STEPS = ("a", "b", "c", "d", "e")
PARENTS = [(), (), (0,), (1,), (2, 3)]
SECONDS = [10.0, 40.0, 5.0, 5.0, 1.0]


def tasks(seconds: list[float], parents: list[tuple[int, ...]], steps: tuple[str, ...] = ()) -> Planned:
    names = steps or tuple(f"t{number}" for number in range(len(seconds)))
    return Planned(
        steps=names,
        seconds=seconds,
        parents=parents,
        junctions=frozenset(),
        call_sites=len(names),
        unknown=0,
        guess=0.0,
        endless=0,
    )


def paths(**parts: str) -> dict[str, tuple[str, ...]]:
    return {step: (name,) for name, steps in parts.items() for step in steps}


def test_a_part_waits_for_the_rest_of_those_that_it_reads() -> None:
    # c reads only a, but b, which takes longer, is in the part of a.
    run = run_split(tasks(SECONDS, PARENTS, STEPS), paths(first="ab", second="cde"), 3.0, None)
    first, second = run.parts
    assert (first.start, first.end, first.critical_path, first.needs, first.later) == (0, 43, 40, 0, 3)
    assert (second.start, second.end, second.critical_path, second.needs) == (43, 52, 6, 1)
    assert second.barrier == 0  # d reads b, the last of the first part
    assert second.later == 52 - 46
    assert run.makespan == 52


def test_the_barrier_is_what_the_steps_that_are_read_did_not_cause() -> None:
    run = run_split(tasks([10.0, 40.0, 5.0], [(), (), (0,)], ("a", "b", "c")), paths(first="ab", second="c"), 3.0, None)
    assert run.parts[1].barrier == 30
    assert run.parts[1].later == 51 - 15


def test_parts_share_the_workers() -> None:
    two = tasks([10.0, 10.0, 10.0, 10.0], [(), (), (), ()])
    split = {"t0": ("one",), "t1": ("one",), "t2": ("two",), "t3": ("two",)}
    run = run_split(two, split, 5.0, 2)
    assert run.makespan == 25  # both are launched at once, holding no worker
    assert [part.queue for part in run.parts] == [0, 10]
    assert run_split(two, split, 5.0, None).makespan == 15


def test_steps_in_no_part_wait_for_whole_parts() -> None:
    run = run_split(tasks(SECONDS, PARENTS, STEPS), paths(first="ab"), 3.0, None)
    assert run.makespan == 43 + 5 + 1
    assert run_split(tasks(SECONDS, PARENTS, STEPS), {}, 3.0, None).makespan == 46


def test_groups_of_parts_are_barriers_too() -> None:
    chain = tasks([1.0, 1.0, 1.0], [(), (0,), (1,)], ("a", "b", "c"))
    grouped = {"a": ("g1", "p1"), "b": ("g1", "p2"), "c": ("g2", "p3")}
    run = run_split(chain, grouped, 10.0, None)
    # g1 and p1 are launched, then p2, then g2 and p3.
    assert run.makespan == 3 + 5 * 10
    assert [part.name for part in run.parts] == ["p1", "p2", "p3"]
    assert [part.start for part in run.parts] == [10, 21, 42]


def test_a_junction_between_stages_of_one_part_is_in_it() -> None:
    # a and b, a junction, c, a junction, d: the first three are one part.
    names, seconds = ("a", "b", "", "c", "", "d"), [1.0, 2.0, 0.0, 3.0, 0.0, 4.0]
    staged = replace(tasks(seconds, [(), (), (0, 1), (2,), (3,), (4,)], names), junctions=frozenset({2, 4}))
    run = run_split(staged, paths(one="abc", two="d"), 10.0, None)
    assert run.makespan == 10 + 2 + 3 + 10 + 4
    assert [(part.steps, part.needs, part.critical_path) for part in run.parts] == [(3, 0, 5), (1, 1, 4)]


def test_parts_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="its own ancestor"):
        run_split(tasks([1.0, 1.0, 1.0], [(), (0,), (1,)], ("a", "b", "c")), paths(one="ac", two="b"), 1.0, None)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 5), st.sampled_from([0.0, 3.0]))
def test_runs_keep_their_promises(seed: int, count: int, workers: int, launch: float) -> None:
    chance = random.Random(seed)
    parents = [tuple(sorted(chance.sample(range(step), min(step, chance.randint(0, 3))))) for step in range(count)]
    seconds = [float(chance.randint(0, 9)) for _ in range(count)]
    labels = sorted(chance.randrange(4) for _ in range(count))
    whole = tasks(seconds, parents)
    split = {f"t{step}": (f"p{label}",) for step, label in enumerate(labels)}
    free, held = run_split(whole, split, launch, None), run_split(whole, split, launch, workers)
    dag = Dag.of(list(whole.steps), parents, seconds)
    assert free.makespan == pytest.approx(barrier_makespan(dag, labels, launch))
    assert free.makespan >= run_whole(whole, None).makespan + launch
    assert held.makespan >= max(free.makespan, sum(seconds) / workers)
    for part in (*free.parts, *held.parts):
        assert part.launch == launch
        assert part.queue >= 0
        assert part.barrier >= 0
        assert part.end == pytest.approx(part.start + part.launch + part.critical_path + part.queue)
    assert all(part.queue == 0 for part in free.parts)
    assert sum(part.steps for part in held.parts) == count
