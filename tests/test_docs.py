"""The generated parts of the documentation say what the code does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow
from support import ROOT

GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_generated_pages_are_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATED["PAGES"][name](), "run `python3 dev.py docs`"


def test_the_readme_shows_what_the_commands_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "churn.yaml").write_text(workflow(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    console = (ROOT / "README.md").read_text(encoding="utf-8").split("```console\n")[1].split("```")[0]
    shown = [part.split("\n", 1) for part in console.split("$ couler ")[1:]]
    assert [command.split()[0] for command, _ in shown] == ["explain", "diff"]
    for command, output in shown:
        assert CliRunner().invoke(couler, command.split()).stdout == output


def test_the_readme_shows_the_tutorial_plugin() -> None:
    module = ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"
    assert module.read_text(encoding="utf-8") in (ROOT / "README.md").read_text(encoding="utf-8")
