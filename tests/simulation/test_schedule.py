from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.simulation.schedule import Schedule, schedule

DIAMOND = [(), (0,), (0,), (1, 2)]
SECONDS = [10.0, 20.0, 40.0, 5.0]


def peak_memory(times: Schedule, memory: Sequence[float]) -> float:
    """The most memory that tasks hold at once.

    At one moment, what ends gives its memory back before what starts takes its own; a task that takes no time still
    takes its memory.
    """
    events = [
        event
        for start, end, size in zip(times.starts, times.ends, memory, strict=True)
        for event in ((start, 1, size), (end, 0 if end > start else 2, -size))
    ]
    changes = (change for *_, change in sorted(events, key=lambda event: event[:2]))
    return max(accumulate(changes, initial=0.0))


def test_the_golden_diamond() -> None:
    times = schedule(SECONDS, DIAMOND)
    assert times.makespan == 55
    assert times.starts == [0, 10, 10, 50]
    assert peak_memory(times, [4, 8, 16, 2]) == 24


def test_one_worker_does_all_in_turn() -> None:
    times = schedule(SECONDS, DIAMOND, workers=1)
    assert times.makespan == 75
    assert peak_memory(times, [4, 8, 16, 2]) == 16


def test_launches_count_on_every_path() -> None:
    assert schedule(SECONDS, DIAMOND, launch=10).makespan == 85
    assert schedule(SECONDS, DIAMOND, launch=[0, 1, 2, 3]).makespan == 60


def test_the_first_to_become_ready_goes_first() -> None:
    times = schedule([3, 1, 1, 1, 1], [(), (), (0,), (1,), (1,)], workers=2)
    assert times.starts == [0, 0, 3, 1, 2]


def test_a_step_without_time_takes_its_memory() -> None:
    times = schedule([0, 0], [(), (0,)])
    assert times.makespan == 0
    assert peak_memory(times, [5, 7]) == 12


def test_what_is_idle_holds_no_worker() -> None:
    seconds, parents = [10.0, 5.0, 5.0], [(), (), (0,)]
    assert schedule(seconds, parents, workers=1).starts == [0, 10, 15]
    assert schedule(seconds, parents, workers=1, idle=[0]).starts == [0, 0, 10]
    assert schedule([1.0, 10.0, 10.0], [(), (), ()], workers=1, idle=[0]).starts == [0, 0, 10]  # nor gives one back


def test_nothing_to_do() -> None:
    assert schedule([], []).makespan == 0
    assert peak_memory(schedule([], []), []) == 0


def test_somebody_has_to_work() -> None:
    with pytest.raises(ValueError, match="0 workers"):
        schedule([1], [()], workers=0)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6), st.sampled_from([0.0, 2.0]))
def test_schedules_keep_their_promises(seed: int, steps: int, workers: int, launch: float) -> None:
    chance = random.Random(seed)
    parents = [tuple(chance.sample(range(step), min(step, chance.randint(0, 3)))) for step in range(steps)]
    seconds = [float(chance.randint(0, 9)) for _ in range(steps)]
    free, held = schedule(seconds, parents, launch=launch), schedule(seconds, parents, launch=launch, workers=workers)
    for times in (free, held):
        assert all(times.starts[step] >= times.ends[parent] for step in range(steps) for parent in parents[step])
        assert all(
            end == start + launch + took for start, end, took in zip(times.starts, times.ends, seconds, strict=True)
        )
    work = sum(seconds) + launch * steps
    assert free.makespan <= held.makespan
    assert work / workers - 1e-9 <= held.makespan <= work / workers + free.makespan + 1e-9  # Graham's bound
    ones = [float(end > start) for start, end in zip(held.starts, held.ends, strict=True)]
    assert peak_memory(held, ones) <= workers
    assert schedule(seconds, parents, launch=launch, workers=steps).makespan == free.makespan
