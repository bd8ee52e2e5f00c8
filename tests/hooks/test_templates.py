"""Packages that are made from the templates are installed, tested and used as their owners would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from couler_plugins.cli.plugins_new import TEMPLATES
from couler_plugins.errors import install_hint
from support import ROOT

WORKFLOW = """\
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
"""


def test_a_package_has_the_names_of_its_optimizer(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    arguments = ["plugins", "new", "optimizer", "step-timeout", "-o", str(folder)]
    done = CliRunner().invoke(couler, arguments)
    assert done.exit_code == 0
    example = "The package starts as a working example that sets timeouts: replace `run`, the options and the tests."
    for text in (done.output, (folder / "README.md").read_text("utf-8")):
        assert example in text
    module = (folder / "couler_step_timeout.py").read_text("utf-8")
    assert "class StepTimeout:" in module
    assert 'name = "step-timeout"' in module
    done = CliRunner().invoke(couler, arguments)
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, f"error: {folder} exists already")


@pytest.mark.parametrize("kind", ["optimizer", "adapter"])
def test_ruff_has_no_complaint_about_a_package(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "package"
    assert CliRunner().invoke(couler, ["plugins", "new", kind, "step-timeout", "-o", str(folder)]).exit_code == 0
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--isolated", "--select", "E4,E7,E9,F,I", "."]
    done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Step_timeout", "step--timeout", "../step", "", "1st"])
def test_a_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "package"
    done = CliRunner().invoke(couler, ["plugins", "new", "adapter", name, "-o", str(folder)])
    assert (done.exit_code, folder.exists()) == (2, False)
    assert "write lower case letters and digits, with single dashes between words" in done.stderr


@pytest.mark.parametrize("kind", ["optimizer", "adapter"])
@pytest.mark.parametrize("name", ["none", "true", "plugins", "argo", "cache", "tuning"])
def test_a_name_that_is_taken_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    folder = tmp_path / "package"
    done = CliRunner().invoke(couler, ["plugins", "new", kind, name, "-o", str(folder)])
    assert (done.exit_code, folder.exists()) == (2, False)
    assert done.stderr.startswith(f"error: the name '{name}' is taken\n  hint: choose another")


def test_what_to_install_is_said_where_copier_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "copier", None)
    done = CliRunner().invoke(couler, ["plugins", "new", "optimizer", "one", "-o", str(tmp_path / "one")])
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: copier is not installed\n  hint: {install_hint('templates')}")


@pytest.mark.slow
def test_packages_of_the_templates_work_in_an_environment_of_their_own(tmp_path: Path) -> None:
    optimizer, adapter, environment = (tmp_path / name for name in ("optimizer", "adapter", "environment"))
    made = CliRunner().invoke(couler, ["plugins", "new", "optimizer", "step-timeout", "-o", str(optimizer)])
    assert made.exit_code == 0, made.output
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", "-d", "name=my-engine", "-d", "mark=flow"]
    subprocess.run([*copier, str(TEMPLATES / "adapter"), str(adapter)], check=True, capture_output=True)
    base = str(Path(sys.executable).resolve())
    install = ["pip", "install", "--quiet", "--python", str(environment), "--constraints", "requirements/all.txt"]
    for arguments in (
        ["venv", "--quiet", "--python", base, str(environment)],
        [*install, "hatchling", "pytest"],
        [*install, "--no-build-isolation", str(ROOT), str(optimizer), str(adapter)],
    ):
        subprocess.run([base, "-c", f"import dev; dev.uv(*{arguments!r})"], cwd=ROOT, check=True)
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COULER"))}

    def run(program: str, *arguments: str) -> tuple[int, str]:
        command = [str(environment / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    for folder in (optimizer, adapter):
        code, text = run("pytest", "-q", "-W", "error", str(folder))
        assert code == 0, text
        assert " passed" in text
    code, text = run("couler", "plugins")
    assert code == 0, text
    assert "step-timeout (couler-step-timeout 0.1.0)" in text
    assert "  optimizer step-timeout: Sets a timeout for steps that have none." in text
    assert "my-engine (couler-my-engine 0.1.0)\n  hooks: couler_adapters\n  adapter my-engine\n" in text
    (tmp_path / "hello.yaml").write_text(WORKFLOW, "utf-8")
    assert run("couler", "optimize", "-p", "step-timeout{minutes=5}", "hello.yaml") == (
        0,
        f"{WORKFLOW}    timeout: 300s\n",
    )
    documents = str(adapter / "tests" / "documents")
    assert run("couler", "optimize", "--check", documents)[0] == 0
    code, text = run("couler", "graph", f"{documents}/nightly.yaml")
    assert (code, "train" in text) == (0, True), text
