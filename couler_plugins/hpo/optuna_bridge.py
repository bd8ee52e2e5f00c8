"""Optuna's terms for ours, and back. Whoever imports this module needs Optuna, of the extra `tune`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna  # noqa: TID253  # imported inside functions only
from optuna import samplers  # noqa: TID253  # as above
from optuna.distributions import (  # noqa: TID253  # as above
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning  # noqa: TID253  # as above
from optuna.trial import FrozenTrial, TrialState  # noqa: TID253  # as above

from couler_plugins.hookspecs.parameters import Choice, Number, Value
from couler_plugins.hookspecs.trials import Proposal, Space, State, Task, Trial
from couler_plugins.hpo.optuna_tuner import Sampler

NOTES = "couler.notes"
"""The attribute of a trial that holds what its tuner left with it, as JSON."""

STATES: dict[TrialState, State] = {
    TrialState.RUNNING: "running",
    TrialState.WAITING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
THEIRS = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Given(samplers.BaseSampler):
    """Samples nothing: it gives the values that it was given."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: each parameter is asked for by itself."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of a parameter."""
        return self.values[param_name]


def suggested(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """What the study's sampler suggests for a trial."""
    values: dict[str, Value] = {}
    for name, parameter in space.parameters:
        if any(name == counting for counting, _ in space.counting(values)):
            values[name] = outer(parameter, _suggest(trial, name, distribution(parameter)))
    return values


def frozen(trial: Trial, task: Task) -> FrozenTrial:
    """A trial of ours as Optuna's, its values as costs, to be added to a study in memory."""
    parameters = dict(task.space.parameters)
    return optuna.trial.create_trial(
        state=THEIRS.get(trial.state, TrialState.RUNNING),
        value=task.cost(trial.value) if trial.value is not None and trial.state != "running" else None,
        params={name: inner(parameters[name], value) for name, value in trial.values},
        distributions={name: distribution(parameters[name]) for name, _ in trial.values},
        intermediate_values={step: task.cost(value) for step, value in trial.reports},
    )


def thawed(trial: FrozenTrial, space: Space) -> Trial:
    """A trial of Optuna's, whose values are the metric's own, as ours."""
    parameters = dict(space.parameters)
    values = {name: outer(parameters[name], value) for name, value in trial.params.items() if name in parameters}
    reports = tuple(sorted(trial.intermediate_values.items()))
    value = trial.value if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    return Trial(
        number=trial.number,
        values=tuple((name, values[name]) for name in space.names if name in values),
        state=STATES[trial.state],
        value=reports[-1][1] if value is None and trial.state == TrialState.PRUNED and reports else value,
        reports=reports,
        notes=tuple(json.loads(trial.user_attrs.get(NOTES, "{}")).items()),
    )


def distribution(parameter: Number | Choice) -> BaseDistribution:
    """A parameter in Optuna's terms: choices in rising order are their numbers, since Optuna's have no order."""
    if isinstance(parameter, Number):
        log = parameter.type.startswith("log-")
        if parameter.levels is not None:
            return IntDistribution(int(parameter.low), int(parameter.high), log=log)
        return FloatDistribution(float(parameter.low), float(parameter.high), log=log)
    if parameter.ordered:
        return IntDistribution(0, len(parameter.choices) - 1)
    return CategoricalDistribution(parameter.choices)


def inner(parameter: Number | Choice, value: Value) -> Any:
    """A value of ours as Optuna's."""
    if isinstance(parameter, Choice) and parameter.ordered:
        return round(parameter.place(value) * (len(parameter.choices) - 1))
    return value


def outer(parameter: Number | Choice, value: Any) -> Value:
    """A value of Optuna's as ours."""
    if isinstance(parameter, Choice):
        return parameter.choices[int(value)] if parameter.ordered else parameter.at(parameter.place(value))
    return int(value) if parameter.levels is not None else float(value)


def _suggest(trial: optuna.Trial, name: str, within: BaseDistribution) -> Any:
    if isinstance(within, CategoricalDistribution):
        return trial.suggest_categorical(name, within.choices)
    if isinstance(within, IntDistribution):
        return trial.suggest_int(name, within.low, within.high, log=within.log)
    assert isinstance(within, FloatDistribution)
    return trial.suggest_float(name, within.low, within.high, log=within.log)


def propose_by_optuna(sampler: Sampler, task: Task, trials: Sequence[Trial], number: int, seed: int) -> Proposal:
    """Asks a sampler in a study of its own that lives in memory, so that no state is kept between two calls."""
    usable = [trial for trial in trials if trial.values and (trial.value is not None or trial.state == "running")]
    stateful = sampler in ("cma-es", "qmc", "nsga-ii")
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study = optuna.create_study(sampler=_sampler(sampler, seed, own))
    for trial in usable:
        if stateful and trial.state == "complete":  # they count what they were asked, so they are asked again
            study.enqueue_trial(frozen(trial, task).params)
            request = study.ask()
            suggested(request, task.space)
            study.tell(request, task.cost(trial.value or 0.0))
        else:
            study.add_trial(frozen(trial, task))
    values = suggested(study.ask(), task.space)
    return Proposal(values=tuple(values.items()), reason=f"Optuna's sampler {sampler} proposes it")


def _sampler(name: Sampler, seed: int, own: int) -> samplers.BaseSampler:
    """A sampler of Optuna: the tuner's seed is for what has to be the same in all trials, `own` for the rest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # what is experimental is how they are called
        match name:
            case "tpe":
                return samplers.TPESampler(seed=own, constant_liar=True)
            case "cma-es":
                return samplers.CmaEsSampler(
                    seed=seed, independent_sampler=samplers.RandomSampler(seed=own), warn_independent_sampling=False
                )
            case "qmc":
                return samplers.QMCSampler(
                    seed=seed,
                    scramble=True,
                    independent_sampler=samplers.RandomSampler(seed=own),
                    warn_independent_sampling=False,
                )
            case "nsga-ii":
                return samplers.NSGAIISampler(seed=own)
            case _:
                return samplers.RandomSampler(seed=own)
