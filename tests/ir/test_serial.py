"""The JSON form, its schema, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Port, from_json, json_schema, to_json
from ir.corpora import kfp_workflow, tekton_workflows
from ir.small import diamond, graph, out, passing, step, workflow
from ir.strategies import workflows
from support import ROOT, at_least, corpus_paths

if TYPE_CHECKING:
    from couler_plugins.ir import Workflow

SCHEMA = ROOT / "docs/schema/couler.ir-v1.json"
VALIDATOR = jsonschema_rs.validator_for(json_schema())


def test_the_published_schema_is_current() -> None:
    """Where this fails, `docs/generate.py` writes the new one."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()


def test_every_workflow_of_the_corpora_is_valid() -> None:
    count = 0
    for path in corpus_paths("tekton"):
        for lifted in tekton_workflows(path):
            VALIDATOR.validate(json.loads(to_json(lifted)))
            count += 1
    for path in corpus_paths("kfp"):
        VALIDATOR.validate(json.loads(to_json(kfp_workflow(path))))
        count += 1
    assert count >= at_least(80, 315)


@given(workflows())
def test_random_workflows_come_back_as_they_were(workflow: Workflow) -> None:
    data = to_json(workflow)
    assert from_json(data) == workflow
    assert to_json(from_json(data)) == data
    VALIDATOR.validate(json.loads(data))


@pytest.mark.parametrize(
    "value", [1, 1.0, True, "1", None, 0, -0.0, 2**70, -(2**64), 1e300, "\x00", "ü\u2028", "\\u0041"]
)
def test_scalars_keep_their_type_and_value(value: Any) -> None:
    written = workflow(graph(step("a")), parameters=(Port(name="p", value=Literal(value=value)),))
    (port,) = from_json(to_json(written)).parameters
    assert isinstance(port.value, Literal)
    assert type(port.value.value) is type(value)
    assert repr(port.value.value) == repr(value)


def test_origin_is_no_part_of_it() -> None:
    one = workflow(graph(step("b", call="use", arguments=passing(x=out("a", native="{{one}}")), source=(0, 1))))
    other = workflow(graph(step("b", call="use", arguments=passing(x=out("a", native="{{two}}")), source=(2,))))
    assert to_json(one) == to_json(other)
    assert b"source" not in to_json(one)
    assert b"native" not in to_json(one)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a workflow"),
        (b"[]", "not a workflow"),
        (b'{"schema": "couler.ir/v1"}', "not a workflow"),
        (b"[" * 100_000, "not a workflow"),
        (to_json(diamond()).replace(b"couler.ir/v1", b"couler.ir/v9"), "the schema is 'couler.ir/v9'"),
        (to_json(diamond()).replace(b'"steps"', b'"stepz"'), "stepz"),
        (to_json(diamond()).replace(b'"step": "a"', b'"step": 1'), "not a workflow"),
    ],
)
def test_what_is_no_workflow_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_json(data)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    data = json.loads(to_json(diamond()))
    data["workflow"]["graphs"][0]["stepz"] = []
    assert not VALIDATOR.is_valid(data)
    data = json.loads(to_json(diamond()))
    data["workflow"]["graphs"][0]["source"] = [0]
    assert not VALIDATOR.is_valid(data)
    data = json.loads(to_json(diamond()))
    data["schema"] = "couler.ir/v9"
    assert not VALIDATOR.is_valid(data)


def test_what_is_quoted_of_a_file_holds_no_control_characters() -> None:
    data = to_json(diamond()).replace(b'"type": "call"', rb'"type": "\u001b[2J"')
    with pytest.raises(InvalidInput, match="not a workflow") as caught:
        from_json(data)
    assert "\\x1b[2J" in caught.value.message
    assert caught.value.message.isprintable()
