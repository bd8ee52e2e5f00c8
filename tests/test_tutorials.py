"""Tutorials, and pages that show their files, do what they show: in an empty folder with an empty home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

DOCS = ROOT / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if ' title="' in path.read_text("utf-8")]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
SLOW = frozenset({"tutorials/airflow", "tutorials/argo", "tutorials/kfp", "tutorials/tekton"})
"""Pages with many commands, each a process of its own."""
SECONDS = 300


def pattern_of(shown: str) -> re.Pattern[str]:
    """What a command may print: `…` alone in a line stands for any lines, and in a line for any of its text."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown.splitlines()
    ]
    return re.compile("".join(lines))


def commands_of(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with what it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def environment_of(folder: Path) -> dict[str, str]:
    """That of a newcomer: `couler` on the path, and no settings."""
    mine = {name: os.environ[name] for name in ("PYTHONPATH", "LANG", "TMPDIR") if name in os.environ}
    return {**mine, "HOME": str(folder / "home"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
        for name in (page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES)
    ],
)
def test_a_page_does_what_it_shows(name: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "home").mkdir()
    environment = environment_of(tmp_path)
    for kind, title, text in BLOCK.findall((DOCS / f"{name}.md").read_text("utf-8")):
        if title:
            (work / title).parent.mkdir(exist_ok=True)
            (work / title).write_text(text, "utf-8")
        elif kind == "diff":
            patch = ["git", "apply", "-p0", "--whitespace=nowarn", "-"]
            subprocess.run(patch, cwd=work, input=text, text=True, check=True)
        elif kind == "console":
            for command, shown in commands_of(text):
                if command.startswith("export "):
                    variable, _, value = command.removeprefix("export ").partition("=")
                    environment[variable] = value.replace("$PWD", str(work))
                    continue
                done = subprocess.run(
                    ["bash", "-c", f"{command} 2>&1"],
                    cwd=work,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=SECONDS,
                    check=False,
                )
                assert pattern_of(shown).fullmatch(done.stdout), f"$ {command}\n{done.stdout}"
