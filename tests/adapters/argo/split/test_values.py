"""What crosses between parts arrives as it was: Argo's own substitution, asked for many values."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adapters.argo.split.generating import workflow
from adapters.argo.split.test_split import split
from oracles.argo_oracle import Call, Oracle, Run, build

pytestmark = pytest.mark.oracle

ODD = (
    *(
        "",
        " ",
        " a ",
        "0",
        "1.0",
        "1e3",
        "null",
        "true",
        "~",
        "yes",
        "0x1",
        "2024-02-29",
        "- a",
        "a: b",
        "# a",
        "&a *a",
    ),
    *('"', "'", "\\", "\\n", "\n", "a\n", "\r\n", "\t", "'''", '"""', "|\n a", "%YAML", "---", "...", "? a", "!!int 1"),
    *(
        "<>&",
        "\\u003c",
        "ü",
        "u\u0308",
        "\u2028",
        "\U0001f600",
        "\ufeff",
        "[]",
        '{"a": ["b"]}',
        "}}",
        "{",
        "$(x)",
        "%s",
    ),
    *('{"a": {"b": 1}}', "x" * 100_000),
)
"""Values that YAML, JSON or Argo could take for something else."""
TAGS = {
    "{{x}}": "{{x}}",
    "{{ a }}": "{{ a }}",
    "{{item}}": "{{item}}",
    "{{=1+1}}": "2",
    "{{workflow.name}}": "big",
    "{{inputs.parameters.t1-o}}": "{{inputs.parameters.t1-o}}",
}
"""Values that look like Argo's own tags, and what a task of an unsplit workflow is passed for them as well."""
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    data = workflow([[], [0], [1], [2]])
    *_, task, last = data["spec"]["templates"][0]["dag"]["tasks"]
    last["arguments"] = {"parameters": [{"name": "x", "value": "3"}]}
    task["arguments"] = {
        "parameters": [{"name": "x", "value": "{{tasks.t1.outputs.parameters.o}}"}],
        "artifacts": [{"name": "d", "from": "{{tasks.t1.outputs.artifacts.a}}"}],
    }
    return split(data, tmp_path_factory.mktemp("values"), into="workflows", max_steps=2)


def applied(oracle: Oracle, documents: list[Any], values: tuple[str, ...], run: str = "") -> list[Any]:
    """What the second part is applied as, for each value of what it reads of the first; its key is always `k`."""
    number = next(place for place, document in enumerate(documents) if document["kind"] == "Workflow")
    parameters = {"couler-run": run}
    runs = [
        Run("run-part-2", {"t1-o": value, "t1-a-key": "k"}, workflow_parameters=parameters, document=number)
        for value in values
    ]
    (answers,) = oracle.applied([Call(documents, applies=runs)])
    return answers


def test_values_arrive_as_they_were(oracle: Oracle, documents: list[Any]) -> None:
    for value, answer in zip(ODD, applied(oracle, documents, ODD), strict=True):
        assert answer.error is None, (value[:20], answer.error)
        given = {item["name"]: item["value"] for item in answer.applied["spec"]["arguments"]["parameters"]}
        assert given == {"t1-o": value, "t1-a-key": "k"}
        (passed,) = answer.passed.values()
        assert passed["parameters"] == [{"name": "t1-o", "value": value}]
        assert passed["artifacts"] == [{"name": "t1-a", "s3": {"key": "k"}}]


def test_the_workflow_of_a_part_is_ready_to_run(oracle: Oracle, documents: list[Any]) -> None:
    libraries = [document for document in documents if document["kind"] == "WorkflowTemplate"]
    children = [answer.applied for answer in applied(oracle, documents, ODD[:-1])]
    verdicts = oracle.judge([Call([child, *libraries], lint=False, submit=True) for child in children])
    assert all(children)
    for value, (verdict, *_) in zip(ODD, verdicts, strict=False):
        assert verdict.accepted, (value, verdict.complaint)


def test_names_tell_values_and_runs_apart(oracle: Oracle, documents: list[Any]) -> None:
    names = [answer.applied["metadata"]["name"] for answer in applied(oracle, documents, ODD)]
    assert len(set(names)) == len(ODD)
    assert all(NAME.fullmatch(name) and len(name) <= 63 for name in names)
    again = [answer.applied["metadata"]["name"] for answer in applied(oracle, documents, ODD, run="other")]
    assert set(names).isdisjoint(again)
    assert {name.rpartition("-")[0] for name in again} == {name[:-37] for name in names}


def test_the_run_is_the_parameter_or_the_parent(oracle: Oracle, documents: list[Any]) -> None:
    for run, wanted in (("", "00000000-0000-0000-0000-000000000000"), ("nightly", "nightly")):
        (answer,) = applied(oracle, documents, ("1",), run)
        assert answer.applied["metadata"]["labels"]["couler.io/run"] == wanted
        assert answer.applied["metadata"]["name"].endswith(f"-{wanted}")
        (owner,) = answer.applied["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["controller"]) == ("Workflow", True)


def test_tags_in_values_mean_what_they_meant(oracle: Oracle, documents: list[Any]) -> None:
    """Argo fills in what is known where a value is read first, split or not: the facts of the parent, not of a part."""
    passed = [answer.passed["part-2"]["parameters"][0]["value"] for answer in applied(oracle, documents, tuple(TAGS))]
    assert passed == [TAGS[value] for value in TAGS]
