"""The tutorial's plugin is a real distribution: it is built, installed and used."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins import Text, optimize
from couler_plugins.cli.group import couler
from pluginbox import PluginBox
from support import ROOT

EXAMPLE = ROOT / "examples" / "couler-default-retry"
MODULE = (EXAMPLE / "couler_default_retry.py").read_text()
TUTORIAL, _, SETTINGS = (ROOT / "docs" / "plugins" / "tutorial.md").read_text().partition("## Settings of steps")
HELLO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hello-
spec:
  entrypoint: hello
  templates:
  - name: hello
    container:
      image: busybox
      command: [echo, "hello"]   # say it
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's wheel unpacked, which is what installing it does."""
    folder = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLE, capture_output=True, text=True, check=True, timeout=60
    )
    with zipfile.ZipFile(folder / done.stdout.splitlines()[-1]) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def installed(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `hello.yaml`; the plugin is installed beside the built-in ones."""
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COULER_LOAD_PLUGINS", raising=False)
    (tmp_path / "hello.yaml").write_text(HELLO)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, arguments, catch_exceptions=False)


def test_the_plugin_has_at_most_fifteen_lines() -> None:
    assert len([line for line in MODULE.splitlines() if line.strip()]) <= 15


def test_the_tutorial_shows_the_plugin_as_it_is() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    shown = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert shown == [line for line in MODULE.splitlines() if line.strip()]
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (table,) = re.findall(r"^```toml\n(\[.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    told = tomllib.loads(table)["project"]
    assert told == {key: project[key] for key in told}


@pytest.mark.parametrize("command", ["plugins", "explain", "diff"])
def test_the_tutorial_shows_what_is_printed(installed: Path, command: str) -> None:
    (session,) = re.findall(r"^```console\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    ((line, shown),) = re.findall(rf"^\$ couler ({command}.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE)
    done = run(*line.replace("'", "").split())
    assert (done.exit_code, done.stderr) == (0, "")
    assert shown.removeprefix("…\n").removesuffix("…\n") in done.stdout
    assert command == "plugins" or shown == done.stdout


def test_the_plugin_finds_nothing_to_do_in_its_own_result(installed: Path) -> None:
    once = run("optimize", "-p", "default-retry", "hello.yaml").stdout
    assert once == f"{HELLO}    retryStrategy:\n      limit: 2\n"
    Path("hello.yaml").write_text(once)
    assert run("optimize", "-p", "dedupe,default-retry", "hello.yaml", "--check").exit_code == 0


def test_the_tutorial_shows_an_optimizer_of_settings(plugin_box: PluginBox, monkeypatch: pytest.MonkeyPatch) -> None:
    (module,) = re.findall(r"^```python\n(.*?)^```", SETTINGS, re.MULTILINE | re.DOTALL)
    plugin_box.add("requests", module)
    monkeypatch.delenv("COULER_LOAD_PLUGINS")
    once = optimize(Text(HELLO), "default-requests{cpu=2}")
    assert once.text == HELLO + '      resources:\n        requests:\n          cpu: "2"\n          memory: 256Mi\n'
    assert not optimize(Text(once.text), "default-requests").changed
