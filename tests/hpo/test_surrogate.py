"""The Gaussian process, and what it proposes."""

from __future__ import annotations

import numpy as np
import pytest

from couler_plugins.hookspecs.parameters import Choice, Number
from couler_plugins.hookspecs.trials import Space, Values
from couler_plugins.hpo.gaussian_process import Array, Process, sample_processes
from couler_plugins.hpo.surrogate import MEMORY, near, suggest

LINE = Space.of({"x": Number(type="float", low=0, high=1)})
MIXED = Space.of(
    {
        "rate": Number(type="log-float", low=1e-4, high=1),
        "kind": Choice(type="categorical", choices=("a", "b", "c")),
        "units": Choice(type="categorical", choices=(16, 32, 64, 128, 256)),
        "depth": Number(type="int", low=1, high=9, when=(("kind", ("b",)),)),
    }
)


def squared(left: list[float], right: list[float]) -> Array:
    found: Array = (np.array(left)[:, None] - np.array(right)[None])[None] ** 2
    return found


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def process() -> Process:
    inputs, outputs = [0.0, 0.5, 1.0], np.array([1.0, -1.0, 0.5])
    found = Process.of(np.array([np.log(0.3), 0.0, np.log(1e-6)]), squared(inputs, inputs), outputs)
    assert found is not None
    return found


def test_a_process_goes_through_what_was_observed() -> None:
    mean, deviation = process().predict(squared([0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 0.25]))
    assert mean[:3] == pytest.approx([1.0, -1.0, 0.5], abs=1e-3)
    assert deviation[:3].max() < 0.01 < deviation[3]


def test_a_process_agrees_with_the_formula() -> None:
    inputs, outputs, at = np.array([0.0, 0.5, 1.0]), np.array([1.0, -1.0, 0.5]), np.array([0.3])

    def kernel(left: Array, right: Array) -> Array:
        distance: Array = np.sqrt(5) * np.abs(left[:, None] - right[None]) / 0.3
        covariance: Array = (1 + distance + distance**2 / 3) * np.exp(-distance)
        return covariance

    inverse = np.linalg.inv(kernel(inputs, inputs) + 2e-6 * np.eye(3))
    across = kernel(inputs, at)
    mean, deviation = process().predict(squared([0.0, 0.5, 1.0], [0.3]))
    assert mean == pytest.approx(across.T @ inverse @ outputs)
    assert deviation**2 == pytest.approx(np.diag(1 - across.T @ inverse @ across))


def test_what_is_being_observed_lessens_the_doubt_there_and_leaves_the_mean() -> None:
    across = squared([0.0, 0.5, 1.0], [0.25, 0.8])
    pending = squared([0.25], [0.25, 0.8]), squared([0.0, 0.5, 1.0, 0.25], [0.25])
    mean, deviation = process().predict(across)
    same, less = process().predict(across, pending)
    assert same == pytest.approx(mean)
    assert less[0] < 0.01 < deviation[0]
    assert less[1] == pytest.approx(deviation[1], rel=0.2)


def test_samples_know_which_dimension_matters() -> None:
    places = rng(1).random((25, 2))
    differences = (places.T[:, :, None] - places.T[:, None, :]) ** 2
    outputs = np.sin(7 * places[:, 0])
    found = sample_processes(differences, (outputs - outputs.mean()) / outputs.std(), 20, 20, rng())
    first, second = np.median([one.weights for one in found], axis=0)
    assert first > 10 * second


def test_it_finds_the_bottom_of_a_bowl() -> None:
    done: list[tuple[Values, float]] = [({"x": x}, (x - 0.37) ** 2) for x in (0.1, 0.5, 0.9)]
    for turn in range(8):
        found = suggest(LINE, done, [], rng(turn))
        assert found is not None
        x = float(found.values["x"])
        done.append((found.values, (x - 0.37) ** 2))
    assert min(cost for _, cost in done) < 1e-4


def test_it_never_proposes_what_was_tried_or_is_being_tried() -> None:
    space = Space.of(
        {"a": Choice(type="categorical", choices=(1, 2, 3)), "b": Choice(type="categorical", choices=("x", "y"))}
    )
    done: list[tuple[Values, float]] = [({"a": 1, "b": "x"}, 1.0)]
    pending: list[Values] = []
    for turn in range(5):
        found = suggest(space, done, pending, rng(turn))
        assert found is not None
        assert found.values not in [values for values, _ in done] + pending
        pending.append(found.values)
    assert suggest(space, done, pending, rng()) is None


def test_what_it_proposes_is_a_setting() -> None:
    drawn = near(MIXED, {"rate": 0.01, "kind": "a", "units": 64}, 20, rng())
    assert all(not MIXED.problems(values) for values in drawn)
    done = [(values, float(number)) for number, values in enumerate(drawn)]
    for turn in range(5):
        found = suggest(MIXED, done, [], rng(turn))
        assert found is not None
        assert not MIXED.problems(found.values)


def test_the_same_seed_gives_the_same() -> None:
    done: list[tuple[Values, float]] = [({"x": x}, x) for x in (0.2, 0.4, 0.8)]
    assert suggest(LINE, done, [], rng(3)) == suggest(LINE, done, [], rng(3))


@pytest.mark.parametrize("costs", [[1.0, 1.0, 1.0], [0.0, 1e300, 1e-300], [1e9, 1.0, 2.0], [-5.0, 5.0, 0.0]])
def test_costs_of_any_size_are_understood(costs: list[float]) -> None:
    done: list[tuple[Values, float]] = [({"x": x}, cost) for x, cost in zip((0.2, 0.4, 0.8), costs, strict=True)]
    found = suggest(LINE, done, [], rng())
    assert found is not None
    assert np.isfinite(found.cost)


@pytest.mark.slow
def test_of_a_long_study_the_best_and_the_newest_are_looked_at() -> None:
    draw = rng(5)
    done: list[tuple[Values, float]] = [({"x": float(x)}, float(abs(x - 0.5))) for x in draw.random(5 * MEMORY)]
    rank = sorted(range(len(done)), key=lambda number: done[number][1])
    best = set(rank[: MEMORY // 2])
    newest = [number for number in range(len(done)) if number not in best][-MEMORY // 2 :]
    looked_at = [done[number] for number in sorted([*best, *newest])]
    assert len(looked_at) == MEMORY
    assert suggest(LINE, done, [], rng()) == suggest(LINE, looked_at, [], rng())
