"""What a workflow says of hyperparameters, read as values of their space."""

from __future__ import annotations

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.parameters import Choice, Value
from couler_plugins.hpo.workflows.values import read_value


@pytest.mark.parametrize(
    ("passed", "choices", "value"),
    [
        ("3", (3, 8), 3),
        (3.0, (3, 8), 3),
        (3, (3.0, 8.5), 3.0),
        ("3", ("3", 8), "3"),
        (True, (True, 1), True),
        (1.0, (True, 1), 1),
        ("true", (True, False), True),
        (8.0, ("8.0", "9"), "8.0"),
    ],
    ids=repr,
)
def test_a_constant_stands_for_one_choice(passed: object, choices: tuple[Value, ...], value: Value) -> None:
    found = read_value("depth", Choice(type="categorical", choices=choices), passed)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("passed", "choices", "what"),
    [
        ("3.0", (3, 8), "is none of"),
        (True, (1, 8), "is none of"),
        ("0.1", (0.1, "0.1"), "is several of"),
        (float("nan"), (1, 8), "is none of"),
    ],
    ids=["text", "truth", "several", "nan"],
)
def test_what_stands_for_none_or_for_several_is_refused(passed: object, choices: tuple[Value, ...], what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        read_value("depth", Choice(type="categorical", choices=choices), passed)
