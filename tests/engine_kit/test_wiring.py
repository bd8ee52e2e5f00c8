"""Ports of operations that do the work of several: names, what stays inside, and what passes through."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.engine_kit.wiring import wire
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.fusing import Member
from couler_plugins.ir import Argument, Literal, Operation, Output, Port, Reference, SettableStep, Step, Template
from ir.small import given, operation, out, passing, step


def member(call: Step, callee: Operation) -> Member:
    return Member(SettableStep(**{name: getattr(call, name) for name in Step.__struct_fields__}), callee)


def test_inputs_and_outputs_of_one_name_are_told_apart() -> None:
    callee = operation("use", "x")
    ports = wire([member(step(name, arguments=passing(x=Literal(value=name))), callee) for name in "ab"])
    assert [port.name for port in ports.inputs] == ["x", "b-x"]
    assert [(item.name, item.value) for item in ports.arguments] == [
        ("x", Literal(value="a")),
        ("b-x", Literal(value="b")),
    ]
    assert dict(ports.names) == {("a", "parameter", "x"): "x", ("b", "parameter", "x"): "b-x"}
    assert dict(ports.outputs) == {
        ("a", "parameter", "y"): ("parameter", "y"),
        ("b", "parameter", "y"): ("parameter", "b-y"),
    }


def test_what_stays_inside_is_no_input_and_takes_along_what_it_reads_of_the_graph() -> None:
    other = Reference(to="output", kind="result", step="before", name="result", path=("k",), native="{{x}}")
    run = Reference(to="run", name="uid")
    text = Template(parts=("v", out("a"), other, given("z"), run, other))
    ports = wire([member(step("a"), operation()), member(step("b", arguments=passing(x=text)), operation("use", "x"))])
    assert [(port.name, port.kind) for port in ports.inputs] == [("b-result", "parameter"), ("b-z", "parameter")]
    assert [item.value for item in ports.arguments] == [
        Reference(to="output", kind="result", step="before", name="result"),
        given("z"),
    ]
    assert ports.arguments[0].value.native == ""  # type: ignore[union-attr]  # it is a reference
    result = given("b-result", path=("k",))
    assert dict(ports.inner) == {
        ("b", "parameter", "x"): Template(parts=("v", out("a"), result, given("b-z"), run, result))
    }


def test_artifacts_come_last() -> None:
    ports: Any = (Port(name="f", kind="artifact"), Port(name="p"))
    callee = Operation(name="op", kind="container", inputs=ports, outputs=(Output(name="f", kind="artifact"),))
    made = Argument(name="f", kind="artifact", value=Reference(to="input", kind="artifact", name="g"))
    wiring = wire([member(step("a", arguments=(made,)), callee), member(step("b", arguments=(made,)), callee)])
    assert [port.name for port in wiring.inputs] == ["p", "b-p", "f", "b-f"]
    assert [item.name for item in wiring.arguments] == ["f", "b-f"]


def test_defaults_read_the_inputs_under_their_new_names() -> None:
    callee = Operation(
        name="op",
        kind="container",
        inputs=(Port(name="x"), Port(name="z", default=Template(parts=("to-", given("x", native="{{x}}"))))),
        outputs=(Output(name="y"),),
    )
    one, two = (member(step(name, arguments=passing(x=Literal(value=name))), callee) for name in "ab")
    ports = wire([one, two])
    assert [port.default for port in ports.inputs] == [
        None,
        Template(parts=("to-", given("x"))),
        None,
        Template(parts=("to-", given("b-x"))),
    ]
    assert ports.inputs[1] == callee.inputs[1]
    with pytest.raises(Unsupported, match="falls back to 'x', which only its pod knows"):
        wire([one, member(step("b", arguments=passing(x=out("a"))), callee)])
