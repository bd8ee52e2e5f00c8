"""Real trainings that tuners are measured on: data sets of scikit-learn, and models from linear ones to MLPs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from couler_plugins.hookspecs import Tuner
from couler_plugins.hpo.reading import read_task
from couler_plugins.hpo.space import Values
from couler_plugins.hpo.task import Task, Trial
from couler_plugins.tuners import ask_tuner

__all__ = ["TRAININGS", "Training"]

FOLDS = 3


@dataclass(frozen=True)
class Training:
    """A model on a data set; what counts is its score over the folds of a cross-validation.

    Attributes:
        name: of both.
        task: what is tuned.
        trials: how many trainings a tuner gets.
    """

    name: str
    task: Task
    trials: int = 15

    def value(self, values: Values) -> float:
        """The mean score over the folds; the folds are the same for all settings."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

        features, target = _data(self.task.data.name)
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
    return features[:600], target[:600]


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


def _task(data: str, metric: str, model: str, space: dict[str, Any]) -> Task:
    return read_task({"data": {"name": data, "metric": metric}, "model": {"name": model}, "space": space})


def _number(kind: str, low: float, high: float, default: float) -> dict[str, Any]:
    return {"type": kind, "low": low, "high": high, "default": default}


TRAININGS = tuple(
    Training(model, _task(data, metric, model, space))
    for model, data, metric, space in (
        (
            "elastic-net",
            "diabetes",
            "r2",
            {"alpha": _number("log-float", 1e-4, 10, 1.0), "l1_ratio": _number("float", 0, 1, 0.5)},
        ),
        ("logistic", "breast_cancer", "accuracy", {"C": _number("log-float", 1e-4, 1e3, 1.0)}),
        (
            "svm",
            "digits",
            "accuracy",
            {
                "kernel": {"type": "categorical", "choices": ["rbf", "poly"], "default": "rbf"},
                "C": _number("log-float", 1e-2, 1e3, 1.0),
                "gamma": _number("log-float", 1e-6, 1, 1e-3),
                "degree": {**_number("int", 2, 5, 3), "when": {"kernel": "poly"}},
            },
        ),
        (
            "boosting",
            "wine",
            "accuracy",
            {
                "learning_rate": _number("log-float", 1e-3, 1, 0.1),
                "n_estimators": _number("log-int", 5, 60, 30),
                "max_depth": _number("int", 1, 6, 3),
                "subsample": _number("float", 0.3, 1, 1.0),
            },
        ),
        (
            "mlp",
            "digits",
            "accuracy",
            {
                "alpha": _number("log-float", 1e-6, 1, 1e-4),
                "learning_rate_init": _number("log-float", 1e-4, 1e-1, 1e-3),
                "width": _number("log-int", 4, 64, 32),
                "layers": _number("int", 1, 3, 1),
                "activation": {"type": "categorical", "choices": ["relu", "tanh"], "default": "relu"},
            },
        ),
    )
)
"""The trainings; the defaults are scikit-learn's, but for what would take too long."""
