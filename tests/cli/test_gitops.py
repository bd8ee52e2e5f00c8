"""docs/gitops.md with the real kustomize and Helm: `python3 dev.py cluster build gitops` builds them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.test_krm import ODD
from cluster.programs import HELM3, HELM4, KUSTOMIZE, Module, folder_of
from gitops_files import TWINS, WEB, blocks_of
from support import ROOT

CHART = "apiVersion: v2\nname: train\nversion: 0.1.0\n"
DEDUPE = ("-p", "dedupe")
Render = Callable[[Path], subprocess.CompletedProcess[str]]


def program(module: Module, name: str) -> str:
    """A program that was built; skips the test where it was not."""
    path = folder_of(module)[2] / "bin" / name
    if not path.exists():
        pytest.skip(f"{module.folder} is not built: python3 dev.py cluster build gitops")
    return str(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `couler` on the path, and a home of its own."""
    script = tmp_path / "bin" / "couler"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from couler_plugins.cli import main; main()" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HELM_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HELM_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HELM_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def templates(text: str) -> list[str]:
    """The templates that the tasks of the only workflow call; what else is there has to be as it was."""
    documents = list(yaml.safe_load_all(text))
    [workflow] = [item for item in documents if item["kind"] == "Workflow"]
    assert [item for item in documents if item is not workflow] == [yaml.safe_load(WEB)]
    [dag] = [item["dag"] for item in workflow["spec"]["templates"] if "dag" in item]
    return [task["template"] for task in dag["tasks"]]


def test_kustomize_runs_the_function(place: Path) -> None:
    function, kustomization = blocks_of("gitops.md", "yaml")
    for name, text in {"couler": function, "kustomization": kustomization, "train": TWINS, "web": WEB}.items():
        (place / f"{name}.yaml").write_text(text)
    command = (program(KUSTOMIZE, "kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", ".")
    done = run(*command)
    assert (done.returncode, templates(done.stdout)) == (0, ["one", "one"]), done.stderr
    (place / "train.yaml").write_text(TWINS.replace("name: main", "name: 3"))
    refused = run(*command)
    assert refused.returncode != 0
    assert "the name of a template is not text" in refused.stderr


def test_kustomize_gets_other_objects_as_they_are(place: Path) -> None:
    function, kustomization = blocks_of("gitops.md", "yaml")
    data = {name: text for name, text in ODD.items() if isinstance(text, str)}
    odd = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "odd", "namespace": "one"}, "data": data}
    other = {
        "apiVersion": "example.com/v1",
        "kind": "Odd",
        "metadata": {"name": "odd", "namespace": "two"},
        "spec": ODD,
    }
    (place / "train.yaml").write_text(WEB)
    (place / "web.yaml").write_text(yaml.safe_dump_all([odd, other]))
    (place / "couler.yaml").write_text(function)
    texts = []
    for text in (kustomization, kustomization.partition("transformers")[0]):
        (place / "kustomization.yaml").write_text(text)
        done = run(program(KUSTOMIZE, "kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", ".")
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
    assert texts[0] == texts[1]


@pytest.fixture
def chart(place: Path) -> Path:
    folder = place / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(CHART)
    (folder / "templates" / "train.yaml").write_text(TWINS)
    (folder / "templates" / "web.yaml").write_text(WEB)
    return folder


def render_with_3(chart: Path) -> subprocess.CompletedProcess[str]:
    arguments = [f"--post-renderer-args={text}" for text in ("optimize", *DEDUPE)]
    return run(program(HELM3, "helm"), "template", "train", str(chart), "--post-renderer", "couler", *arguments)


def render_with_4(chart: Path) -> subprocess.CompletedProcess[str]:
    helm = program(HELM4, "helm")
    installed = run(helm, "plugin", "install", str(ROOT / "examples" / "gitops" / "helm-plugin"))
    assert installed.returncode == 0, installed.stderr
    arguments = [f"--post-renderer-args={text}" for text in DEDUPE]
    return run(helm, "template", "train", str(chart), "--post-renderer", "couler", *arguments)


RENDERERS = {"helm-3": render_with_3, "helm-4": render_with_4}


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_helm_runs_the_post_renderer(chart: Path, render: Render) -> None:
    done = render(chart)
    assert (done.returncode, templates(done.stdout)) == (0, ["one", "one"]), done.stderr
    assert "# the same" in done.stdout


@pytest.mark.parametrize(("name", "last"), [("helm-3", "two"), ("helm-4", "one")])
def test_only_helm_4_gives_hooks(chart: Path, name: str, last: str) -> None:
    hook = TWINS.replace("  name: train", '  name: train\n  annotations: {helm.sh/hook: "post-install"}')
    (chart / "templates" / "train.yaml").write_text(hook)
    done = RENDERERS[name](chart)
    assert (done.returncode, templates(done.stdout)) == (0, ["one", last]), done.stderr


# Helm 4 keeps back what a plugin says on stderr.
@pytest.mark.parametrize(
    ("name", "text"),
    [("helm-3", "the name of a template is not text"), ("helm-4", 'plugin "couler" exited with error')],
)
def test_a_chart_that_is_refused_fails(chart: Path, name: str, text: str) -> None:
    (chart / "templates" / "train.yaml").write_text(TWINS.replace("name: main", "name: 3"))
    done = RENDERERS[name](chart)
    assert (done.returncode, done.stdout, text in done.stderr) == (1, "", True), done.stderr
