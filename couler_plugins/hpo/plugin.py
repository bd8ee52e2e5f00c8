"""What comes with tuning, registered like anybody else's."""

from couler_plugins.markers import listed

couler_optimizers = listed("couler_plugins.hpo.workflows.optimizer:Tune")
couler_tuners = listed(
    "couler_plugins.hpo.optuna_tuner:Optuna",
    "couler_plugins.hpo.llm_tuner:Llm",
    "couler_plugins.hpo.llm_tuner:LlmOptuna",
)
