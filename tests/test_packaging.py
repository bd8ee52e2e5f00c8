"""The distribution holds what it should, and the repository nothing that it should not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from email import message_from_string
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

import couler_plugins
from support import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
BUNDLE = ROOT / "couler_plugins" / "studio" / "bundle"
LOCK_FILES = {"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "package-lock.json", "yarn.lock"}
REGISTRY = re.compile(
    r"""https?://\S*(?: /simple\b | /packages/ | \.whl\b | \.tar\.gz\b )
    | (?: index-url | find-links | trusted-host | proxy ) \s*[=:\s]\s* \S+://(?![\w.]+\.test/)
    | \b pypi\.\w{2,} | \b registry\.npm | \b (?: files | proxy | index )\.\w+\.(?: org | io | com ) \b""",
    re.VERBOSE,
)


def tracked_files(*folders: str) -> list[Path]:
    """What git would commit: its files, and new ones that it does not ignore."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines)


def test_adapter_folders_are_no_packages() -> None:
    folders = [ROOT / "adapters", *(path for path in (ROOT / "adapters").iterdir() if path.is_dir())]
    assert [folder for folder in folders if (folder / "__init__.py").exists()] == []


def test_every_package_is_in_the_distribution_and_typed() -> None:
    found = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "adapters").glob("*/*/__init__.py")}
    assert set(PACKAGES) == {"couler_plugins", *found}
    assert [package for package in PACKAGES if not (ROOT / package / "py.typed").is_file()] == []


@pytest.mark.parametrize("folder", [".", "adapters"])
@pytest.mark.parametrize("engine", ["airflow", "hera", "kfp", "kubernetes"])
def test_engines_are_not_shadowed(engine: str, folder: str) -> None:
    code = f"from importlib.util import find_spec; spec = find_spec({engine!r}); print(spec and spec.origin or '')"
    command = [sys.executable, "-c", code]
    origin = subprocess.run(command, cwd=ROOT / folder, check=True, capture_output=True, text=True).stdout.strip()
    assert not origin or "site-packages" in Path(origin).parts


def test_plugins_and_the_command_line_load_without_engines() -> None:
    modules = [*PROJECT["project"]["entry-points"]["couler_plugins"].values(), "couler_plugins.cli"]
    slow = {"airflow", "hera", "kfp", "kubernetes", "openai", "optuna", "rich"}
    code = f"import sys, {', '.join(modules)}; print(*({slow} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.split() == []


def test_the_installed_version_is_the_packages_version() -> None:
    assert version("couler-plugins") == couler_plugins.__version__


def test_pins_are_plain_and_agree() -> None:
    for name in ("all", "run"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert all(re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line) for line in text.splitlines())
    assert pins("run").items() <= pins("all").items()


def test_pins_hold_what_the_project_asks_for() -> None:
    run_time = PROJECT["project"]["dependencies"]
    extras = [text for texts in PROJECT["project"]["optional-dependencies"].values() for text in texts]
    for texts, pinned in [
        (run_time, pins("run")),
        ([*run_time, *extras, *PROJECT["dependency-groups"]["dev"]], pins("all")),
    ]:
        for requirement in map(Requirement, texts):
            assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


def test_no_registry_is_named_and_no_lock_file_kept() -> None:
    files = tracked_files()
    assert [path for path in files if path.name in LOCK_FILES] == []
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        for match in REGISTRY.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = {
        (PurePosixPath(package).name / path.relative_to(ROOT / package)).as_posix()
        for package in PACKAGES
        for path in tracked_files(package)
    }
    bundle = {path.relative_to(ROOT).as_posix() for path in BUNDLE.rglob("*") if path.is_file()}  # where it is built
    assert found == expected | bundle


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        info = f"couler_plugins-{couler_plugins.__version__}.dist-info"
        metadata = message_from_string(archive.read(f"{info}/METADATA").decode())
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode())
        assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert dict(entry_points["console_scripts"]) == {"couler": "couler_plugins.cli:main"}
    for module in entry_points["couler_plugins"].values():
        assert find_spec(module) is not None


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    base = str(Path(sys.executable).resolve())
    environment = tmp_path / "environment"
    install = ["pip", "install", "--quiet", "--python", str(environment), "--constraints", "requirements/run.txt"]
    for arguments in (["venv", "--quiet", "--python", base, str(environment)], [*install, str(wheel)]):
        subprocess.run([base, "-c", f"import dev; dev.uv(*{arguments!r})"], cwd=ROOT, check=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for arguments, expected in [(["--version"], couler_plugins.__version__), (["plugins"], "argo")]:
        command = [str(environment / "bin" / "couler"), *arguments]
        result = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")
        assert expected in result.stdout
    for name, made in (("churn", "page.html"), ("authoring", "airflow.py")):  # a stranger's first minutes
        command = [str(environment / "bin" / "couler"), "demo", name, "-o", name]
        result = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert (tmp_path / name / made).stat().st_size > 0
