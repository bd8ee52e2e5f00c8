"""Trains boosted trees with LightGBM."""

from typing import Literal

import lightgbm

from couler_plugins.steps.scripts.models import kept_model, trained
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table


def main(
    data: str,
    target: str,
    features: list[str],
    task: Literal["classification", "regression"],
    rounds: int,
    leaves: int,
    learning_rate: float,
    seed: int,
    store: str,
) -> dict[str, object]:
    """The model."""
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    model = kind(n_estimators=rounds, num_leaves=leaves, learning_rate=learning_rate, random_state=seed, verbose=-1)
    return {"model": kept_model(trained(model, table(data), target, features, task), store)}


if __name__ == "__main__":
    run(main)
