"""Resources as operations: their manifests, with values that are only known at run time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from couler_plugins.engine_kit.legalize.jobs import job_operation, manifest_of
from couler_plugins.ir import Expression, Literal, Native, Reference, Template

NAME = Reference(to="input", kind="parameter", name="name")


@pytest.mark.parametrize(
    "data", [{}, {"{{x}}": "{{{workflow.uid}}}"}, {"a": [1, None, True, 'x"y\\'], "b": {"c": 1.5}}, [], "é"]
)
def test_a_manifest_without_values_is_json(data: Any) -> None:
    manifest = manifest_of(data)
    assert isinstance(manifest, Literal)
    assert json.loads(str(manifest.value)) == data
    assert "{{" not in str(manifest.value)


def test_values_of_the_run_are_written_as_json_by_argo() -> None:
    text = Template(parts=("it's ", NAME, "\\"))
    assert manifest_of({"a": NAME, "b": [Literal(value=2), text]}) == Template(
        parts=(
            '{"a": ',
            Expression(language="expr", parts=("toJson(", NAME, ")")),
            ', "b": [2, ',
            Expression(language="expr", parts=("toJson('it\\'s ' + ", NAME, " + '\\\\')")),
            "]}",
        )
    )


def test_an_operation_has_the_manifest_as_a_text_in_its_structure() -> None:
    operation = job_operation(manifest_of({"kind": NAME}), name="job", success="status.x > 0", failure="status.y")
    assert isinstance(operation.native_extra, Native)
    before, tag, behind = operation.native_extra.parts
    assert isinstance(tag, Expression)
    said = json.loads(f"{before}1{behind}")["resource"]
    assert said == {
        "action": "create",
        "setOwnerReference": True,
        "successCondition": "status.x > 0",
        "failureCondition": "status.y",
        "manifest": '{"kind": 1}',
    }
    assert [output.name for output in operation.outputs] == ["job-name", "job-id", "job-obj"]


def test_what_is_not_created_is_not_owned_and_may_not_be_waited_for() -> None:
    operation = job_operation(Literal(value="kind: Job\n"), action="delete")
    assert isinstance(operation.native_extra, Native)
    assert operation.native_extra.data == {"resource": {"action": "delete", "manifest": "kind: Job\n"}}
