"""`llm-optuna`: when the model has a turn, and when it has lost it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from couler_plugins.hookspecs.trials import Trial
from couler_plugins.hpo.llm_tuner import Llm, LlmOptuna
from couler_plugins.hpo.optuna_tuner import Optuna
from couler_plugins.hpo.proposals import ask_tuner
from couler_plugins.hpo.reading import read_task
from couler_plugins.llm.client import ModelUnavailable, Reply, Request
from support import first_of

TASK = read_task(
    {
        "data": {"name": "bowl", "metric": "loss"},
        "space": {
            "x": {"type": "float", "low": 0, "high": 1, "default": 0.5},
            "y": {"type": "float", "low": 0, "high": 1, "default": 0.4},
        },
    }
)


def bowl(values: dict[str, Any]) -> float:
    return float((values["x"] - 0.3) ** 2 + (values["y"] - 0.6) ** 2)


@dataclass
class Model:
    """A model that says what a function makes of a candidate."""

    says: Callable[[dict[str, Any]], float]
    calls: int = 0
    asked: list[Request] = field(default_factory=list)

    def complete(self, request: Request) -> Reply:
        self.calls += 1
        text = request.messages[1].content
        told = self.says(json.loads(text[text.index("{") :])["candidate"])
        return Reply(text=json.dumps({"log": [{"epoch": 1, "loss": told, "metric": told}]}))


class Silent:
    """A model that does not answer."""

    def complete(self, request: Request) -> Reply:
        raise ModelUnavailable("away")


def tuned(tuner: LlmOptuna | Optuna, count: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        proposal = ask_tuner(tuner, TASK, trials, number)
        assert proposal is not None
        value = bowl(dict(proposal.values))
        trials.append(Trial(number=number, values=proposal.values, state="complete", value=value, notes=proposal.notes))
    return trials


def by_model(trials: list[Trial]) -> list[int]:
    return [trial.number for trial in trials if dict(trial.notes).get("model")]


def test_a_model_that_helps_begins_and_has_its_share() -> None:
    trials = tuned(LlmOptuna(client=Model(bowl)), 20)
    own = by_model(trials)
    assert own[:2] == [1, 2]
    assert len(own) <= 6  # 0.3 of 20
    # All but its last one were the best so far: otherwise it would have lost its turn.
    values = [trial.value or 0.0 for trial in trials]
    assert all(values[number] < min(values[:number]) for number in own[:-1])


def test_a_model_that_lies_loses_its_turn() -> None:
    trials = tuned(LlmOptuna(client=Model(lambda values: 9 - bowl(values))), 20)
    assert by_model(trials) == [1]


@pytest.mark.parametrize("share", first_of([0.0, 0.1, 0.5]))
def test_no_model_has_more_than_its_share(share: float) -> None:
    for count in (12, 25):
        trials = tuned(LlmOptuna(client=Model(bowl), first=1, share=share), count)
        assert len(by_model(trials)) <= max(1, share * count)


def test_without_an_answer_it_is_the_sampler() -> None:
    silent, alone = tuned(LlmOptuna(client=Silent(), seed=4), 8), tuned(Optuna(seed=4), 8)
    assert [trial.values for trial in silent] == [trial.values for trial in alone]


def test_the_model_is_asked_once_for_several_trials() -> None:
    model = Model(bowl)
    tuned(LlmOptuna(client=model, candidates=6, rounds=2), 4)
    assert model.calls == 12


def test_a_trial_that_another_process_runs_does_not_take_the_turn() -> None:
    tuner = LlmOptuna(client=Model(bowl))
    trials = tuned(tuner, 2)
    waiting = Trial(number=2, values=trials[1].values, notes=(("model", True),))
    proposal = ask_tuner(tuner, TASK, [*trials, waiting], 3)
    assert proposal is not None
    assert proposal.values not in [trial.values for trial in trials]


@pytest.mark.parametrize("tuner", [Optuna, Llm, LlmOptuna])
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_not_every_sampler_takes_is_refused(tuner: Any, seed: int) -> None:
    with pytest.raises(ValueError, match=r"'seed' is .* and has to be from 0"):
        tuner(seed=seed)
