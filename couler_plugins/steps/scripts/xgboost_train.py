"""Trains boosted trees with XGBoost."""

from typing import Literal

import xgboost

from couler_plugins.steps.scripts.models import kept_model, trained
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table


def main(
    data: str,
    target: str,
    features: list[str],
    task: Literal["classification", "regression"],
    rounds: int,
    max_depth: int,
    learning_rate: float,
    seed: int,
    store: str,
) -> dict[str, object]:
    """The model."""
    kind = xgboost.XGBRegressor if task == "regression" else xgboost.XGBClassifier
    model = kind(n_estimators=rounds, max_depth=max_depth, learning_rate=learning_rate, random_state=seed)
    return {"model": kept_model(trained(model, table(data), target, features, task), store)}


if __name__ == "__main__":
    run(main)
