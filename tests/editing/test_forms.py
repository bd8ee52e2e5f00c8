"""What the form of a step offers to read from."""

from __future__ import annotations

from couler_plugins.documents import read
from couler_plugins.driver.session import lift_inputs, session
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
    form = form_of((CORPUS / "tekton" / "pipeline.yaml").read_text(encoding="utf-8"), "fetch", "tekton")
    (image,) = (field for field in form.fields if field.field == "image")
    assert (image.editable, image.reason) == (False, "fetch/task stands for itself in this file: open it in the list")


def sources(text: str, node: str) -> list[str]:
    """Return the references that a form offers for its condition."""
    (field,) = (field for field in form_of(text, node, "argo").fields if field.field == "when")
    return list(field.choices or ())


def form_of(text: str, node: str, engine: str) -> StepForm:
    """Return the form of a step of the first workflow of a file."""

    def refuse(_: Input, error: CoulerError) -> None:
        raise error

    name = "stages.yaml"
    plan = lift_inputs([Input(name=name, relative=name, file=read(text, name))], WORK, refuse)
    return step_form(plan, plan.workflows[0], node, WORK.plugins.adapter(engine), "")
