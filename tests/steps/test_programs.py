"""How a script gets into a container: its text on the command line, and its packages by pip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal
from couler_plugins.steps.containers import SCRIPTS, program
from step_runs import command_line, step_named

FAKE = """#!/bin/sh
echo "$#" >> "$LOG"
for word in "$@"; do printf '%s\\n' "$word" >> "$LOG"; done
[ "$2" != pip ] || exit "$PIP"
"""


def words_of(container_command: tuple[object, ...]) -> list[str]:
    assert all(isinstance(word, Literal) for word in container_command)
    return [str(word.value) for word in container_command if isinstance(word, Literal)]


def start(folder: Path, pip: int) -> tuple[int, list[str]]:
    """Starts a step in a folder whose python3 only writes down what it is called with."""
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "python3").write_text(FAKE)
    (binaries / "python3").chmod(0o755)
    (folder / "pandas*").touch()
    built = step_named("threshold-gate").build(
        {"value": 0.9, "threshold": 0.8, "packages": ["pandas*", "fsspec[http]>=2025.5,<3000"]}
    )
    container, line = command_line(built)
    log = folder / "log"
    done = subprocess.run(
        [*words_of(container.command), *line],
        env={"PATH": f"{binaries}:{os.environ['PATH']}", "LOG": str(log), "PIP": str(pip)},
        cwd=folder,
        check=False,
    )
    return done.returncode, log.read_text().splitlines()


def test_pip_installs_the_packages_before_the_program_runs(tmp_path: Path) -> None:
    code, log = start(tmp_path, 0)
    assert code == 0
    count = int(log[0])
    assert log[1:4] == ["-m", "pip", "install"]
    assert log[count - 1 : count + 1] == ["pandas*", "fsspec[http]>=2025.5,<3000"]
    assert log[count + 2] == "-c"
    assert log[-5:] == [
        "--outputs=/tmp/outputs", "--value=0.9", "--threshold=0.8", "--better=higher", "--fail=false"
    ]  # fmt: skip
    assert program(SCRIPTS / "threshold_gate.py").splitlines()[0] == log[count + 3]


def test_the_program_does_not_run_where_pip_failed(tmp_path: Path) -> None:
    code, log = start(tmp_path, 3)
    assert code == 3
    assert len(log) == int(log[0]) + 1


@pytest.mark.parametrize(("threshold", "code"), [(0.8, 0), (0.95, 1)])
def test_without_packages_the_program_is_all_that_runs(tmp_path: Path, threshold: float, code: int) -> None:
    built = step_named("threshold-gate").build({"value": 0.9, "threshold": threshold, "fail": True})
    container, line = command_line(built)
    command = words_of(container.command)
    assert command[:2] == ["python3", "-c"]
    outputs = tmp_path / "outputs"
    done = subprocess.run(
        [sys.executable, "-W", "error", *command[1:], f"--outputs={outputs}", *line[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    if code:
        assert done.stderr == "0.9 is not good enough: the threshold is 0.95, and higher is better\n"
    else:
        assert (outputs / "passed").read_text() == "true"


@pytest.mark.parametrize("package", ["a b", "", "a\tb"])
def test_a_package_is_one_word(package: str) -> None:
    with pytest.raises(InvalidInput, match="the input 'packages' of the step 'threshold-gate' holds"):
        step_named("threshold-gate").build({"value": 1, "threshold": 1, "packages": [package]})


def test_a_program_holds_each_module_that_it_imports_once() -> None:
    text = program(SCRIPTS / "evaluate_model.py")
    for name in ("fetched", "kept", "table", "loaded", "run", "text_of"):
        assert text.count(f"def {name}(") == 1


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--value=high", "--value is 'high': could not convert string to float: 'high'"),
        ("--better=more", "--better is 'more': there is higher, lower"),
        ("--fail=yes", "--fail is 'yes': it is true or false"),
        ("--limit=1", "there is no argument --limit"),
    ],
)
def test_what_only_the_run_knows_is_checked_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, problem: str
) -> None:
    line = ["-c", f"--outputs={tmp_path}", "--value=1", "--threshold=1", "--better=higher", "--fail=false", flag]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        exec(compile(program(SCRIPTS / "threshold_gate.py"), "gate", "exec"), {"__name__": "__main__"})
    assert ended.value.code == problem


@pytest.mark.parametrize("text", ['{"a": 1}', "[1", "x"])
def test_a_list_is_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "argv", ["-c", f"--outputs={tmp_path}", f"--models={text}"])
    with pytest.raises(SystemExit, match="--models is"):
        exec(compile(program(SCRIPTS / "compare_models.py"), "compare", "exec"), {"__name__": "__main__"})
