"""What comes with tuning, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import Optimizer, hookimpl
from couler_plugins.hpo.workflows.optimizer import Tune
from couler_plugins.markers import listed


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """The optimizer `tune`."""
    return [Tune]


couler_tuners = listed(
    "couler_plugins.hpo.optuna_tuner:Optuna",
    "couler_plugins.hpo.llm_tuner:Llm",
    "couler_plugins.hpo.llm_tuner:LlmOptuna",
)
