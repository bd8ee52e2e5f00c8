"""What processes of `couler` take, start included, beside others."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

import couler_plugins.demo
from benchmarks.harness import seconds

__all__ = ["optimize_figures", "start_figures"]

COULER = [sys.executable, "-c", "from couler_plugins.cli import main; main()"]
DEMO = str(Path(couler_plugins.demo.__file__).with_name("churn.yaml"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Of a user's process, which finds compiled what earlier ones have imported."""


def start_figures(runs: int) -> dict[str, Any]:
    """Wall seconds of two processes, in turn; the median of the ratios of pairs."""
    group = "from importlib.metadata import entry_points; list(entry_points(group='couler_plugins'))"
    figures: dict[str, Any] = {}
    for name, bare, words in (
        ("plugins_start_ratio", f"import click, pluggy; {group}", ["plugins"]),
        ("help_over_click", "import click", ["--help"]),
        ("explain_over_imports", "import click, pluggy, yaml", ["explain", DEMO]),
    ):
        commands = [sys.executable, "-c", bare], [*COULER, *words]
        times = [[process_seconds(command) for command in commands] for _ in range(runs)]
        figures[f"{name}_bare_seconds"] = statistics.median(pair[0] for pair in times)
        figures[f"{name}_couler_seconds"] = statistics.median(pair[1] for pair in times)
        figures[name] = statistics.median(pair[1] / pair[0] for pair in times)
    return figures


def optimize_figures(manifest: dict[str, Any], repeat: int) -> dict[str, Any]:
    """CPU seconds of a process, beside those of YAML in this one; each the least of several."""
    text = yaml.dump(manifest, Dumper=yaml.CSafeDumper)
    load = seconds(lambda: yaml.load(text, Loader=yaml.CSafeLoader), repeat)
    dump = seconds(lambda: yaml.dump(manifest, Dumper=yaml.CSafeDumper), repeat)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "workflow.yaml")
        file.write_text(text)
        command = [*COULER, "optimize", "-p", "dedupe,prune", str(file), "-o", f"{folder}/optimized.yaml"]
        work = min(process_seconds(command, cpu=True) for _ in range(repeat))
    return {"optimize_seconds": work, "optimize_over_yaml": work / (load + dump)}


def process_seconds(command: list[str], *, cpu: bool = False) -> float:
    """Wall or CPU seconds of a process."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime if cpu else wall
