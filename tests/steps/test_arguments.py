"""Arguments are held against the declaration, and travel as texts."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Argument, EnvVar, Literal, Native, Port, Reference
from couler_plugins.steps import StepInput, container_step

PLACE = Reference(to="output", step="load", name="data", kind="parameter")

STEP = container_step(
    name="toy",
    description="Does nothing.",
    image="busybox",
    command=["true"],
    inputs=[
        StepInput(name="data", description="A table.", type="artifact"),
        StepInput(name="model", description="A model.", default="tree", choices=("tree", "forest")),
        StepInput(name="rate", description="A rate.", type="float", default=0.5),
        StepInput(name="rounds", description="How often.", type="int", default=3),
        StepInput(name="deep", description="Whether it is deep.", type="bool", default=False),
        StepInput(name="columns", description="Columns.", type="list", default=()),
        StepInput(name="store", description="Where files are kept.", parameter="store"),
    ],
)


def given(**arguments: Any) -> dict[str, object]:
    return {argument.name: argument.value for argument in STEP.build({"data": "/a.csv", **arguments}).arguments}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("data", "s3://a/b.csv", "s3://a/b.csv"),
        ("model", "forest", "forest"),
        ("rate", 1, "1"),
        ("rate", 0.25, "0.25"),
        ("rounds", Literal(value=7), "7"),
        ("deep", True, "true"),
        ("columns", ["a", 'b"c'], '["a", "b\\"c"]'),
    ],
)
def test_arguments_travel_as_texts(name: str, value: object, text: str) -> None:
    assert given(**{name: value})[name] == Literal(value=text)


def test_what_only_the_run_knows_passes_through() -> None:
    assert given(data=PLACE, rounds=PLACE)["rounds"] == PLACE


def test_what_is_not_given_falls_back_to_the_default_or_to_a_parameter_of_the_workflow() -> None:
    built = STEP.build({"data": "/a.csv"})
    store = Reference(to="parameter", kind="parameter", name="store")
    assert built.arguments == (
        Argument(name="data", value=Literal(value="/a.csv")),
        Argument(name="store", value=store),
    )
    assert built.parameters == ("store",)
    assert built.operation.inputs[:3] == (
        Port(name="data"),
        Port(name="model", default=Literal(value="tree")),
        Port(name="rate", default=Literal(value="0.5")),
    )
    assert STEP.build({"data": "/a.csv", "store": "/mnt"}).parameters == ()


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({"model": "tree"}, "the step 'toy' needs the input 'data'", "give it the place of an artifact: A table."),
        ({"data": "/a", "colums": []}, "the step 'toy' has no input 'colums'", "did you mean 'columns'?"),
        ({"data": 3}, "the input 'data' of the step 'toy' is 3, not the place of an artifact", "A table."),
        ({"data": "/a", "rounds": "3"}, "the input 'rounds' of the step 'toy' is '3', not an int", "How often."),
        ({"data": "/a", "rounds": True}, "the input 'rounds' of the step 'toy' is True, not an int", "How often."),
        ({"data": "/a", "model": "bush"}, "'model' of the step 'toy' is 'bush', not one of tree, forest", "A model."),
        ({"data": "/a", "columns": "a"}, "the input 'columns' of the step 'toy' is 'a', not a list", "Columns."),
        ({"data": "/a", "image": PLACE}, "'image' of the step 'toy' has to be known when the workflow", "image"),
        (
            {"data": "/a", "secrets": ["URL"]},
            "the input 'secrets' of the step 'toy' holds 'URL'",
            "VARIABLE=secret/key",
        ),
    ],
)
def test_an_argument_that_is_not_declared_so_is_refused(arguments: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        STEP.build(arguments)
    assert message in refused.value.message
    assert refused.value.step == "toy"
    assert refused.value.hint is not None
    assert hint in refused.value.hint


def test_constants_shape_the_operation_and_are_not_passed() -> None:
    built = STEP.build({"data": "/a", "image": "alpine:3", "memory": "4Gi", "secrets": ["TOKEN=web/token"]})
    (container,) = built.operation.containers
    assert container.image == Literal(value="alpine:3")
    token = Native.of({"valueFrom": {"secretKeyRef": {"key": "token", "name": "web"}}})
    assert container.env == (EnvVar(name="TOKEN", value=token),)
    assert container.requests == container.limits == (("memory", Literal(value="4Gi")),)
    assert "image" not in {port.name for port in built.operation.inputs}
    assert "image" not in {argument.name for argument in built.arguments}
