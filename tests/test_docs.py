"""The generated parts of the documentation say what the code does."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins import ir
from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow
from house import House
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
    assert len(House().readme.split()) <= 1000
    assert not list(House().sentences())


def test_the_readme_shows_the_tutorial_plugin() -> None:
    module = ROOT / "examples" / "couler-default-retry" / "couler_default_retry.py"
    assert module.read_text(encoding="utf-8") in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_site_has_versions(tmp_path: Path) -> None:
    if find_spec("mike") is None:
        pytest.skip("needs mike, of the group `dev`")
    clone = tmp_path / "clone"
    who = {f"GIT_{role}_{key}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | who | {"NO_MKDOCS_2_WARNING": "1", "PATH": path}

    def call(*command: str) -> str:
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    clone.mkdir()
    for name in ("docs", "mkdocs.yml"):
        (shutil.copytree if name == "docs" else shutil.copy)(ROOT / name, clone / name)
    call("git", "init", "-q")
    call("git", "commit", "-q", "--allow-empty", "-m", "pages")
    mike = (sys.executable, "-c", "from mike.driver import main; main()")
    for version in ("0.1", "0.2"):
        call(*mike, "deploy", "--update-aliases", version, "latest")
    call(*mike, "set-default", "latest")
    versions = json.loads(call("git", "show", "gh-pages:versions.json"))
    assert [(row["version"], row["aliases"]) for row in versions] == [("0.2", ["latest"]), ("0.1", [])]
    assert "latest/" in call("git", "show", "gh-pages:index.html")
    assert '"provider": "mike"' in call("git", "show", "gh-pages:0.1/index.html")


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", re.sub(r"\]\([^)]*\)", "", heading)).strip().lower() for heading in headings]
    return {re.sub(r"[-\s]+", "-", text) for text in words}


def test_links_lead_to_files_and_headings_of_the_repository() -> None:
    """As mkdocs does it within `docs/`, and for the pages around it."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    broken = []
    for page in pages:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = link.partition("#")
            path = page.parent / target if target else page
            if "://" in link or link.startswith("mailto:"):
                continue
            if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []
