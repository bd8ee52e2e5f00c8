"""What the form of a step offers to read from."""

from __future__ import annotations

from couler_plugins.documents import read
from couler_plugins.driver.session import lift_inputs, session
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from couler_plugins.studio.forms import step_form
from editing.tables import FOLDER

WORK = session(Config())


def test_a_step_can_read_from_the_groups_before_its_own() -> None:
    text = (FOLDER / "argo-steps.yaml").read_text(encoding="utf-8")
    outputs = "    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}"
    text = text.replace("  - name: make\n", f"  - name: make\n{outputs}\n")
    assert sources(text, "second") == ["first.made"]
    assert sources(text, "last") == ["first.made", "third.made"]
    assert sources(text, "first") == []


def sources(text: str, node: str) -> list[str]:
    """Return the references that a form offers for its condition."""

    def refuse(_: Input, error: CoulerError) -> None:
        raise error

    name = "stages.yaml"
    plan = lift_inputs([Input(name=name, relative=name, file=read(text, name))], WORK, refuse)
    form = step_form(plan, plan.workflows[0], node, WORK.plugins.adapter("argo"), "")
    (field,) = (field for field in form.fields if field.field == "when")
    return list(field.choices or ())
