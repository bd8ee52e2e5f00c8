"""Measures how good a model is on data that it has not seen."""

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sklearn import metrics

from couler_plugins.steps.scripts.models import loaded
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import need_columns, table

CLASSES: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced-accuracy": metrics.balanced_accuracy_score,
    "f1": lambda truth, found: metrics.f1_score(truth, found, average="macro"),
    "precision": lambda truth, found: metrics.precision_score(truth, found, average="macro", zero_division=0),
    "recall": lambda truth, found: metrics.recall_score(truth, found, average="macro", zero_division=0),
}
NUMBERS: Mapping[str, Callable[[Any, Any], float]] = {
    "mae": metrics.mean_absolute_error,
    "r2": metrics.r2_score,
    "rmse": lambda truth, found: math.sqrt(metrics.mean_squared_error(truth, found)),
}


def main(
    model: str,
    data: str,
    target: str,
    metric: Literal["accuracy", "balanced-accuracy", "f1", "precision", "recall", "mae", "r2", "rmse"],
) -> dict[str, object]:
    """The metric that was asked for, and all of its kind."""
    loaded_model, frame = loaded(model), table(data)
    need_columns(frame, [target])
    kind = CLASSES if loaded_model.classes is not None else NUMBERS
    if metric not in kind:
        sys.exit(f"{metric} is no metric of such a model: there is {', '.join(kind)}")
    predicted = loaded_model.predictions(frame)
    scores = {name: round(float(score(frame[target], predicted)), 6) for name, score in kind.items()}
    return {"score": scores[metric], "metrics": scores}


if __name__ == "__main__":
    run(main)
