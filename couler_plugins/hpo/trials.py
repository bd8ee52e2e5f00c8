"""Runs trials in this process, one after the other, until there are as many as wanted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from couler_plugins.errors import InvalidInput, one_line
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Trial, Values
from couler_plugins.hpo.study import Study

Report = Callable[[int, float], None]
"""Tells of the metric on the way: step and value. It raises `Pruned` where the trial is not worth going on with."""

Objective = Callable[["Values", Report], float]
"""Trains with some values and returns the metric."""

log = logging.getLogger(__name__)


class Pruned(Exception):
    """A trial is stopped early; an objective lets it pass."""


def run_trials(study: Study, tuner: Tuner, objective: Objective, count: int, max_failed: int | None = None) -> Trial:
    """Runs trials until the study has `count` of them, and returns the best.

    What was left by a process that is gone is run first, under its own number. A trial whose objective raises an
    exception has failed, and the next one is run.

    Args:
        study: where the trials are.
        tuner: what proposes them.
        objective: what trains.
        count: how many trials the study shall have in all.
        max_failed: how many may fail; None for any number.

    Raises:
        InvalidInput: too many failed, or none was completed.
        PluginFailure: the tuner failed.
        EngineError: the storage failed.
    """
    while (trial := study.resume(tuner) or study.ask(tuner, count)) is not None:
        _run(study, trial, objective)
        failed = sum(one.state == "failed" for one in study.trials)
        if max_failed is not None and failed > max_failed:
            raise InvalidInput(f"{failed} trials failed, more than {max_failed}", hint="-v shows why they did")
    return study.best


def _run(study: Study, trial: Trial, objective: Objective) -> None:
    def report(step: int, value: float) -> None:
        if study.report(trial.number, step, value):
            raise Pruned

    try:
        with study.kept_alive(trial.number):
            value = float(objective(dict(trial.values), report))
        study.tell(trial.number, value)
    except Pruned:
        study.tell(trial.number, None, pruned=True)
    except Exception as error:  # noqa: BLE001  # whatever a training raises, the study goes on
        log.warning("trial %d failed: %s", trial.number, one_line(error))
        study.tell(trial.number, None)
