"""Trains a small neural network (a multilayer perceptron) on scaled columns."""

import warnings
from typing import Literal

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from couler_plugins.steps.scripts.models import kept_model, trained
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table


def main(
    data: str,
    target: str,
    features: list[str],
    task: Literal["classification", "regression"],
    layers: list[str],
    learning_rate: float,
    batch_size: int,
    epochs: int,
    seed: int,
    store: str,
) -> dict[str, object]:
    """The model."""
    frame = table(data)
    network = (MLPRegressor if task == "regression" else MLPClassifier)(
        hidden_layer_sizes=tuple(int(size) for size in layers),
        learning_rate_init=learning_rate,
        batch_size=min(batch_size, len(frame)),
        max_iter=epochs,
        random_state=seed,
        n_iter_no_change=epochs,  # it trains for all of them
    )
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are what was asked for
    model = make_pipeline(StandardScaler(), network)
    return {"model": kept_model(trained(model, frame, target, features, task), store)}


if __name__ == "__main__":
    run(main)
