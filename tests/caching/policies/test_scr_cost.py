"""The expected cost of SCR-EM against enumeration, and its search against all subsets."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest

from couler_plugins.caching.policies.scr.choice import Artifact, Choice
from couler_plugins.caching.policies.scr.choose import choose
from couler_plugins.caching.policies.scr.cost import Expected
from couler_plugins.caching.policies.scr.shape import Shape

SCENARIOS = 11


class Case:
    """A random graph with times, weights of scenarios, and in which of them each step's artifact is valid."""

    def __init__(self, seed: int, steps: int) -> None:
        chance = random.Random(seed)
        parents = [
            tuple(sorted(chance.sample(range(step), min(step, chance.choice((0, 1, 1, 2, 3))))))
            for step in range(steps)
        ]
        self.shape = Shape(tuple(f"s{step}" for step in range(steps)), ("t",) * steps, tuple(parents))
        self.compute = [chance.uniform(0, 20) for _ in parents]
        self.load = [chance.uniform(0, 4) for _ in parents]
        shares = [chance.random() for _ in range(SCENARIOS)]
        self.weights = [share / sum(shares) for share in shares]
        self.masks = [chance.getrandbits(SCENARIOS) for _ in parents]
        self.sizes = [chance.randint(1, 9) for _ in parents]
        self.sinks = [not children for children in self.shape.children]

    def expected(self) -> Expected:
        return Expected(self.shape, self.weights, self.compute, self.load, self.sinks)

    def choice(self, room: int) -> Choice:
        artifacts = {
            f"k{step}": Artifact(size, ((0, step, mask),))
            for step, (size, mask) in enumerate(zip(self.sizes, self.masks, strict=True))
        }
        return Choice(artifacts, [self.expected()], room)

    def seconds(self, kept: Sequence[int]) -> float:
        """The expected cost as the simulator would have it: one scenario after the other, from the sinks up."""
        total = 0.0
        for scenario, weight in enumerate(self.weights):
            needed = list(self.sinks)
            for step in reversed(range(len(needed))):
                if needed[step] and step in kept and self.masks[step] >> scenario & 1:
                    total += weight * self.load[step]
                elif needed[step]:
                    total += weight * self.compute[step]
                    for parent in self.shape.parents[step]:
                        needed[parent] = True
        return total


@pytest.mark.parametrize("seed", range(8))
def test_the_expected_cost_is_that_of_all_scenarios_one_by_one(seed: int) -> None:
    case = Case(seed, 9)
    assert case.expected().seconds() == pytest.approx(case.seconds([]))
    for kept in ([0], [3, 4], [0, 2, 5, 8], list(range(9))):
        expected = case.expected()
        trial = expected.adding({step: case.masks[step] for step in kept})
        assert expected.seconds() - trial.saved == pytest.approx(case.seconds(kept))
        expected.commit(trial)
        assert expected.seconds() == pytest.approx(case.seconds(kept))


@pytest.mark.parametrize("seed", range(8))
def test_sweeping_what_is_touched_gives_what_a_full_sweep_gives(seed: int) -> None:
    case, chance = Case(seed, 12), random.Random(seed)
    choice = case.choice(0)
    for _ in range(60):
        step = chance.randrange(12)
        key = f"k{step}"
        if key in choice.kept:
            foreseen = choice.loss(key)
            before = choice.saved
            choice.drop(key)
            assert before - choice.saved == pytest.approx(foreseen)
        else:
            foreseen = choice.gain((key,))
            before = choice.saved
            choice.add((key,))
            assert choice.saved - before == pytest.approx(foreseen)
        kept = [int(key[1:]) for key in choice.kept]
        assert choice.costs[0].seconds() == pytest.approx(case.seconds(kept))
        assert case.seconds([]) - choice.saved == pytest.approx(case.seconds(kept))
        assert choice.room == -sum(case.sizes[one] for one in kept)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_taken_back_leaves_everything_as_it_was(seed: int) -> None:
    case, chance = Case(seed, 12), random.Random(seed)
    choice = case.choice(30)
    choice.add(("k3", "k7"))
    choice.add(("k5",))
    before = choice.saved, choice.room, set(choice.kept)
    gains = {f"k{step}": choice.gain((f"k{step}",)) for step in range(12) if f"k{step}" not in choice.kept}
    mark = choice.mark()
    for _ in range(9):
        key = f"k{chance.randrange(12)}"
        if key in choice.kept:
            choice.drop(key)
        else:
            choice.add((key,))
    choice.back(mark)
    assert choice.saved == pytest.approx(before[0])
    assert (choice.room, set(choice.kept)) == before[1:]
    assert choice.costs[0].seconds() == pytest.approx(case.seconds([3, 5, 7]))
    for key, gain in gains.items():
        assert choice.gain((key,)) == pytest.approx(gain)


def test_a_trial_holds_until_one_of_its_steps_changes() -> None:
    shape = Shape(("a", "b", "c", "d"), ("t",) * 4, ((), (0,), (), (2,)))
    expected = Expected(shape, [1.0], [5.0, 1.0, 7.0, 1.0], [0.5] * 4, [False, True, False, True])
    of_a, of_c = expected.adding({0: 1}), expected.adding({2: 1})
    expected.commit(expected.adding({1: 1}))
    assert not expected.holds(of_a)
    assert expected.holds(of_c)
    assert expected.adding({0: 1}).saved == 0
    assert expected.adding({2: 1}).saved == pytest.approx(6.5)


def _best(case: Case, room: int) -> float:
    """What the best subset saves, by trying all."""
    steps = range(len(case.sizes))
    fitting = (
        kept
        for count in range(len(case.sizes) + 1)
        for kept in combinations(steps, count)
        if sum(case.sizes[step] for step in kept) <= room
    )
    return case.seconds([]) - min(case.seconds(kept) for kept in fitting)


def test_the_search_is_close_to_the_best_subset() -> None:
    shares = []
    for seed in range(25):
        case = Case(seed, 8)
        room = sum(case.sizes) // 3
        choice = case.choice(room)
        groups = [tuple(f"k{child}" for child in children) for children in case.shape.children if len(children) > 1]
        choose(choice, [*((key,) for key in choice.artifacts), *groups])
        assert choice.room >= 0
        shares.append(choice.saved / _best(case, room))
    assert min(shares) > 0.9
    assert sum(shares) / len(shares) > 0.99


def _search(build: Callable[[], Choice], bundles: Sequence[tuple[str, ...]]) -> set[str]:
    choice = build()
    choose(choice, bundles)
    return set(choice.kept)


def test_artifacts_that_save_only_together_are_found() -> None:
    """All hangs on one long step; its result does not fit, those of its children do, and only all of them help."""
    parents = ((), (0,), (0,), (0,), (1, 2, 3))
    shape = Shape(("long", "a", "b", "c", "end"), ("x", "y", "y", "y", "z"), parents)

    def build() -> Choice:
        cost = Expected(shape, [1.0], [100.0, 1.0, 1.0, 1.0, 1.0], [0.9] * 5, [False] * 4 + [True])
        places = {"long": 0, "a": 1, "b": 2, "c": 3}
        sizes = {"long": 90, "a": 10, "b": 10, "c": 10}
        return Choice({key: Artifact(sizes[key], ((0, node, 1),)) for key, node in places.items()}, [cost], 30)

    assert _search(build, [("long",), ("a",), ("b",), ("c",)]) == {"a", "b", "c"}
    assert _search(build, [("long",), ("a",), ("b",), ("c",), ("a", "b", "c")]) == {"a", "b", "c"}


def test_a_search_that_has_no_more_work_left_ends_with_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(2, 40)
    room = sum(case.sizes) // 3
    bundles = [(f"k{step}",) for step in range(40)]
    best, short = case.choice(room), case.choice(room)
    choose(best, bundles)
    monkeypatch.setattr("couler_plugins.caching.policies.scr.choose.LIMIT", 0)
    choose(short, bundles)
    assert short.room >= 0
    assert 0 < short.saved <= best.saved
    assert short.work < best.work / 2
