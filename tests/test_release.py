"""`dev.py release`: what it builds works by itself, and says what it is of."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import couler_plugins
from support import ROOT

BUILD = runpy.run_path(str(ROOT / "release" / "build.py"))
notes_of, tag_problems, version_of = (BUILD[name] for name in ("notes_of", "tag_problems", "version_of"))
CHANGELOG = """\
# Changelog

## Unreleased

### Added

- New.

## [0.2.0] - 2026-01-01

- Old.

## 0.1.0
"""


def test_notes_are_the_section_of_the_version() -> None:
    assert notes_of(CHANGELOG, "Unreleased") == "### Added\n\n- New.\n"
    assert notes_of(CHANGELOG, "0.2.0") == "- Old.\n"
    assert [notes_of(CHANGELOG, version) for version in ("0.1.0", "0.2", "9")] == ["", "", ""]
    assert notes_of((ROOT / "CHANGELOG.md").read_text(), "Unreleased")


def test_a_release_is_a_clean_tree_with_its_tag(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        person = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *person, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    (tmp_path / "file").touch()
    assert [problem.partition(":")[0] for problem in tag_problems(tmp_path, "1.0")] == [
        "the tree has changes",
        "the commit has no tag v1.0",
    ]
    git("add", "-A")
    git("commit", "--quiet", "--message", "second")
    git("tag", "v1.1")
    assert list(tag_problems(tmp_path, "1.0")) == ["the commit has no tag v1.0: git tag v1.0"]
    git("tag", "v1.0")
    assert list(tag_problems(tmp_path, "1.0")) == []


def test_the_workflow_calls_the_same_job_and_keeps_no_secret() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    jobs: dict[str, Any] = yaml.safe_load(text)["jobs"]
    assert {"run": "python3 dev.py release"} in jobs["build"]["steps"]
    assert jobs["publish"]["permissions"]["id-token"] == "write"
    assert "secrets." not in text


@pytest.mark.slow
def test_wheel_and_sdist_run_in_empty_environments(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)], check=True)
    for name in subprocess.check_output(["git", "ls-files", "-mo", "--exclude-standard"], cwd=ROOT, text=True).split():
        if (ROOT / name).is_file():  # what is not committed yet
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    if (ROOT / ".tools").is_dir():
        (clone / ".tools").symlink_to(ROOT / ".tools")
    command = [sys.executable, "release/build.py", "--dry-run"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall("installs and runs the demo", done.stderr)) == 2
    version = version_of(ROOT)
    assert version == couler_plugins.__version__
    folder = clone / "build" / "release"
    with zipfile.ZipFile(folder / "dist" / f"couler_plugins-{version}-py3-none-any.whl") as wheel:
        assert not [name for name in wheel.namelist() if name.startswith(("tests/", "benchmarks/"))]
    with tarfile.open(folder / "dist" / f"couler_plugins-{version}.tar.gz") as sdist:
        assert f"couler_plugins-{version}/dev.py" in sdist.getnames()
    sbom = json.loads((folder / "sbom.cdx.json").read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    pinned = dict(line.split("==") for line in (ROOT / "requirements" / "run.txt").read_text().splitlines())
    parts = {item["name"].lower().replace("_", "-"): item["version"] for item in sbom["components"]}
    assert parts == {**pinned, "couler-plugins": version}
    wheels = {path.name.partition("-")[0].lower() for path in (folder / "wheels").iterdir()}
    assert {"pip", "couler_plugins", "kubernetes", "s3fs", "sqlalchemy"} <= wheels
    assert (folder / "notes.md").read_text().startswith("### ")
