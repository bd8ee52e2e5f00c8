"""What is wrong with forms: each kind of problem, and nothing else beside it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from couler_plugins.generation.validation import validate
from generation.forms import CATALOGUE, CHURN, form

RUN = "def run(text: str):\n    return {'n': len(text)}"
PYTHON: dict[str, Any] = {"name": "count", "use": "python", "inputs": [{"name": "text", "value": "a"}], "code": RUN}
CONTAINER: dict[str, Any] = {"name": "echo", "use": "container", "image": "busybox:1.36", "command": ["echo", "a"]}


def problems(document: dict[str, Any]) -> list[tuple[str, str]]:
    found = validate(form(document), CATALOGUE)
    assert all(problem.message and problem.remedy for problem in found)
    assert [str(problem) for problem in found] == [str(problem) for problem in validate(form(document), CATALOGUE)]
    return [(problem.code, problem.step) for problem in found]


def churn(place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The churn workflow with something else at a place."""
    document: dict[str, Any] = copy.deepcopy(CHURN)
    at: Any = document
    for key in place[:-1]:
        at = at[key]
    if isinstance(at, list) and place[-1] == len(at):
        at.append(value)
    else:
        at[place[-1]] = value
    return document


def alone(step: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "one", "steps": [{**step, **changes}]}


def test_what_is_right_has_no_problems() -> None:
    assert problems(CHURN) == []
    assert problems(alone(PYTHON, outputs=["n"])) == []
    assert problems(alone(CONTAINER)) == []


TRAIN = ("steps", 1, "inputs")
LOAD = ("steps", 0, "inputs")


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("steps",), [], ("empty", "")),
        (("steps", 1, "use"), "train-modell", ("unknown-step", "train")),
        ((*TRAIN, 2), {"name": "depth", "value": 1}, ("unknown-input", "train")),
        (TRAIN, [{"name": "rate", "value": 1}], ("missing-input", "train")),
        ((*TRAIN, 1, "value"), "fast", ("wrong-type", "train")),
        ((*TRAIN, 1), {"name": "kind", "value": "deep"}, ("wrong-type", "train")),
        ((*TRAIN, 1), {"name": "workers", "value": "many"}, ("wrong-type", "train")),
        ((*TRAIN, 1), {"name": "workers", "from": "load.rows"}, ("wrong-type", "train")),
        ((*TRAIN, 0, "from"), "load.rows", ("wrong-type", "train")),
        ((*TRAIN, 1), {"name": "rate", "from": "inputs.table"}, ("wrong-type", "train")),
        ((*TRAIN, 0, "from"), ["load.data", "load.rows"], ("wrong-type", "train")),
        ((*TRAIN, 0, "from"), [], ("bad-value", "train")),
        ((*TRAIN, 0, "from"), "load.date", ("dangling-reference", "train")),
        ((*TRAIN, 0, "from"), "lod.data", ("dangling-reference", "train")),
        ((*TRAIN, 0, "from"), "/etc/passwd", ("dangling-reference", "train")),
        ((*TRAIN, 0, "from"), "item", ("dangling-reference", "train")),
        ((*LOAD, 0, "from"), "inputs.tables", ("dangling-reference", "load")),
        (("steps", 1, "needs"), ["before"], ("dangling-reference", "train")),
        (("steps", 3, "when", "left"), "check.f1", ("dangling-reference", "publish")),
        (("steps", 3, "when", "right"), "good", ("wrong-type", "publish")),
        (("steps", 3, "name"), "load", ("duplicate-name", "load")),
        (("steps", 3, "name"), "item", ("reserved-name", "item")),
        ((*TRAIN, 1), {"name": "data", "from": "load.data"}, ("duplicate-name", "train")),
        (("inputs", 1), {"name": "table"}, ("duplicate-name", "")),
        ((*TRAIN, 1), {"name": "rate"}, ("bad-value", "train")),
        ((*TRAIN, 1), {"name": "rate", "value": 1, "from": "load.rows"}, ("bad-value", "train")),
        ((*LOAD, 0), {"name": "table", "value": "{{workflow.parameters.key}}"}, ("bad-value", "load")),
        ((*LOAD, 0), {"name": "table", "value": "$(params.key)"}, ("bad-value", "load")),
        (("inputs", 0, "value"), "{% include 'x' %}", ("bad-value", "")),
        (("steps", 0, "needs"), ["check"], ("cycle", "")),
        (("steps", 0, "needs"), ["load"], ("cycle", "")),
        (("steps", 0, "code"), RUN, ("misplaced-field", "load")),
        (("steps", 3, "over"), ["a", "b"], ("unused-item", "publish")),
        (("outputs",), [{"name": "a", "from": "check.accuracy"}], None),
        (("outputs",), [{"name": "a", "value": 1}], ("bad-value", "")),
        (("outputs",), [{"name": "a", "from": "check.f1"}], ("dangling-reference", "")),
        (("outputs",), [{"name": "a", "from": "check.accuracy"}] * 2, ("duplicate-name", "")),
    ],
)  # fmt: skip
def test_each_problem_is_found_and_no_other(
    place: tuple[str | int, ...], value: Any, expected: tuple[str, str] | None
) -> None:
    found = problems(churn(place, value))
    if expected is None:
        assert found == []
    else:
        assert expected in found
        assert {step for _, step in found} == {expected[1]} or expected[0] in ("duplicate-name", "reserved-name")


def test_outputs_of_what_may_not_run_cannot_be_reached() -> None:
    document = churn(("steps", 1, "when"), {"left": "load.rows", "op": ">", "right": 10})
    assert problems({**document, "outputs": [{"name": "a", "from": "check.accuracy"}]}) == [("unreachable-output", "")]


def test_who_joins_two_branches_never_runs() -> None:
    when = {"left": "load.rows", "op": "==", "right": 0}
    steps = [
        CHURN["steps"][0],
        {**CONTAINER, "name": "a", "when": when},
        {**CONTAINER, "name": "b", "when": {**when, "op": "!="}},
        {**CONTAINER, "name": "c", "needs": ["a", "b"]},
        {**CONTAINER, "name": "d", "needs": ["c"]},
    ]
    assert problems({**CHURN, "steps": steps}) == [("unreachable-step", "c")]
    assert problems({**CHURN, "steps": steps[:3]}) == []
    steps[2] = {**steps[2], "when": {**when, "right": 7}}
    assert problems({**CHURN, "steps": steps}) == [("unreachable-step", "c")]
    steps[2] = {**steps[2], "when": {**when, "op": ">=", "right": 0}}
    assert problems({**CHURN, "steps": steps}) == []


def test_fan_outs() -> None:
    fan: dict[str, Any] = {**CONTAINER, "name": "fan", "inputs": [{"name": "x", "from": "item"}], "outputs": ["y"]}
    reading = {**CONTAINER, "name": "reading", "inputs": [{"name": "z", "from": "fan.y"}]}
    tables = {"name": "tables", "use": "list-tables"}

    def of(over: Any, *others: dict[str, Any]) -> list[tuple[str, str]]:
        return problems({"name": "w", "steps": [{**fan, "over": over}, *others]})

    assert of([1, "two", 0.3, True]) == []
    assert of("tables.tables", tables) == []
    assert of([1], reading) == [("fan-out-read", "reading")]
    assert of([]) == [("bad-value", "fan")]
    assert of(list(range(257))) == [("bad-value", "fan")]
    assert of("load.rows", {**CHURN["steps"][0], "inputs": [{"name": "table", "value": "t"}]}) == [
        ("wrong-type", "fan")
    ]
    assert of(["{{x}}"]) == [("bad-value", "fan")]
    train = {"name": "train", "use": "train-model", "over": [0.1, "fast"]}
    inputs = [{"name": "data", "value": "s3://x"}, {"name": "rate", "from": "item"}]
    assert problems({"name": "w", "steps": [{**train, "inputs": inputs}]}) == [("wrong-type", "train")]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def run(text: str):",
        "import os\ndef run(text: str):\n    return {}",
        "def other(text: str):\n    return {}",
        "def run(text: str, more: str):\n    return {}",
        "def run(*text):\n    return {}",
        "@print\ndef run(text: str):\n    return {}",
        "class run:\n    text = 1",
        "def run(text: str):\n    return '{{workflow.name}}'",
        "def run(text):\n    return {}",
        "def run(text: str):\n    return {'a': helper(text)}",
        "def run(text: str=open('/tmp/x', 'w')):\n    return {}",
        "def run(text: open('/tmp/x', 'w')):\n    return {}",
        "def run(text: str) -> __import__('os').system('true'):\n    return {}",
        "\0",
        "-" * 19_000 + "1",
        "[" * 10_000,
        "#" * 30_000,
    ],
    ids=range(18),
)
def test_code_that_is_no_function_is_refused_unread(code: str) -> None:
    assert problems(alone(PYTHON, code=code)) == [("bad-code", "count")]


def test_parameters_have_types() -> None:
    code = "def run(text: int):\n    return {}"
    assert problems(alone(PYTHON, code=code)) == [("wrong-type", "count")]
    assert problems(alone(PYTHON, code=code, inputs=[{"name": "text", "value": "3"}])) == []


def test_annotations_of_built_in_types_are_fine() -> None:
    assert problems(alone(PYTHON, code="def run(text: str = 'x') -> dict[str, int | None]:\n    return {}")) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"image": ""},
        {"image": "busybox; rm -rf /"},
        {"command": []},
        {"command": ["echo", "{{inputs.x}}"]},
        {"command": ["echo", "{{outputs.x}}"]},
        {"command": ["echo", "{{workflow.name}}"]},
    ],
    ids=range(6),
)
def test_commands_that_are_none(changes: dict[str, Any]) -> None:
    assert {code for code, _ in problems(alone(CONTAINER, **changes))} == {"bad-command"}


def test_a_form_without_end_is_refused_before_it_is_looked_at() -> None:
    steps = [{**CONTAINER, "name": f"s{number}"} for number in range(201)]
    assert problems({"name": "w", "steps": steps}) == [("bad-value", "")]
