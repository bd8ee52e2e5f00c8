"""What docs/fuse.md says is what `fuse` has: options with their defaults, words, and rules by name."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.fusion.rules import check_rows
from couler_plugins.hookspecs.fusing import Word
from couler_plugins.options.rows import rows_in
from support import ROOT

PAGE = (ROOT / "docs" / "fuse.md").read_text(encoding="utf-8")
DEFAULTS = {"None": "none", "()": "none", "True": "true"}


def rows_of(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_the_page_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.split("```yaml\n")[1].split("```")[0]
    command, _, shown = PAGE.split("```console\n$ couler ")[1].split("```")[0].partition("\n")
    (tmp_path / "report.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(couler, command.split()).stdout == shown
    fused = CliRunner().invoke(couler, ["optimize", *command.split()[1:]]).stdout
    assert CliRunner().invoke(couler, ["rollback"], input=fused).stdout == text


def test_the_page_has_all_options_with_their_defaults() -> None:
    own = {field.name.replace("_", "-"): str(field.default) for field in fields(Fuse)}
    shown = {name.strip("`"): default for name, default, _ in rows_of("Options")}
    assert shown == {name: DEFAULTS.get(default, default) for name, default in own.items()}


def test_the_page_has_all_words() -> None:
    assert [row[0].strip("`") for row in rows_of("Declarations")] == list(get_args(Word))


def test_the_page_has_all_rules_of_the_core() -> None:
    named = {rule for row in rows_of("What is refused, and what to do") for rule in re.findall("`([a-z]+)`", row[0])}
    texts = [
        (ROOT / "couler_plugins" / path).read_text(encoding="utf-8")
        for path in ("fusion/chains.py", "fusion/attempts.py", "fusion/application.py", "ir/merging.py")
    ]
    used = {rule for text in texts for rule in re.findall(r'(?:Refusal|Obstacle)\(\s*"([a-z]+)"', text)}
    used |= set(re.findall(r'^            \("([a-z]+)", ', texts[0], re.MULTILINE)) - {"fused"}
    assert used - {"engine"} <= named
    assert {"never", "graph", "elsewhere", "resolver", "daemon", "retry"} <= named


def test_the_rows_on_the_page_are_understood() -> None:
    text = PAGE.split("```toml\n")[1].split("```")[0]
    rows = rows_in(tomllib.loads(text), ROOT / "couler.toml", "", text)["fuse"]
    check_rows(rows)
    assert [row.content for row in rows] == [{"idempotent": True, "allow": ["files"]}, {"fuse": "never"}]
