"""What a lake keeps of workflows of every engine, and that it holds nothing but data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from couler_plugins import Text, lift
from couler_plugins.errors import InvalidInput
from couler_plugins.generation.composition import compose
from couler_plugins.generation.lake import Item, add, items, remove
from couler_plugins.generation.lifting import kept
from couler_plugins.generation.scope import waits_for
from couler_plugins.generation.validation import validate
from couler_plugins.ir import verify, without_origin
from generation.forms import CATALOGUE, CHURN, form

FLIP = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: Coin Flip}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: me}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: flip, template: flip-coin, arguments: {parameters: [{name: by, value: "{{workflow.parameters.who}}"}]}}
      - name: heads
        template: say
        depends: flip
        when: "{{tasks.flip.outputs.result}} == heads"
        arguments: {parameters: [{name: text, value: "{{tasks.flip.outputs.result}}"}]}
      - name: each
        template: say
        depends: flip.Succeeded
        withItems: [a, b]
        arguments: {parameters: [{name: text, value: "{{item}}"}]}
  - name: flip-coin
    inputs: {parameters: [{name: by}]}
    container: {image: "python:3.12", command: [python, -c], args: ["print('heads')", "{{inputs.parameters.by}}"]}
  - name: say
    inputs: {parameters: [{name: text, default: hello}]}
    container: {image: "busybox:1.36", command: [echo], args: ["{{inputs.parameters.text}}"]}
"""


def lifted(text: str = FLIP) -> Item:
    (workflow,) = lift(Text(text, "flip.yaml")).workflows
    return kept(without_origin(workflow), description="flips a coin")


def test_a_workflow_is_steps_and_a_shape() -> None:
    item = lifted()
    assert (item.name, item.engine, item.description) == ("coin-flip", "argo", "flips a coin")
    flip, say = item.steps
    assert (flip.name, [port.name for port in flip.inputs], [port.name for port in flip.outputs]) == (
        "coin-flip-flip-coin",
        ["by"],
        ["result"],
    )
    assert [(port.name, port.default) for port in say.inputs] == [("text", "hello")]
    assert item.shape is not None
    first, heads, each = item.shape.steps
    assert (first.use, first.inputs[0].source) == ("coin-flip-flip-coin", "inputs.who")
    assert heads.when is not None
    assert (heads.when.left, heads.when.op, heads.when.right) == ("flip.result", "==", "heads")
    assert each.over == ("a", "b")


def test_what_was_lifted_composes_again() -> None:
    item = lifted()
    assert item.shape is not None
    own = {step.name: step for step in item.steps}
    assert validate(item.shape, own) == []
    assert verify(compose(item.shape, own)) == []


def test_what_was_composed_is_lifted_with_the_same_shape() -> None:
    steps = [{key: value for key, value in step.items() if key != "when"} for step in CHURN["steps"]]
    document = {**CHURN, "steps": steps}
    shape = kept(compose(form(document), CATALOGUE)).shape
    assert shape is not None
    for step, original in zip(shape.steps, form(document).steps, strict=True):
        assert (step.name, step.retries, waits_for(step)) == (original.name, original.retries, waits_for(original))
        assert [taken.source for taken in step.inputs] == [taken.source for taken in original.inputs]
        assert step.use == f"churn-{original.use}"


def test_what_the_form_cannot_say_has_no_shape_but_its_steps() -> None:
    item = lifted(FLIP.replace("{{workflow.parameters.who}}", "x-{{workflow.parameters.who}}"))
    assert item.shape is None
    assert len(item.steps) == 2


def test_a_lake_is_a_folder(tmp_path: Path) -> None:
    lake = tmp_path / "deep" / "lake"
    assert list(items(lake)) == []
    path = add(lake, lifted())
    assert list(items(lake)) == [lifted()]
    assert path.read_bytes() == add(lake, lifted()).read_bytes()
    with pytest.raises(InvalidInput, match="no 'flip'"):
        remove(lake, "flip")
    remove(lake, "coin-flip")
    assert list(items(lake)) == []


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "", ".", "A b"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    for call in (lambda: remove(tmp_path, name), lambda: add(tmp_path, msgspec.structs.replace(lifted(), name=name))):
        with pytest.raises(InvalidInput, match="no name"):
            call()
    assert not list(tmp_path.parent.glob("*.json"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        '{"name": "x"}',
        '{"name": "x", "engine": "argo"}',
        '{"schema": "other", "name": "x", "engine": "argo"}',
        '{"schema": "couler.lake/v0", "name": "x", "engine": "argo", "steps": [{"operation": "os.system"}]}',
    ],
    ids=range(7),
)
def test_a_file_that_is_none_of_a_lake_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InvalidInput) as caught:
        list(items(tmp_path))
    assert caught.value.file == str(tmp_path / "x.json")


def test_files_hold_what_was_lifted_and_nothing_of_where(tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads(add(tmp_path, lifted()).read_bytes())
    assert document["schema"] == "couler.lake/v0"
    assert "source" not in json.dumps(document).replace('"source": "inputs', "")
