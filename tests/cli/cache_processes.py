"""`couler cache`, with a store in the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from click.testing import CliRunner

from couler_plugins.cli.group import couler
from support import ROOT

__all__ = ["COULER", "KEY", "Process", "cache", "environment", "left_aside", "start", "until"]

KEY = "0" * 64
Process = subprocess.Popen[str]
COULER = (sys.executable, "-c", "from couler_plugins.cli import main; main()", "cache")


def environment(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("COULER_")}
    ours = {"PYTHONPATH": str(ROOT), "COULER_LOAD_PLUGINS": "", "COULER_CACHE_STORE": "store", **more}
    return {**kept, **{name: text for name, text in ours.items() if text}}


def start(*arguments: str, **more: str) -> Process:
    return subprocess.Popen(
        [*COULER, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )


def cache(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `couler cache` to its end: in this process, unless it runs a command, which writes to the real stdout."""
    if arguments[0] != "run":
        with mock.patch.dict(os.environ, environment(**more), clear=True):
            done = CliRunner().invoke(couler, ["cache", *arguments])
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
    process = start(*arguments, **more)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.01)


def left_aside(folder: Path = Path()) -> list[Path]:
    """What was written aside and not put into place."""
    return list(folder.rglob("*.couler-*"))
