"""A Gaussian process whose hyperparameters are sampled, not fitted, so that few observations do not mislead it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Log-normal priors (mean, deviation) for inputs in [0, 1] and outputs of deviation 1. Short length scales are possible,
# but a dimension that matters little soon gets a long one.
LENGTH, AMPLITUDE, NOISE = (math.log(0.7), 1.0), (0.0, 1.0), (math.log(1e-2), 1.5)
JITTER = 1e-6
STEP = 1.5
"""The first width of a slice, in units of the logarithms sampled."""


@dataclass(frozen=True)
class Process:
    """One sample of the posterior over hyperparameters, conditioned on the observations.

    Attributes:
        weights: of the squared differences, by dimension.
        amplitude: the variance before anything is observed.
        noise: the variance of an observation.
        factor: of the observations' covariance.
        solved: the outputs, solved for it.
        log_density: of these hyperparameters, but for a constant.
    """

    weights: Array
    amplitude: float
    noise: float
    factor: NDArray[np.floating]
    solved: Array
    log_density: float

    @classmethod
    def of(cls, theta: Array, squared: Array, outputs: Array) -> Process | None:
        """The process with logarithmic hyperparameters `theta`; None where its covariance cannot be factored.

        Args:
            theta: length scales by dimension, amplitude, noise.
            squared: (dimension, n, n): squared differences of the observations' inputs.
            outputs: of the observations, with deviation 1.
        """
        weights, amplitude, noise = np.exp(-2 * theta[:-2]), math.exp(theta[-2]), math.exp(theta[-1])
        covariance = amplitude * _matern(np.tensordot(weights, squared, 1))
        covariance[np.diag_indices(len(outputs))] += noise + JITTER
        try:
            factor = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return None
        solved = np.linalg.solve(factor, outputs)
        likelihood = -0.5 * solved @ solved - np.log(np.diag(factor)).sum()
        return cls(weights, amplitude, noise, factor, solved, float(likelihood) + _log_prior(theta))

    def predict(self, squared: Array, pending: tuple[Array, Array] | None = None) -> tuple[Array, Array]:
        """Means and deviations at new inputs.

        Args:
            squared: (dimension, n, m): squared differences of observations and new inputs.
            pending: the same of inputs that are being observed (k, m), and of these among observations and themselves
                (n + k, k). They lessen the deviation where they are, and leave the mean as it is.
        """
        across = self.amplitude * _matern(np.tensordot(self.weights, squared, 1))
        spread = np.linalg.solve(self.factor, across)
        mean = spread.T @ self.solved
        explained = (spread * spread).sum(0)
        if pending is not None:
            own, beside = (self.amplitude * _matern(np.tensordot(self.weights, part, 1)) for part in pending)
            solved = len(self.solved)
            lower = np.linalg.solve(self.factor, beside[:solved])
            rest = beside[solved:] - lower.T @ lower
            rest[np.diag_indices(len(rest))] += self.noise + JITTER
            more = np.linalg.solve(np.linalg.cholesky(rest), own - lower.T @ spread)
            explained = explained + (more * more).sum(0)
        return mean, np.sqrt(np.maximum(self.amplitude - explained, 1e-12))


def sample_processes(squared: Array, outputs: Array, count: int, burn: int, rng: np.random.Generator) -> list[Process]:
    """Processes with hyperparameters from their posterior, by slice sampling.

    Args:
        squared: (dimension, n, n): squared differences of the observations' inputs.
        outputs: of the observations, with deviation 1.
        count: how many samples are wanted.
        burn: how many are thrown away before.
        rng: where chance comes from.
    """
    theta = np.array([*[LENGTH[0]] * len(squared), AMPLITUDE[0], NOISE[0]])
    current = Process.of(theta, squared, outputs)
    assert current is not None, "the means of the priors always give a covariance that can be factored"
    kept: list[Process] = []
    for number in range(burn + count):
        ways = [rng.normal(size=len(theta)), *np.eye(len(theta))[rng.permutation(len(theta))[:2]]]
        for way in ways:
            direction = way / np.linalg.norm(way)
            theta, current = _slice(theta, current, direction, lambda at: Process.of(at, squared, outputs), rng)
        if number >= burn:
            kept.append(current)
    return kept


def _slice(
    theta: Array, current: Process, direction: Array, at: Callable[[Array], Process | None], rng: np.random.Generator
) -> tuple[Array, Process]:
    """A step along one direction, to a point that is not less likely than a random share of where we are."""
    level = current.log_density + math.log(1.0 - rng.random())
    low = -STEP * rng.random()
    high = low + STEP
    while high - low > 1e-3:
        way = rng.uniform(low, high)
        state = at(theta + way * direction)
        if state is not None and state.log_density > level:
            return theta + way * direction, state
        low, high = (way, high) if way < 0 else (low, way)
    return theta, current


def _matern(squared: Array) -> Array:
    """The Matérn kernel of smoothness 5/2."""
    distance = np.sqrt(5 * squared)
    return (1 + distance + distance * distance / 3) * np.exp(-distance)


def _log_prior(theta: Array) -> float:
    lengths = (theta[:-2] - LENGTH[0]) / LENGTH[1]
    others = ((theta[-2] - AMPLITUDE[0]) / AMPLITUDE[1]) ** 2 + ((theta[-1] - NOISE[0]) / NOISE[1]) ** 2
    return -0.5 * float((lengths * lengths).sum() + others)
