"""The tuners `llm` and `llm-optuna`: a language model's predictions, alone or before what was measured says more."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.hpo.optuna_tuner import LARGEST_SEED, Sampler, propose
from couler_plugins.llm.access import ModelAccess
from couler_plugins.llm.client import Client
from couler_plugins.options.fields import check_range

if TYPE_CHECKING:
    from couler_plugins.hpo.predictions.predicting import Prediction

PREDICTIONS = "predictions"
"""The note with the model's ranking, on the trial that it was asked for."""

MODEL = "model"
"""The note on trials that the model proposed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Llm(ModelAccess):
    """Lets a language model predict the training logs of candidates, and proposes those that end best (Algorithm 4).

    Attributes:
        candidates: how many are predicted in a round.
        rounds: the first has candidates from the whole space, later ones from around the best prediction.
        seed: of all that is drawn.
    """

    name: ClassVar[str] = "llm"
    candidates: int = 8
    rounds: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range.
        """
        super().__post_init__()
        check_range("candidates", self.candidates, 1, 1_000)
        check_range("rounds", self.rounds, 1, 100)
        check_range("seed", self.seed, 0, LARGEST_SEED)

    def propose(self, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
        """The best prediction that was not tried; None where there is none, so that the user's values stay.

        Raises:
            InvalidInput: the model's server is not set up as it has to be.
        """
        ranking, notes = self._ranking(task, trials, number)
        return _proposal(ranking, trials, notes)

    def _ranking(self, task: Task, trials: Sequence[Trial], number: int) -> tuple[list[Prediction], dict[str, Any]]:
        """Predictions, the best first: those that an earlier trial has left, or new ones, with the notes to leave."""
        import msgspec

        from couler_plugins.hpo.predictions.predicting import Prediction

        for trial in reversed(trials):
            if PREDICTIONS in (notes := dict(trial.notes)):
                predictions = msgspec.convert(notes[PREDICTIONS], list[Prediction])
                if _untried(predictions, trials):
                    return predictions, {}
                break
        product = self._predicted(task, trials, number)
        return product, {PREDICTIONS: msgspec.to_builtins(product)} if product else {}

    def _predicted(self, task: Task, trials: Sequence[Trial], number: int) -> list[Prediction]:
        import numpy as np

        from couler_plugins.hpo.predictions.predicting import best_predictions, predict
        from couler_plugins.hpo.surrogate import near, near_the_middle

        rng = np.random.default_rng([self.seed, number])
        seen = [dict(trial.values) for trial in trials]
        predictions: list[Prediction] = []
        for turn in range(self.rounds):
            if turn and not predictions:
                break
            if turn:
                drawn = near(task.space, dict(best_predictions(task, predictions)[0].values), 4 * self.candidates, rng)
            else:
                names = task.space.names
                # What is set comes first: nothing is better than it that is only predicted as well.
                drawn = [] if task.space.defaults is None else [task.space.defaults]
                drawn += [dict(one) for one in task.candidates]
                places = near_the_middle(task.space, 4 * self.candidates, rng)
                drawn += [task.space.at(dict(zip(names, map(float, row), strict=True))) for row in places]
            fresh = [one for place, one in enumerate(drawn) if one not in seen and one not in drawn[:place]]
            untried_ones = fresh[: self.candidates]
            seen += untried_ones
            predicted = list(predict(self._client, task, untried_ones, trials, self.seed))
            predictions += predicted
        if not predictions:
            log.warning("no prediction could be used: what was set stays")
        return best_predictions(task, predictions)

    @cached_property
    def _client(self) -> Client:
        """What is asked, with its budget, for as long as this tuner is used."""
        return self.opened(f"the tuner {self.name!r}", f"{self.name}{{model=…,url=…}}")


@dataclass(frozen=True, kw_only=True)
class LlmOptuna(Llm):
    """Begins with a language model's best predictions, and goes on by what was measured.

    Attributes:
        sampler: what proposes all other trials, as in `optuna`.
        first: how many of the first trials the model may propose.
        share: the share of all trials that it may propose later on, as long as its last one was the best so far.
    """

    name: ClassVar[str] = "llm-optuna"
    sampler: Sampler = "gp"
    first: int = 3
    share: float = 0.3

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range.
        """
        super().__post_init__()
        check_range("first", self.first, 0, 1_000)
        check_range("share", self.share, 0, 1)

    def propose(self, task: Task, trials: Sequence[Trial], number: int) -> Proposal | None:
        """What to try next; the sampler's where the model has no turn, or nothing to say.

        Raises:
            InvalidInput: the model's server is not set up as it has to be.
        """
        notes: dict[str, Any] = {}
        if self._has_turn(task, trials):
            ranking, notes = self._ranking(task, trials, number)
            if (proposal := _proposal(ranking, trials, notes)) is not None:
                return proposal
        return propose(self.sampler, task, trials, number, self.seed)

    def _has_turn(self, task: Task, trials: Sequence[Trial]) -> bool:
        own = [trial for trial in trials if MODEL in dict(trial.notes)]
        first = len(own) < self.first and len(own) + 2 > len(trials)  # nothing but its own and the defaults so far
        may = first or len(own) + 1 <= self.share * (len(trials) + 1)
        return may and (not own or _helps(task, own[-1], trials))


def _helps(task: Task, trial: Trial, trials: Sequence[Trial]) -> bool:
    """Whether a trial was better than all before it; one that has no value yet may be."""
    if trial.value is None:
        return trial.state == "running"
    before = [task.cost(other.value) for other in trials if other.value is not None and other.number < trial.number]
    return not before or task.cost(trial.value) < min(before)


def _proposal(ranking: Sequence[Prediction], trials: Sequence[Trial], notes: dict[str, Any]) -> Proposal | None:
    choices = _untried(ranking, trials)
    if not choices:
        return None
    return Proposal(
        values=choices[0].values,
        reason="the model's predicted training ends best with it",
        predicted=choices[0].metric,
        notes=tuple({**notes, MODEL: True}.items()),
    )


def _untried(ranking: Sequence[Prediction], trials: Sequence[Trial]) -> list[Prediction]:
    tried = [trial.values for trial in trials]
    return [one for one in ranking if one.values not in tried]
