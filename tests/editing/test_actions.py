"""What each action does to the text of a file: only the lines that it is about change."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.documents import read
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.session import session
from couler_plugins.editing.actions import RenameStep, SetField
from couler_plugins.editing.apply import ActionError, apply_actions
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from editing.tables import FOLDER, Case, cases, outcome

WORK = session(Config())
TABLES = sorted(FOLDER.glob("*.diffs"))
ROWS = [pytest.param(path.stem, case, id=f"{path.stem}: {case.name}") for path in TABLES for case in cases(path)]


@pytest.mark.parametrize(("manifest", "case"), ROWS)
def test_an_action_changes_only_the_lines_that_it_is_about(manifest: str, case: Case) -> None:
    name = f"{manifest}.yaml"
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert outcome(name, text, case.actions, WORK) == case.wanted


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table_starts_from_a_manifest_without_errors(path: Path) -> None:
    name = f"{path.stem}.yaml"
    text = (FOLDER / name).read_text(encoding="utf-8")
    found = lint_inputs([Input(name=name, relative=name, file=read(text, name))], WORK)
    assert not found.failed, found.findings


def test_an_error_says_which_action_is_refused() -> None:
    text = (FOLDER / "argo.yaml").read_text(encoding="utf-8")
    image = SetField(graph="main", step="fetch", field="image", value="curl")
    with pytest.raises(ActionError, match="'main' has no step 'fetsch'") as caught:
        apply_actions("argo.yaml", text, [image, RenameStep(graph="main", step="fetsch", name="get")], WORK)
    assert (caught.value.number, caught.value.file, caught.value.hint) == (1, "argo.yaml", "did you mean 'fetch'?")


def test_actions_on_carriage_returns_keep_them() -> None:
    text = (FOLDER / "argo.yaml").read_text(encoding="utf-8").replace("\n", "\r\n")
    new = apply_actions("argo.yaml", text, [RenameStep(graph="main", step="warn", name="shout")], WORK)
    assert new == text.replace("name: warn", "name: shout")
