"""What docs/prioritize.md shows is what `prioritize` does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from couler_plugins.ordering.prioritize import Prioritize
from ordering.test_prioritize import changes, prioritized
from support import ROOT

PAGE = (ROOT / "docs" / "prioritize.md").read_text(encoding="utf-8")
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: nightly-}\n"
WORK = '    - name: work\n      container: {image: "busybox:1"}\n'
TIMES = {"chart": 300.0, "mail": 300.0, "prepare": 60.0, "train": 1200.0, "upload": 60.0}


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_page_shows_what_is_written(tmp_path: Path) -> None:
    result = prioritized(f"{HEAD}{block('yaml')}{WORK}", tmp_path, TIMES)
    shown = [line for line in block("diff").splitlines() if line.startswith("+")]
    assert changes(result) == [f"+{line[1:].strip()}" for line in shown]
    assert "".join(f"{line[1:]}\n" for line in block("diff").splitlines()) in (result.files[0].text or "")
    assert str(result.files[0].decisions[0]) == block("text").strip()


def test_the_page_has_all_options() -> None:
    options = PAGE.partition("## Options")[2].partition("##")[0]
    assert re.findall(r"^\| `([a-z-]+)`", options, re.MULTILINE) == [field.name for field in fields(Prioritize)]
