"""What comes with tuning, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import Tuner, hookimpl

__all__ = ["couler_tuners"]


@hookimpl
def couler_tuners() -> list[type[Tuner]]:
    """The built-in tuners."""
    from couler_plugins.hpo.llm_tuner import Llm, LlmOptuna
    from couler_plugins.hpo.optuna_tuner import Optuna

    return [Optuna, Llm, LlmOptuna]
