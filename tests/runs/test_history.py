"""What policies learn from: each view sees all that happened, once and in order, whenever it is asked for."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Set

import pytest

from couler_plugins.runs import History, LoadCost, Run, StepRun


class Log:
    """A view that notes what it is told, and what it was made with."""

    def __init__(self, *given: object) -> None:
        self.given = given
        self.told: list[Run | Set[str]] = []

    def observe(self, run: Run) -> None:
        self.told.append(run)

    def decided(self, kept: Set[str]) -> None:
        self.told.append(kept)


class Costs(Log):
    """A view that is made with what loading costs."""

    def __init__(self, load: LoadCost) -> None:
        super().__init__(load)


def run(number: int) -> Run:
    return Run(family="f", steps=(StepRun(step="s", type="t", spec="s", key=f"{number}"),))


@pytest.mark.parametrize("seed", range(5))
def test_views_see_what_happened_however_late_they_are_asked_for(seed: int) -> None:
    chance = random.Random(seed)
    history = History()
    events: list[Run | Set[str]] = []
    for number in range(60):
        if chance.random() < 0.4:
            events.append(one := run(number))
            history.append(one)
        else:
            events.append(kept := frozenset(chance.sample("abcdefgh", chance.randint(0, 8))))
            history.decide(kept)
        if chance.random() < 0.5:
            assert history.view(Log).told == events
    assert history.view(Log).told == events
    assert history.view(Log) is not history.view(Log, "late")
    assert history.view(Log, "late").told == events


def test_a_view_that_is_given_something_is_one_for_each_of_that() -> None:
    history = History([run(1)], load=LoadCost(latency=3.0))
    view = history.view(Costs, history.load)
    assert view.given == (LoadCost(latency=3.0),)
    assert history.view(Costs, LoadCost(latency=3.0)) is view
    history.append(run(2))
    assert history.view(Costs, history.load).told == [run(1), run(2)]
    other = history.view(Costs, LoadCost())
    assert other is not view
    assert other.told == view.told


def test_a_set_that_changes_later_changes_nothing() -> None:
    history, kept = History(), {"a"}
    history.decide(kept)
    kept.add("b")
    assert history.view(Log).told == [{"a"}]


def test_decisions_take_memory_by_what_they_change() -> None:
    """In the middle of runs there is one for each result, in a cache of any size."""
    held = frozenset(f"key {number}" for number in range(3000))
    history = History()
    history.decide(held)
    tracemalloc.start()
    for number in range(1000):
        history.decide(held | {f"new {number}"})
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 2 * 2**20
