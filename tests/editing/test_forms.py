"""What the form of a step offers to read from."""

from __future__ import annotations

import pytest

from couler_plugins.documents import read
from couler_plugins.driver.session import lift_inputs, session
from couler_plugins.editing.actions import Scalar, SetField
from couler_plugins.editing.apply import apply_actions
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from couler_plugins.studio.forms import step_form
from couler_plugins.studio.messages import StepForm
from editing.tables import FOLDER
from support import CORPUS

WORK = session(Config())


def test_a_step_can_read_from_the_groups_before_its_own() -> None:
    text = (FOLDER / "argo-steps.yaml").read_text(encoding="utf-8")
    outputs = "    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}"
    text = text.replace("  - name: make\n", f"  - name: make\n{outputs}\n")
    assert sources(text, "second") == ["first.made"]
    assert sources(text, "last") == ["first.made", "third.made"]
    assert sources(text, "first") == []


def test_a_form_says_where_the_image_of_a_step_stands() -> None:
    form = form_of((CORPUS / "tekton" / "pipeline.yaml").read_text(encoding="utf-8"), "fetch")
    (image,) = (field for field in form.fields if field.field == "image")
    assert (image.editable, image.reason) == (False, "fetch/task stands for itself in this file: open it in the list")


def test_conditions_of_steps_are_offered_where_the_engine_has_them() -> None:
    kfp = form_of((CORPUS / "kfp" / "diamond.yaml").read_text(encoding="utf-8"), "say-2")
    assert "when" not in {field.field for field in kfp.fields}
    kfp = form_of((CORPUS / "kfp" / "branches.yaml").read_text(encoding="utf-8"), "condition-branches-1/condition-2")
    (when,) = (field for field in kfp.fields if field.field == "when")
    assert not when.editable
    assert "kfp has conditions on groups of steps, and none on one step" in when.reason


def test_a_loop_is_offered_where_it_is_clear_what_takes_the_item() -> None:
    one = form_of((CORPUS / "kfp" / "diamond.yaml").read_text(encoding="utf-8"), "say-2")
    several = form_of((CORPUS / "kfp" / "optional-inputs.yaml").read_text(encoding="utf-8"), "options")
    assert "over" in {field.field for field in one.fields}
    assert "over" not in {field.field for field in several.fields}


@pytest.mark.parametrize("op", ["==", "!="])
@pytest.mark.parametrize(
    ("manifest", "graph", "step", "left"),
    [("argo-steps.yaml", "main", "last", "first.result"), ("tekton.yaml", "pipeline", "warn", "inputs.url")],
)
def test_a_condition_that_was_set_can_be_changed(manifest: str, graph: str, step: str, left: str, op: str) -> None:
    text = (FOLDER / manifest).read_text(encoding="utf-8")
    comparison: dict[str, Scalar] = {"left": left, "op": op, "right": 'a "b"\t{'}
    action = SetField(graph=graph, step=step, field="when", value=comparison)
    text = apply_actions("stages.yaml", text, [action], WORK)
    (when,) = (field for field in form_of(text, step).fields if field.field == "when")
    assert (when.value, when.editable) == (comparison, True)


def test_a_form_says_that_all_containers_get_what_is_set() -> None:
    form = form_of((FOLDER / "tekton.yaml").read_text(encoding="utf-8"), "fetch")
    (requests,) = (field for field in form.fields if field.field == "requests")
    assert (requests.editable, requests.reason) == (True, "each of its 2 containers gets it")


def test_items_of_several_lines_are_changed_in_the_file() -> None:
    text = (FOLDER / "argo-steps.yaml").read_text(encoding="utf-8")
    for items, editable in (('["a", "b"]', True), ('["a", "b\\nc"]', False)):
        looped = text.replace("name: third\n", f"name: third\n        withItems: {items}\n")
        (over,) = (field for field in form_of(looped, "third").fields if field.field == "over")
        assert over.editable is editable


def sources(text: str, node: str) -> list[str]:
    """Return the references that a form offers for its condition."""
    (field,) = (field for field in form_of(text, node).fields if field.field == "when")
    return list(field.choices or ())


def form_of(text: str, node: str) -> StepForm:
    """Return the form of a step of the first workflow of a file."""

    def refuse(_: Input, error: CoulerError) -> None:
        raise error

    name = "stages.yaml"
    plan = lift_inputs([Input(name=name, relative=name, file=read(text, name))], WORK, refuse)
    return step_form(plan, plan.workflows[0], node, WORK, "")
