"""Input of a tuner: the task, and the trials so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.cards import DataCard, ModelCard
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.space import Space

__all__ = ["Outcome", "Proposal", "State", "Task", "Trial", "best_of"]

State = Literal["running", "complete", "pruned", "failed"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A tuning task.

    Attributes:
        data: the Data Card; its metric is what counts.
        space: what to choose from. Its defaults, where it has all, are always the first trial.
        model: the Model Card, if there is one.
        candidates: settings that its owner wants to have considered first, by tuners that consider candidates.
        metric_from: what a step calls the output with the metric; empty where it has the metric's own name.
    """

    data: DataCard
    space: Space
    model: ModelCard | None = None
    candidates: tuple[tuple[tuple[str, Value], ...], ...] = ()
    metric_from: str = ""

    def cost(self, value: float) -> float:
        """A value of the metric as a number that is better the smaller it is."""
        return value if self.data.goal == "minimize" else -value


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One training.

    Attributes:
        number: from 0, in the order in which they were asked for.
        values: the hyperparameters.
        state: `pruned` where it was stopped early; `failed` where it gave nothing.
        value: the metric at its end; at the last report where it was pruned; None where it is not known.
        reports: the metric on the way, by step.
        notes: what the tuner that proposed it left with it.
    """

    number: int
    values: tuple[tuple[str, Value], ...]
    state: State = "running"
    value: float | None = None
    reports: tuple[tuple[int, float], ...] = ()
    notes: tuple[tuple[str, Any], ...] = ()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal for the next trial.

    Attributes:
        values: the hyperparameters.
        reason: why, in half a sentence.
        predicted: the metric that the tuner reckons with; None where it does not say.
        notes: what to keep with the trial, in JSON's terms: tuners see it again in `Trial.notes`.
    """

    values: tuple[tuple[str, Value], ...]
    reason: str
    predicted: float | None = None
    notes: tuple[tuple[str, Any], ...] = ()


Outcome = float | None
"""What came of a trial: the metric at its end, or None where it failed."""


def best_of(task: Task, trials: Sequence[Trial]) -> Trial:
    """The completed trial with the best value; of equal ones the first.

    Raises:
        InvalidInput: none was completed.
    """
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if not done:
        raise InvalidInput("no trial was completed", hint="see why the trials failed; the user's values stay")
    return min(done, key=lambda trial: (task.cost(trial.value or 0.0), trial.number))
