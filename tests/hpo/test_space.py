"""Search spaces: scales, conditions, what is a setting and what is none."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.parameters import Choice, Number, Parameter
from couler_plugins.hookspecs.trials import Space

PARAMETERS: dict[str, Number | Choice] = {
    "float": Number(type="float", low=-1, high=3.5),
    "log-float": Number(type="log-float", low=1e-8, high=1),
    "int": Number(type="int", low=0, high=7),
    "log-int": Number(type="log-int", low=4, high=256),
    "levels": Choice(type="categorical", choices=(16, 32, 64, 128)),
    "names": Choice(type="categorical", choices=("relu", "tanh", "gelu")),
    "one": Choice(type="categorical", choices=(True,)),
}
SPACE = Space.of(
    {
        "optimizer": Choice(type="categorical", choices=("adam", "sgd"), default="adam"),
        "nesterov": Choice(type="categorical", choices=(True, False), when=(("momentum", ("yes",)),)),
        "momentum": Choice(type="categorical", choices=("yes", "no"), when=(("optimizer", ("sgd",)),)),
        "rate": Number(type="log-float", low=1e-4, high=1),
    }
)


@pytest.mark.parametrize("name", PARAMETERS)
@given(place=st.floats(0, 1))
def test_a_value_has_the_place_that_it_came_from(name: str, place: float) -> None:
    parameter: Parameter = PARAMETERS[name]
    value = parameter.at(place)
    assert not parameter.problem(value)
    snapped = float(parameter.snapped(np.array([place]))[0])
    assert parameter.place(value) == pytest.approx(snapped, abs=1e-5)
    assert parameter.at(snapped) == value


@pytest.mark.parametrize("name", [name for name, one in PARAMETERS.items() if one.levels is not None])
def test_levels_are_all_there(name: str) -> None:
    parameter = PARAMETERS[name]
    values = list(parameter.each())
    assert len(values) == parameter.levels
    assert [parameter.at(parameter.place(value)) for value in values] == values


def test_numbers_in_rising_order_are_a_scale() -> None:
    assert PARAMETERS["levels"].ordered
    assert not PARAMETERS["names"].ordered
    assert not Choice(type="categorical", choices=(32, 16)).ordered
    assert not Choice(type="categorical", choices=(False, True)).ordered


def test_one_and_true_are_not_the_same() -> None:
    assert Choice(type="categorical", choices=(1, 2)).problem(True)
    assert not Choice(type="categorical", choices=(1, 2)).problem(1.0)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), [1]])
def test_what_is_no_number_is_no_value(value: object) -> None:
    assert PARAMETERS["float"].problem(value)


def test_parameters_count_under_their_conditions() -> None:
    draw = random.Random(0)
    for _ in range(100):
        values = SPACE.at({name: draw.random() for name in SPACE.names})
        assert SPACE.problems(values) == []
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert ("nesterov" in values) == (values.get("momentum") == "yes")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"optimizer": "adam"}, "rate is missing"),
        ({"optimizer": "adam", "rate": 0.1, "momentum": "yes"}, "momentum counts only where optimizer is sgd"),
        ({"optimizer": "sgd", "rate": 0.1}, "momentum is missing"),
        ({"optimizer": "sgd", "rate": 2, "momentum": "no"}, "rate is 2, which is not from 0.0001 to 1"),
        ({"optimizer": "adam", "rate": 0.1, "raet": 1}, "there is no 'raet' in the space did you mean 'rate'?"),
    ],
)
def test_what_is_no_setting(values: dict[str, object], problem: str) -> None:
    assert problem in SPACE.problems(values)
    with pytest.raises(InvalidInput, match="not in the search space"):
        SPACE.tidy(values)


def test_values_get_the_types_of_their_parameters() -> None:
    space = Space.of({"width": PARAMETERS["log-int"], "rate": PARAMETERS["log-float"], "units": PARAMETERS["levels"]})
    assert repr(space.tidy({"units": 32.0, "rate": 1, "width": 8.0})) == "{'width': 8, 'rate': 1.0, 'units': 32}"


def test_defaults_are_known_as_a_whole_or_not_at_all() -> None:
    assert SPACE.defaults is None
    assert SPACE.with_defaults({"rate": 0.1}).defaults == {"optimizer": "adam", "rate": 0.1}
    assert SPACE.with_defaults({"rate": 0.1, "optimizer": "sgd"}).defaults is None
    with pytest.raises(InvalidInput, match="rate is 3, which is not from"):
        SPACE.with_defaults({"rate": 3})


def test_the_schema_accepts_what_is_a_setting() -> None:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for(SPACE.schema())
    draw = random.Random(1)
    for _ in range(50):
        assert validator.is_valid(SPACE.at({name: draw.random() for name in SPACE.names}))
    assert not validator.is_valid({"optimizer": "adam", "rate": 2})
    assert not validator.is_valid({"optimizer": "adam", "rate": 0.1, "shell": "rm"})
