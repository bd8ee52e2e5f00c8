"""The flat form: its example, its schema, and what is no form."""

from __future__ import annotations

import json

import jsonschema_rs
import msgspec
import pytest

from couler_plugins.generation import form
from couler_plugins.generation.form import Form, schema_for

EXAMPLE = json.loads(
    (form.__doc__ or "").split("there is:\n", 1)[1].split("\n\nA *reference*", 1)[0].replace("\\\\n", "\\n")
)
USES = ("load-table", "train-xgboost", "python", "container")


def test_the_documented_example_is_a_form() -> None:
    read = msgspec.convert(EXAMPLE, Form)
    assert [step.name for step in read.steps] == ["load", "train", "best", "publish"]
    assert json.loads(msgspec.json.encode(read)) == EXAMPLE
    assert read.steps[0].inputs[1].source == "inputs.day"
    assert jsonschema_rs.is_valid(schema_for(USES), EXAMPLE)


def test_the_schema_is_flat_and_names_what_may_be_used() -> None:
    schema = schema_for(USES)
    assert "$ref" not in json.dumps(schema)
    assert schema["properties"]["steps"]["items"]["properties"]["use"] == {"enum": list(USES)}
    other = json.loads(json.dumps(EXAMPLE))
    other["steps"][0]["use"] = "shell"
    assert not jsonschema_rs.is_valid(schema, other)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("name",), "Not A Name"),
        (("steps", 0, "name"), "../x"),
        (("steps", 0, "shell"), "rm"),
        (("steps", 0, "inputs", 0, "file"), "/etc/passwd"),
        (("steps", 1, "retries"), -1),
        (("steps", 3, "when", "op"), "=~"),
        (("steps", 0, "inputs", 0, "value"), {"a": 1}),
    ],
)
def test_schema_and_reader_refuse_the_same(place: tuple[str | int, ...], value: object) -> None:
    other = json.loads(json.dumps(EXAMPLE))
    at = other
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    assert not jsonschema_rs.is_valid(schema_for(USES), other)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(other, Form)
