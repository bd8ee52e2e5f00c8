"""Cards and search spaces: what is read, and that errors name the field."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hpo.reading import read_data_card, read_model_card, read_space, read_task

RATE = {"type": "log-float", "low": 1e-5, "high": 1, "default": 1e-3}
TASK: dict[str, Any] = {
    "data": {
        "name": "churn",
        "input-type": "table",
        "label-space": "stays, leaves",
        "metric": "val_accuracy",
        "size": 7043,
        "classes": 2,
    },
    "model": {"name": "mlp", "structure": "two layers", "architecture": {"width": 64}},
    "space": {
        "rate": RATE,
        "momentum": {"type": "float", "low": 0, "high": 0.99, "default": 0.9, "when": {"optimizer": ["sgd", "nag"]}},
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd", "nag"], "default": "adam"},
        "layers": {"type": "int", "low": 1, "high": 4, "default": 2},
    },
}


def test_a_task_is_read() -> None:
    task = read_task(TASK)
    assert (task.data.goal, task.data.classes, task.data.input_type) == ("maximize", 2, "table")
    assert task.model is not None
    assert task.model.architecture == (("width", 64),)
    assert task.space.names == ("rate", "optimizer", "layers", "momentum")  # what a condition asks for comes first
    assert task.space.defaults == {"rate": 1e-3, "optimizer": "adam", "layers": 2}
    assert task.cost(0.9) == -0.9


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("data", "metric"), 3, "data.metric: expected `str`, got `int`"),
        (("data", "metrik"), "x", "data: object contains unknown field `metrik`"),
        (("data", "size"), 0, "data: `size` is 0 and has to be at least 1"),
        (("data", "direction"), "up", "data.direction: invalid enum value 'up'"),
        (("data", "metric"), "grumpiness", "data: `direction` is missing"),
        (("model", "name"), "", "model: `name` is empty"),
        (("model", "layers"), 3, "model: object contains unknown field `layers`"),
        (("modell",), {}, "modell: there is no such field"),
        (("space",), {}, "the search space is empty"),
        (("space", "rate", "type"), "loguniform", "space.rate.type: 'loguniform' is no type"),
        (("space", "rate", "low"), 0, "space.rate: `low` is 0; on a logarithmic scale it has to be more than 0"),
        (("space", "rate", "low"), "0.1", "space.rate.low: expected"),
        (("space", "rate", "high"), 1e-6, "space.rate: `low` is 1e-05 and has to be less than `high`, 1e-06"),
        (("space", "rate", "default"), 2, "space.rate: `default` is 2, which is not from 1e-05 to 1"),
        (("space", "rate", "step"), 1, "space.rate: object contains unknown field `step`"),
        (("space", "layers", "low"), 1.5, "space.layers: `low` and `high` of whole numbers have to be whole"),
        (("space", "layers", "high"), 10**20, "space.layers: `low` and `high` of whole numbers have to be between"),
        (("space", "layers", "default"), 1.5, "space.layers: `default` is 1.5, which is not whole"),
        (("space", "optimizer", "choices"), [], "space.optimizer: `choices` is empty"),
        (("space", "optimizer", "choices"), ["a", "a"], "space.optimizer: `choices` has a value twice"),
        (("space", "optimizer", "default"), "adm", "which is none of adam, sgd, nag; did you mean 'adam'?"),
        (("space", "momentum", "when"), {}, "space.momentum.when: it is a mapping"),
        (("space", "momentum", "when"), {"optimiser": "sgd"}, "space.momentum.when: there is no parameter 'optimiser'"),
        (("space", "momentum", "when"), {"rate": 0.1}, "space.momentum.when.rate: conditions are about categorical"),
        (("space", "momentum", "when"), {"optimizer": "lbfgs"}, "space.momentum.when.optimizer is 'lbfgs'"),
        (("space", "optimizer", "when"), {"optimizer": "sgd"}, "when: it depends on itself"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_an_error_names_the_field(place: tuple[str, ...], value: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_task(_with(TASK, place, value))
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["data", "space"])
def test_what_is_missing_is_named(field: str) -> None:
    with pytest.raises(InvalidInput, match=f"{field} is missing"):
        read_task({name: value for name, value in TASK.items() if name != field})


@pytest.mark.parametrize("reader", [read_task, read_data_card, read_model_card, read_space])
def test_what_is_no_mapping_is_refused(reader: Any) -> None:
    with pytest.raises(InvalidInput):
        reader(["rate"])


@pytest.mark.parametrize(
    ("metric", "goal"), [("accuracy", "maximize"), ("val-loss", "minimize"), ("F1", "maximize"), ("RMSE", "minimize")]
)
def test_metrics_that_everybody_knows_need_no_direction(metric: str, goal: str) -> None:
    assert read_data_card({"name": "x", "metric": metric}).goal == goal


def test_a_direction_that_is_given_wins() -> None:
    assert read_data_card({"name": "x", "metric": "accuracy", "direction": "minimize"}).goal == "minimize"


def _with(document: Any, place: tuple[str, ...], value: object) -> Any:
    if not place:
        return value
    return {**document, place[0]: _with(document.get(place[0], {}), place[1:], value)}
