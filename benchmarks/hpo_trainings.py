"""Real trainings that tuners are measured on: data sets of scikit-learn, and models from linear ones to MLPs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hpo_files import is_of_classes, read_columns
from couler_plugins.hookspecs import Tuner
from couler_plugins.hookspecs.trials import Task, Trial, Values
from couler_plugins.hpo.proposals import ask_tuner
from couler_plugins.hpo.reading import read_task

__all__ = ["TRAININGS", "Training", "trainings_of"]

FOLDS = 3
ROWS = 600
"""So many of a data set are enough, as two cores are few."""


@dataclass(frozen=True)
class Training:
    """A model on a data set; what counts is its score over the folds of a cross-validation.

    Attributes:
        name: of both.
        task: what is tuned.
        file: where the data set is, if not in scikit-learn.
        trials: how many trainings a tuner gets.
    """

    name: str
    task: Task
    file: Path | None = None
    trials: int = 15

    def value(self, values: Values) -> float:
        """The mean score over the folds; the folds are the same for all settings."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

        features, target = _data(self.task.data.name) if self.file is None else read_columns(self.file)
        features, target = features[:ROWS], target[:ROWS]
        split = StratifiedKFold if self.task.data.metric == "accuracy" else KFold
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # settings may be bad
            scores = cross_val_score(
                _model(self.name, values),
                features,
                target,
                scoring=self.task.data.metric,
                cv=split(FOLDS, shuffle=True, random_state=0),
            )
        return float(scores.mean())

    def best(self, tuner: Tuner) -> float:
        """The best score that a tuner finds."""
        trials: list[Trial] = []
        for number in range(self.trials):
            proposal = ask_tuner(tuner, self.task, trials, number)
            if proposal is None:
                break
            value = self.value(dict(proposal.values))
            trials.append(Trial(number=number, values=proposal.values, state="complete", value=value))
        return max(trial.value or 0.0 for trial in trials)


def _data(name: str) -> tuple[Any, Any]:
    from sklearn import datasets

    features, target = getattr(datasets, f"load_{name}")(return_X_y=True)
    return features, target


def _model(name: str, values: Values) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import ElasticNet, LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    options: dict[str, Any] = dict(values)
    match name:
        case "elastic-net":
            return make_pipeline(StandardScaler(), ElasticNet(**options, max_iter=2_000))
        case "logistic":
            return make_pipeline(StandardScaler(), LogisticRegression(**options, max_iter=300))
        case "svm":
            return SVC(**options)
        case "boosting":
            return GradientBoostingClassifier(**options, random_state=0)
        case _:
            width = (options.pop("width"),) * options.pop("layers")
            return make_pipeline(StandardScaler(), MLPClassifier(width, **options, max_iter=40, random_state=0))


def _number(kind: str, low: float, high: float, default: float) -> dict[str, Any]:
    return {"type": kind, "low": low, "high": high, "default": default}


SPACES: dict[str, dict[str, Any]] = {
    "elastic-net": {"alpha": _number("log-float", 1e-4, 10, 1.0), "l1_ratio": _number("float", 0, 1, 0.5)},
    "logistic": {"C": _number("log-float", 1e-4, 1e3, 1.0)},
    "svm": {
        "kernel": {"type": "categorical", "choices": ["rbf", "poly"], "default": "rbf"},
        "C": _number("log-float", 1e-2, 1e3, 1.0),
        "gamma": _number("log-float", 1e-6, 1, 1e-3),
        "degree": {**_number("int", 2, 5, 3), "when": {"kernel": "poly"}},
    },
    "boosting": {
        "learning_rate": _number("log-float", 1e-3, 1, 0.1),
        "n_estimators": _number("log-int", 5, 60, 30),
        "max_depth": _number("int", 1, 6, 3),
        "subsample": _number("float", 0.3, 1, 1.0),
    },
    "mlp": {
        "alpha": _number("log-float", 1e-6, 1, 1e-4),
        "learning_rate_init": _number("log-float", 1e-4, 1e-1, 1e-3),
        "width": _number("log-int", 4, 64, 32),
        "layers": _number("int", 1, 3, 1),
        "activation": {"type": "categorical", "choices": ["relu", "tanh"], "default": "relu"},
    },
}
"""What is tuned of each model; the defaults are scikit-learn's, but for what would take too long."""


def task_of(data: str, metric: str, model: str) -> Task:
    """What is tuned of a model on a data set."""
    space = SPACES[model]
    return read_task({"data": {"name": data, "metric": metric}, "model": {"name": model}, "space": space})


TRAININGS = tuple(
    Training(model, task_of(data, metric, model))
    for model, data, metric in (
        ("elastic-net", "diabetes", "r2"),
        ("logistic", "breast_cancer", "accuracy"),
        ("svm", "digits", "accuracy"),
        ("boosting", "wine", "accuracy"),
        ("mlp", "digits", "accuracy"),
    )
)
"""The trainings that are measured unless somebody brings data sets."""


def trainings_of(folder: Path) -> tuple[Training, ...]:
    """The models that fit each file of a folder: of classes, or of a quantity.

    Raises:
        SystemExit: there is no file, or one is no table.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise SystemExit(f"there is no CSV file in {folder}")
    found = []
    for file in files:
        _, target = read_columns(file)
        classes = (("logistic", "boosting", "mlp"), "accuracy")
        models, metric = classes if is_of_classes(target) else (("elastic-net",), "r2")
        found += [Training(model, task_of(file.stem, metric, model), file=file) for model in models]
    return tuple(found)
