"""A simulation that is told to end in the middle takes its processes with it and leaves no litter on the screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pluginbox import PluginBox
from support import CORPUS, ROOT, first_of

SLOW = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from couler_plugins import hookimpl
from couler_plugins.hookspecs import CachePolicy

@dataclass(frozen=True)
class Slow(CachePolicy):
    name = "slow"

    def keep(self, candidates, capacity, history):
        print("at work", flush=True)
        Path(f"at-work.{os.getpid()}").touch()
        time.sleep(60)
        return set()

@hookimpl
def couler_cache_policies():
    return [Slow]
"""


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"{pid} still runs")


@pytest.mark.parametrize("number", first_of([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
@pytest.mark.parametrize("everybody", [False, True], ids=["the command", "its whole group"])
def test_a_signal_ends_all_processes_and_says_nothing(
    plugin_box: PluginBox, number: signal.Signals, everybody: bool
) -> None:
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.add("slow", SLOW)
    trace = CORPUS / "traces" / "variants.json"
    command = [sys.executable, "-c", "from couler_plugins.cli import main; main()", "simulate", str(trace)]
    process = subprocess.Popen(
        [*command, "--policy", "slow", "--capacity", "1GB", "--capacity", "2GB", "--seeds", "1", "--jobs", "2"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, plugin_box.site)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while len(list(Path().glob("at-work.*"))) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [int(path.suffix[1:]) for path in Path().glob("at-work.*")]
        (os.killpg if everybody else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert len(workers) == 2
    # What a policy prints is no data, and nothing else is said.
    assert (process.returncode, out, err) == (128 + number, b"", b"at work\n" * 2)
    for worker in workers:
        wait_until_gone(worker)
