"""Inputs that are broken, or meant to break us: an error in a few lines, exit code 2, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from support import ROOT

COULER = [sys.executable, "-c", "from couler_plugins.cli import main; main()"]
GOOD = (ROOT / "couler_plugins" / "demo" / "churn.yaml").read_text(encoding="utf-8")
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  entrypoint: a\n  templates:\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

BROKEN = {
    "truncated": GOOD[: GOOD.index("templates:") + 400] + '"',
    "alias bomb": BOMB,
    "alias of itself": "a: &a\n  b: *a\n",
    "calls itself for ever": HEAD + "  - name: a\n    steps: [[{name: again, template: a}]]\n",
    "calls itself through others": HEAD
    + "  - name: a\n    dag: {tasks: [{name: x, template: b}]}\n"
    + "  - name: b\n    steps: [[{name: y, template: a}]]\n",
    "dangling": HEAD + "  - name: a\n    steps: [[{name: x, template: nowhere}]]\n",
    "a cycle": HEAD
    + "  - name: a\n    dag: {tasks: [{name: x, template: b, depends: y}, {name: y, template: b, depends: x}]}\n"
    + "  - name: b\n    container: {image: i}\n",
    "no spec": HEAD.split("spec:", maxsplit=1)[0] + "spec:\n",
    "templates are text": HEAD.replace("templates:\n", "templates: none\n"),
    "depends is broken": HEAD + "  - name: a\n    dag: {tasks: [{name: x, template: b, depends: 'y &&'}]}\n",
    "too deep": "a: " + "[" * 1000 + "]" * 1000 + "\n",
    "not UTF-8": "a: \udcff\n",
    "binary": "\x00\x01\x02" * 100,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_input(case: str, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.yaml", tmp_path / "good.yaml"
    broken.write_bytes(BROKEN[case].encode("utf-8", "surrogateescape"))
    good.write_text(GOOD, encoding="utf-8")
    before = broken.read_bytes()
    done = CliRunner().invoke(couler, ["optimize", "-i", str(broken), str(good)])
    assert done.exit_code == 2
    assert done.stdout == ""
    error, summary = (line for line in done.stderr.splitlines() if "broken.yaml" in line)
    assert error.startswith("error: ")
    assert summary.startswith("1 of 2 files changed, 1 not written because of an error: ")
    assert len(done.stderr.splitlines()) <= 5
    assert "Traceback" not in done.stderr
    assert broken.read_bytes() == before
    assert "billing-features" not in good.read_text(encoding="utf-8")


def test_a_file_above_the_limit(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text(f"a: {'x' * 2000}\n", encoding="utf-8")
    done = CliRunner().invoke(couler, ["optimize", "--max-bytes", "1KiB", str(large)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--max-bytes" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "tasks"),
    [
        (["optimize"], 15_000),
        *((command, 6_000) for command in (["explain"], ["diff"], ["convert", "--to", "argo"], ["graph"])),
    ],
)
def test_memory_stays_below_forty_times_the_input(command: list[str], tasks: int, tmp_path: Path) -> None:
    """Peak resident memory, above that of a process which optimises a small file; every third task is edited."""
    templates = "".join(f"  - name: work-{n}\n    container: {{image: x}}\n" for n in range(3))
    items = (
        f"      - name: task-{n}\n        template: work-{n % 3}\n"
        f"        depends: {f'task-{n - 1}' if n % 10 else ''}\n"
        f"        arguments:\n          parameters:\n          - name: number\n            value: '{n}'\n"
        f"          - name: before\n            value: '{{{{workflow.parameters.seed}}}}-{n}'\n"
        for n in range(tasks)
    )
    arguments = "  arguments: {parameters: [{name: seed, value: s}]}\n"
    head = HEAD.replace("  entrypoint: a\n", f"  entrypoint: main\n{arguments}")
    large = tmp_path / "large.yaml"
    large.write_text(head + templates + "  - name: main\n    dag:\n      tasks:\n" + "".join(items), encoding="utf-8")
    size = large.stat().st_size
    assert size > 1024 * 1024
    small = ROOT / "couler_plugins" / "demo" / "churn.yaml"
    assert peak_bytes([*COULER, *command, str(large)]) - peak_bytes([*COULER, *command, str(small)]) < 40 * size


def peak_bytes(command: list[str]) -> int:
    """The peak resident memory of a process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
