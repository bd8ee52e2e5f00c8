"""The example of an adapter is a small distribution of its own, and the core knows nothing of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from pluginbox import PluginBox
from support import ROOT

EXAMPLE = ROOT / "examples" / "couler-github-actions"
SAMPLES = ("workflows", "foreign")
PAGE = (ROOT / "docs" / "plugins" / "adapter.md").read_text()


@pytest.fixture
def repository(plugin_box: PluginBox) -> Path:
    """The current folder, with workflows where GitHub has them; the adapter and the optimizers are installed."""
    for name, module in (("github-actions", "couler_github_actions"), ("optimizers", "couler_plugins.optimizers")):
        plugin_box.declare(f"{name}-example", module)
    folder = plugin_box.folder / ".github" / "workflows"
    folder.mkdir(parents=True)
    for path in (EXAMPLE / "workflows").iterdir():
        (folder / path.name).write_text(path.read_text())
    return plugin_box.folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, arguments, catch_exceptions=False)


def test_it_is_small() -> None:
    files = [
        path for path in EXAMPLE.rglob("*") if path.is_file() and path.parent.name not in (*SAMPLES, "__pycache__")
    ]
    assert len(files) <= 7
    assert sum(len(path.read_text().splitlines()) for path in files) <= 900


def test_no_list_of_the_core_names_it() -> None:
    for path in (ROOT / "couler_plugins").rglob("*.py"):
        assert not re.search(r"github[-_]actions", path.read_text(), re.IGNORECASE), path


def test_a_folder_of_workflows_is_explained(repository: Path) -> None:
    done = run("explain", "-p", "dedupe", ".github/workflows")
    assert done.exit_code == 0
    for path in (repository / ".github" / "workflows").iterdir():
        assert f".github/workflows/{path.name}: 1 workflow, no change" in done.stdout


def test_a_job_without_steps_is_refused_by_its_line(repository: Path) -> None:
    path = repository / "bad.yml"
    path.write_text("on: push\njobs:\n  good: {runs-on: ubuntu-latest, steps: []}\n  bad: {runs-on: ubuntu-latest}\n")
    done = run("explain", "-p", "dedupe", "bad.yml")
    assert done.exit_code != 0
    assert "bad.yml:4: the job 'bad' has no list of steps" in done.stderr


def test_other_engines_get_no_jobs_that_call_actions(repository: Path, plugin_box: PluginBox) -> None:
    plugin_box.declare("argo-example", "couler_argo.plugin")
    done = run("convert", "--to", "argo", ".github/workflows/unnamed.yml")
    assert done.exit_code != 0
    assert "its jobs call actions on runners of GitHub" in done.stderr


def test_the_page_shows_the_code_as_it_is() -> None:
    """Every line of Python on the page is a line of the example."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = {line.strip().rstrip(",") for path in EXAMPLE.rglob("*.py") for line in path.read_text().splitlines()}
    shown = [line.strip().rstrip(",") for block in blocks for line in block.splitlines()]
    assert [line for line in shown if line not in lines] == []
    assert len(blocks) >= 4
