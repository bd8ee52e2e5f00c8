"""Proposes what a Gaussian process expects to improve most: Bayesian optimization, in NumPy alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from couler_plugins.hookspecs.parameters import Choice, Number, Value
from couler_plugins.hookspecs.trials import Proposal, Space, Task, Trial, Values
from couler_plugins.hpo.gaussian_process import Array, sample_processes

PROCESSES, BURN = 8, 10
RANDOM, LOCAL, AROUND = 400, 40, 5
"""Candidates: from the whole space; from around each of the best trials; how many of these there are."""
SPREAD = 0.25
"""The deviation of draws near the middle: owners put what they expect there."""
JUMP = 0.12
"""The deviation of a local move on a scale without levels."""
ANYWHERE = 0.2
"""The share of local moves that go anywhere on the scale."""
WHOLE = 2_000
"""The most settings of which all are candidates."""
MEMORY = 200
"""Observations that are looked at: the best and the newest; the time that it takes grows with their third power."""
STARTS = 4
"""Observations before a Gaussian process is asked."""
DRAWS = 20
"""How often something new is looked for until then."""


class Suggestion(NamedTuple):
    """What to try: the values, and the cost that is expected of them."""

    values: dict[str, Value]
    cost: float


def near_the_middle(space: Space, count: int, rng: np.random.Generator) -> Array:
    """Places drawn around the middles of the scales; anywhere for what has no order."""
    places = rng.normal(0.5, SPREAD, (count, len(space.parameters)))
    anywhere = rng.random(places.shape)
    free = np.array([not parameter.ordered for _, parameter in space.parameters])
    return _snapped(space, np.where((places < 0) | (places > 1) | free, anywhere, places))


def near(space: Space, values: Values, count: int, rng: np.random.Generator) -> list[dict[str, Value]]:
    """Settings in which one or two parameters differ from a setting."""
    moved = _snapped(space, _around(space, np.array(_places(space, values)), count, rng))
    return [space.at(dict(zip(space.names, map(float, row), strict=True))) for row in moved]


def untried(space: Space, tried: Sequence[Values], rng: np.random.Generator) -> dict[str, Value] | None:
    """Any setting that was not tried; None where a small space has none, or draws from a large one find none."""
    places = _candidates(space, np.empty((0, len(space.parameters))), rng)
    for place in rng.permutation(places):
        values = space.at(dict(zip(space.names, map(float, place), strict=True)))
        if values not in tried:
            return values
    return None


def suggest(
    space: Space, done: Sequence[tuple[Values, float]], pending: Sequence[Values], rng: np.random.Generator
) -> Suggestion | None:
    """The setting with the largest expected improvement; None where every setting was tried.

    Args:
        space: what to choose from.
        done: the settings tried, at least one, with their costs.
        pending: settings that are being tried.
        rng: where chance comes from.
    """
    done = _remembered(done)
    inputs = np.array([_places(space, values) for values, _ in done])
    waiting = np.array([_places(space, values) for values in pending]).reshape(len(pending), len(space.parameters))
    costs = np.array([cost for _, cost in done])
    candidates = _candidates(space, inputs[np.argsort(costs, kind="stable")[:AROUND]], rng)
    tried = {row.tobytes() for row in np.round(np.vstack([inputs, waiting]), 9)}
    rounded = np.round(candidates, 9)
    candidates = candidates[[row.tobytes() not in tried for row in rounded]]
    if not len(candidates):
        return None
    outputs, middle, scale = _standardized(costs)
    processes = sample_processes(_squared(space, inputs, inputs), outputs, PROCESSES, BURN, rng)
    across = _squared(space, inputs, candidates)
    beside = None
    if len(waiting):
        beside = _squared(space, waiting, candidates), _squared(space, np.vstack([inputs, waiting]), waiting)
    predictions = [process.predict(across, beside) for process in processes]
    gain = sum(_expected_improvement(mean, deviation, outputs.min()) for mean, deviation in predictions)
    best = int(np.argmax(gain))
    mean = float(np.mean([means[best] for means, _ in predictions]))
    names = space.names
    return Suggestion(space.at(dict(zip(names, map(float, candidates[best]), strict=True))), middle + scale * mean)


def _remembered(done: Sequence[tuple[Values, float]]) -> Sequence[tuple[Values, float]]:
    if len(done) <= MEMORY:
        return done
    best = sorted(range(len(done)), key=lambda number: (done[number][1], number))[: MEMORY // 2]
    newest = [number for number in reversed(range(len(done))) if number not in set(best)][: MEMORY - len(best)]
    return [done[number] for number in sorted([*best, *newest])]


def _standardized(costs: Array) -> tuple[Array, float, float]:
    """Costs with mean 0 and deviation 1. What is far worse than the median counts as just worse: a training that
    diverged says nothing of how the good ones differ.
    """
    median = float(np.median(costs))
    room = median - float(costs.min())
    cut = np.minimum(costs, median + (room if room > 0 else 1.0))
    middle, scale = float(cut.mean()), float(cut.std()) or 1.0
    return (cut - middle) / scale, middle, scale


def _expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    score = (best - mean) / deviation
    below = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in score])
    density = np.exp(-0.5 * score * score) / math.sqrt(2 * math.pi)
    gain: Array = deviation * (score * below + density)
    return gain


def _candidates(space: Space, best: Array, rng: np.random.Generator) -> Array:
    """Settings to choose from: all of a small space, else some of all of it and some around the best."""
    if space.size is not None and space.size <= WHOLE:
        scales = [[parameter.place(value) for value in parameter.each()] for _, parameter in space.parameters]
        drawn = np.array(list(itertools.product(*scales)))
    else:
        half = RANDOM // 2
        drawn = np.vstack([rng.random((half, len(space.parameters))), near_the_middle(space, half, rng)])
        drawn = np.vstack([drawn, *(_around(space, place, LOCAL, rng) for place in best)])
    return np.unique(_blanked(space, _snapped(space, drawn)), axis=0)


def _around(space: Space, place: Array, count: int, rng: np.random.Generator) -> Array:
    """Settings in which one or two parameters differ from one that was good."""
    shape = (count, len(place))
    rank = rng.random(shape).argsort(1)
    moves = rank < rng.integers(1, 3, (count, 1))
    parameters = [parameter for _, parameter in space.parameters]
    levels = np.array([isinstance(parameter, Choice) for parameter in parameters])
    step = 1 / np.array([max((parameter.levels or 2) - 1, 1) for parameter in parameters])
    jumps = np.where(levels, rng.choice([-2, -1, 1, 2], shape) * step, rng.normal(0, JUMP, shape))
    free = np.array([not parameter.ordered for parameter in parameters]) | (rng.random(shape) < ANYWHERE)
    moved = np.where(free, rng.random(shape), place + jumps)
    return np.clip(np.where(moves, moved, place), 0, 1)


def _places(space: Space, values: Values) -> list[float]:
    """The place of a setting; what does not count is where its default is."""
    return [
        parameter.place(values[name]) if name in values else _blank(parameter) for name, parameter in space.parameters
    ]


def _blank(parameter: Number | Choice) -> float:
    return 0.5 if parameter.default is None else parameter.place(parameter.default)


def _blanked(space: Space, places: Array) -> Array:
    """The places with what does not count where its default is, so that equal settings are equal."""
    if not any(parameter.when for _, parameter in space.parameters):
        return places
    return np.array([_places(space, space.at(dict(zip(space.names, map(float, row), strict=True)))) for row in places])


def _snapped(space: Space, places: Array) -> Array:
    columns = [parameter.snapped(places[:, number]) for number, (_, parameter) in enumerate(space.parameters)]
    return np.column_stack(columns)


def _squared(space: Space, left: Array, right: Array) -> Array:
    """(dimension, n, m): squared differences of places; 1 between any two values without an order."""
    difference = left.T[:, :, None] - right.T[:, None, :]
    ordered = np.array([parameter.ordered for _, parameter in space.parameters])[:, None, None]
    return np.where(ordered, difference * difference, np.abs(difference) > 1e-9)


def propose_by_process(task: Task, trials: Sequence[Trial], number: int, seed: int) -> Proposal | None:
    """Return what a Gaussian process over the trials so far expects to improve most; None where all was tried."""
    rng = np.random.default_rng([seed, number])
    costs = [(dict(trial.values), task.cost(trial.value)) for trial in trials if trial.value is not None]
    failed = [dict(trial.values) for trial in trials if trial.state == "failed" and trial.values]
    pending = [dict(trial.values) for trial in trials if trial.state == "running" and trial.values]
    if len(costs) < STARTS:
        tried = [*(values for values, _ in costs), *failed, *pending]
        for places in near_the_middle(task.space, DRAWS, rng):
            values = task.space.at(dict(zip(task.space.names, map(float, places), strict=True)))
            if values not in tried:
                return Proposal(
                    values=tuple(values.items()), reason="drawn near the middle of the space, to begin with"
                )
    if not costs and not failed:
        choices = untried(task.space, pending, rng)
        if choices is None:
            return None
        return Proposal(values=tuple(choices.items()), reason="drawn from what is left of the space")
    # Where nothing was ever measured, all that failed is equally bad, and the farthest from it is the best guess.
    worst = max((cost for _, cost in costs), default=0.0)
    done = [*costs, *((values, worst) for values in failed)]
    suggestion = suggest(task.space, done, pending, rng)
    if suggestion is None:
        return None
    return Proposal(
        values=tuple(suggestion.values.items()),
        reason="the largest improvement is expected here, by a Gaussian process",
        predicted=task.cost(suggestion.cost),  # which is its own inverse
    )
