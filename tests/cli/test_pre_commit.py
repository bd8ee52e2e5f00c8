"""`.pre-commit-hooks.yaml`, run by pre-commit itself, which installs couler from a repository, without a network."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from gitops_files import TWINS, commit_all
from support import ROOT

SOURCES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "couler_plugins", "adapters")
GOOD = TWINS.replace("template: two", "template: one").partition("  - name: two\n")[0]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("pre_commit") is None, reason="needs pre-commit"),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of what couler is built from."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(path, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        commit_all()
    return folder


def hooks(source: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs both hooks on all files. The environment that pre-commit makes takes dependencies from this one."""
    chosen = [{"id": "couler-lint"}, {"id": "couler-optimize-check", "args": ["-p", "dedupe", "."]}]
    revision = subprocess.check_output(["git", "-C", source, "rev-parse", "HEAD"], text=True).strip()
    config = {"repos": [{"repo": str(source), "rev": revision, "hooks": chosen}]}
    Path(".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    offline = {
        "PRE_COMMIT_HOME": str(home),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip takes 0 for "without isolation"
        "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *site.getsitepackages()]),
    }
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--verbose"]
    return subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=False)


def test_both_hooks_pass_and_fail(source: Path, repository: Path, tmp_path: Path) -> None:
    Path("good.yaml").write_text(GOOD)
    Path("chart.yaml").write_text("{{ if .Values.x }}\na: [\n")
    commit_all()
    good = hooks(source, tmp_path / "home")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "1 document checked: nothing found" in good.stdout
    Path("bad.yaml").write_text(TWINS.replace("  - name: one", "    retryStrategy: {limits: 3}\n  - name: one"))
    commit_all()
    bad = hooks(source, tmp_path / "home")
    assert bad.returncode == 1
    assert "bad.yaml:13: error: RetryStrategy has no field 'limits'" in bad.stdout
    assert "bad.yaml would change" in bad.stdout
