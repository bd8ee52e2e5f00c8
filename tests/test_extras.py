"""Hints that name what can be installed: no index is known to have couler-plugins."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.errors import install_hint
from support import ROOT

REQUIRES = ["click>=8.1", "cmaes>=0.11; extra == 'tune'", 'optuna>=4; python_version > "3" and extra == "tune"', "a[b]"]
PIP = f"{shlex.quote(sys.executable)} -m pip"


@pytest.fixture(autouse=True)
def pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """This Python has pip, whatever made its environment."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "pip")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata of couler-plugins, installed from nowhere that is known."""
    metadata = tmp_path / "couler_plugins-1.dist-info"
    metadata.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: couler-plugins", "Version: 1", *(f"Requires-Dist: {x}" for x in REQUIRES)]
    (metadata / "METADATA").write_text("\n".join(lines))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: importlib.metadata.PathDistribution(metadata))
    return metadata


def from_origin(metadata: Path, origin: Mapping[str, Any]) -> str:
    (metadata / "direct_url.json").write_text(json.dumps(origin))
    return install_hint("tune")


COMMIT = "0" * 40
GIT = {"vcs": "git", "commit_id": COMMIT}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({"url": "https://host/r.git", "vcs_info": GIT}, f"couler-plugins[tune] @ git+https://host/r.git@{COMMIT}"),
        (
            {"url": "https://host/r.git", "vcs_info": {**GIT, "requested_revision": "main"}, "subdirectory": "x"},
            "couler-plugins[tune] @ git+https://host/r.git@main#subdirectory=x",
        ),
        ({"url": "https://host/c-1.zip", "archive_info": {}}, "couler-plugins[tune] @ https://host/c-1.zip"),
    ],
)
def test_the_place_on_the_net_that_it_came_from(installed: Path, origin: dict[str, Any], expected: str) -> None:
    assert from_origin(installed, origin) == f"{PIP} install '{expected}'"


def test_the_folder_or_wheel_that_it_came_from(installed: Path, tmp_path: Path) -> None:
    clone, wheel = tmp_path / "my clone", tmp_path / "couler_plugins-1-py3-none-any.whl"
    clone.mkdir()
    wheel.touch()
    assert from_origin(installed, {"url": clone.as_uri(), "dir_info": {}}) == f"{PIP} install '{clone}[tune]'"
    editable = {"url": clone.as_uri(), "dir_info": {"editable": True}}
    assert from_origin(installed, editable) == f"{PIP} install -e '{clone}[tune]'"
    assert from_origin(installed, {"url": wheel.as_uri(), "archive_info": {}}) == f"{PIP} install '{wheel}[tune]'"
    clone.rmdir()
    assert from_origin(installed, editable) == f"{PIP} install 'cmaes>=0.11' 'optuna>=4'"


@pytest.mark.parametrize("text", [None, "", "nonsense", "[]", "{}", '{"url": 1, "vcs_info": {}}', '{"url": "file:"}'])
def test_the_packages_of_an_extra_where_no_place_is_known(installed: Path, text: str | None) -> None:
    if text is not None:
        (installed / "direct_url.json").write_text(text)
    assert install_hint("tune") == f"{PIP} install 'cmaes>=0.11' 'optuna>=4'"
    assert install_hint("tun") == "install the packages of its extra 'tun'"


def test_the_python_is_named_that_lacks_the_packages(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/my env/bin/python")
    assert install_hint("tune") == "'/my env/bin/python' -m pip install 'cmaes>=0.11' 'optuna>=4'"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert install_hint("tune") == "pip --python '/my env/bin/python' install 'cmaes>=0.11' 'optuna>=4'"


def test_a_clone_that_was_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nowhere)
    assert install_hint("tune") == f"{PIP} install '{ROOT}[tune]'"


def test_every_extra_that_is_hinted_at_exists_and_no_other_hint_names_one() -> None:
    sources: Sequence[Path] = [*ROOT.glob("couler_plugins/**/*.py"), *ROOT.glob("adapters/*/couler_*/**/*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in [*sources, *ROOT.glob("docs/**/*.md")]}
    assert len(sources) > 300
    assert not [path for path, text in texts.items() if re.search(r"couler[-_]plugins\[", text)]
    hinted = {name for text in texts.values() for name in re.findall(r"(?:install_hint\(|\bextra=)['\"](\w+)", text)}
    known = importlib.metadata.metadata("couler-plugins").get_all("Provides-Extra") or []
    others = {"lint", "metrics", "plots", "sql", "storage", "studio", "templates", "tune"}
    assert hinted == {"argo", "cluster", "index", "kfp"} | others
    assert hinted <= set(known)
