"""Small Go programs around an engine's own packages: built once for all workers of a test session, or skipped."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from support import GO

__all__ = ["build_program", "required"]

SETTINGS = os.environ | {"CGO_ENABLED": "0"}
"""As the cluster's programs are built, also with `-trimpath`: what the two have in common is compiled once."""


def required(source: Path, module: str) -> str:
    """The version of a module that the program in a folder requires."""
    lines = (line.split() for line in (source / "go.mod").read_text().splitlines())
    return next(words[words.index(module) + 1] for words in lines if module in words)


def build_program(tmp_path_factory: pytest.TempPathFactory, source: Path, module: str) -> tuple[Path, Path]:
    """The program that is made from the sources in a folder, and the folder of the engine's module.

    Skips the test where there is no Go toolchain, or the module is not to be had.
    """
    if GO is None:
        pytest.skip(f"the oracle of {source.name} needs a Go toolchain")
    base = tmp_path_factory.getbasetemp()
    built = _built(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, GO, source, module)
    if isinstance(built, str):
        pytest.skip(built)
    return built


@cache
def _built(base: Path, go: str, source: Path, module: str) -> tuple[Path, Path] | str:
    """What was built, or why nothing was. Workers wait for each other: one builds."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(source.iterdir()))).hexdigest()[:12]
    folder = base / f"{source.name}-oracle-{digest}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = folder / "state.json"
        if not state.exists():
            state.write_text(json.dumps(_build(folder, go, source, module)))
        outcome = json.loads(state.read_text())
    if "refusal" in outcome:
        return str(outcome["refusal"])
    assert "failure" not in outcome, outcome["failure"]
    return Path(outcome["program"]), Path(outcome["module"])


def _build(folder: Path, go: str, origin: Path, module: str) -> dict[str, str]:
    source = folder / "source"  # the build must not write into the tree
    shutil.copytree(origin, source, dirs_exist_ok=True)
    version = required(origin, module)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [go, *arguments], cwd=source, env=SETTINGS, capture_output=True, text=True, timeout=1500, check=False
        )

    try:
        fetched = run("list", "-deps", "-f", "{{if .Error}}{{.Error}}{{end}}", ".")
    except subprocess.TimeoutExpired as error:
        return {"refusal": f"the Go module {module}@{version} is not to be had: {error}"}
    if fetched.returncode:
        return {"refusal": f"the Go module {module}@{version} is not to be had: {fetched.stderr.strip()[-300:]}"}
    program = folder / "oracle"
    built = run("build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", str(program), ".")
    if built.returncode:
        return {"failure": f"the oracle of {origin.name} does not compile: {built.stderr.strip()[-2000:]}"}
    found = run("list", "-m", "-f", "{{.Dir}}", module)
    if found.returncode or not found.stdout.strip():
        return {"failure": f"Go does not say where {module} is: {found.stderr.strip()[-300:]}"}
    return {"program": str(program), "module": found.stdout.strip()}
