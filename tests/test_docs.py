"""The generated parts of the documentation say what the code does."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins import ir
from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow
from support import ROOT, shared

GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_generated_pages_are_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATED["PAGES"][name](), "run `python3 dev.py docs`"


def test_the_ir_reference_has_every_type() -> None:
    page = (ROOT / "docs" / "plugins" / "ir.md").read_text(encoding="utf-8")
    sections = set(re.findall("^### (.*)", page, re.MULTILINE))
    # `Envelope` is of the file around a workflow; `Callable` is what operations and graphs have in common.
    assert {*sections, "Envelope"} == {*ir.json_schema()["$defs"], "Callable"}


def console_blocks(number: int) -> Iterator[tuple[str, str]]:
    """The commands of a console block of the README, each with what stands below it."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("```console\n")[number].split("```")[0]
    for part in block.split("$ couler ")[1:]:
        command, output = part.split("\n", 1)
        yield command, output


def test_the_readme_shows_what_the_commands_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "churn.yaml").write_text(workflow(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown = list(console_blocks(2))
    assert [command.split()[0] for command, _ in shown] == ["explain", "diff"]
    for command, output in shown:
        assert CliRunner().invoke(couler, command.split()).stdout == output


def test_the_readme_shows_a_public_repository_as_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shared("corpus", "field", "ClimateImpactLab__downscaleCMIP6"))
    for command, output in console_blocks(1):
        call, _, tail = command.partition(" | tail -")
        lines = CliRunner().invoke(couler, call.split()).stdout.splitlines(keepends=True)
        assert "".join(lines[-int(tail) :] if tail else lines) == output


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split()) <= 1000


def test_the_readme_shows_the_tutorial_plugin() -> None:
    module = ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"
    assert module.read_text(encoding="utf-8") in (ROOT / "README.md").read_text(encoding="utf-8")
