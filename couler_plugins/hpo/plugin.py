"""What comes with tuning, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import Optimizer, Tuner, hookimpl
from couler_plugins.hpo.llm_tuner import Llm, LlmOptuna
from couler_plugins.hpo.optuna_tuner import Optuna
from couler_plugins.hpo.workflows.optimizer import Tune

__all__ = ["couler_optimizers", "couler_tuners"]


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """The optimizer `tune`."""
    return [Tune]


@hookimpl
def couler_tuners() -> list[type[Tuner]]:
    """The built-in tuners."""
    return [Optuna, Llm, LlmOptuna]
