"""Forms become workflows that every engine can have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.cli.generated import manifest
from couler_plugins.driver.session import session
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.generation.composition import compose
from couler_plugins.generation.validation import validate
from couler_plugins.ir import Graph, GraphView, Template, Workflow, verify
from couler_plugins.options.config import load_config
from couler_plugins.plugins import load_plugins
from generation.forms import CATALOGUE, CHURN, form

PLUGINS = load_plugins(load_config())
ENGINES = ("airflow", "argo", "kfp", "tekton")
PYTHON: dict[str, Any] = {
    "name": "count",
    "use": "python",
    "outputs": ["n", "twice"],
    "inputs": [{"name": "text", "value": "a'\"\n"}],
    "code": "def run(text: str):\n    return {'n': len(text), 'twice': text * 2}",
}


def composed(document: dict[str, Any]) -> Workflow:
    assert validate(form(document), CATALOGUE) == []
    workflow = compose(form(document), CATALOGUE)
    assert verify(workflow) == []
    return workflow


def main(workflow: Workflow) -> Graph:
    (graph,) = workflow.graphs
    return graph


def test_edges_are_those_of_the_form() -> None:
    graph = main(composed(CHURN))
    edges = {(edge.before, edge.after) for edge in GraphView(graph).edges()}
    ours = {("check", "publish-when"), ("train", "publish-when"), ("publish-when", "publish")}
    assert edges == {("load", "train"), ("train", "check"), ("train", "publish"), ("check", "publish"), *ours}
    assert [step.name for step in graph.steps] == ["load", "train", "check", "publish-when", "publish"]


def test_two_steps_of_one_kind_share_an_operation_unless_they_differ() -> None:
    twice = [
        {**CHURN["steps"][1], "name": f"train-{number}", "inputs": [{"name": "data", "value": "s3://x"}, other]}
        for number, other in enumerate(
            [{"name": "rate", "value": 0.1}, {"name": "rate", "value": 0.2}, {"name": "workers", "value": 3}]
        )
    ]
    workflow = composed({"name": "w", "steps": twice})
    calls = [getattr(step.call, "name", "") for step in main(workflow).steps]
    assert calls[0] == calls[1]
    assert len(workflow.operations) == len({item.name for item in workflow.operations})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "document",
    [
        CHURN,
        {"name": "w", "steps": [PYTHON]},
        {
            "name": "fan",
            "steps": [
                {
                    "name": "each",
                    "use": "container",
                    "image": "busybox:1.36",
                    "command": ["echo", "{{ inputs.x }}-{{inputs.y}}", "{{outputs.z}}"],
                    "inputs": [{"name": "x", "from": "item"}, {"name": "y", "value": 1}],
                    "outputs": ["z"],
                    "over": ["a", "b"],
                },
                {"name": "after", "use": "send-mail", "needs": ["each"], "inputs": [{"name": "to", "value": "me"}]},
            ],
        },
    ],
    ids=["churn", "python", "fan-out"],
)
def test_every_engine_takes_it(document: dict[str, Any], engine: str) -> None:
    made = manifest(composed(document), session(load_config(), PLUGINS, to=engine))
    assert not [finding for finding in made.findings if finding.severity == "error"]
    assert manifest(composed(document), session(load_config(), PLUGINS, to=engine)) == made
    assert document["name"] in made.text


def test_what_python_steps_run_is_their_function() -> None:
    workflow = composed({"name": "w", "steps": [PYTHON]})
    function = function_of(workflow.operations[0])
    assert function is not None
    assert function.source == PYTHON["code"] + "\n"
    assert dict(function.outputs) == {"n": "text", "twice": "text"}


def test_what_several_steps_give_is_a_list() -> None:
    steps = [CHURN["steps"][0], *({**CHURN["steps"][1], "name": name} for name in ("a", "b"))]
    code = "def run(models: list):\n    return models[0]"
    inputs = [{"name": "models", "from": ["a.model", "b.model"]}]
    best = {"name": "best", "use": "python", "outputs": ["result"], "code": code, "inputs": inputs}
    document = {**CHURN, "steps": [*steps, best]}
    graph = main(composed(document))
    assert ("a", "best") in {(edge.before, edge.after) for edge in GraphView(graph).edges()}
    (argument,) = graph.steps[-1].arguments
    assert isinstance(argument.value, Template)
    assert [part for part in argument.value.parts if isinstance(part, str)] == ['["', '", "', '"]']
    for engine in ENGINES:
        assert manifest(composed(document), session(load_config(), PLUGINS, to=engine)).text


def test_numbers_are_compared_by_a_step(tmp_path: Path) -> None:
    workflow = composed(CHURN)
    operation = next(item for item in workflow.operations if item.name == "compare")
    words = [str(getattr(word, "value", "")) for word in operation.containers[0].command]
    words = [word.replace("/tmp/outputs", str(tmp_path)) for word in words]
    for left, op, right, expected in (("0.95", ">", "0.9", "true"), ("1e-3", "<=", "0", "false")):
        subprocess.run([sys.executable, *words[1:], left, op, right], check=True)
        assert (tmp_path / "holds").read_text() == expected
