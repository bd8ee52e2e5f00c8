"""How much longer a task takes with the cache where nothing is found, under a whole Airflow; see benchmarks.airflow.

Two DAGs of the same tasks, one of them marked, run at once, one task at a time, in turn. A task reads 50 small files
and computes for a second. The name of its run is an argument of it, so that each is a miss.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import seconds

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from airflow_live import LiveAirflow  # what tests start an Airflow with

__all__ = ["growth_figures"]

FILE = """
import hashlib
import time
from pathlib import Path
from airflow.sdk import DAG, task

FILES = [Path({data!r}) / f"{{number}}.csv" for number in range({files})]

def note(context):
    with open({spent!r}, "a") as lines:
        lines.write(f"{{context['run_id']}} {{context['ti'].task_id}} {{time.process_time()}}\\n")

with DAG({name!r}, schedule=None, tags={tags!r}, default_args={{"on_success_callback": note}}):
    @task
    def work(run, number):
        digest = run.encode() + b"".join(file.read_bytes() for file in FILES)
        for _ in range({loops}):
            digest = hashlib.sha256(digest).digest()
        return digest.hex()

    for number in range({tasks}):
        work.override(task_id=f"work{{number}}", priority_weight={tasks} - number)("{{{{ run_id }}}}", number)
"""
TAGS = {"plain": ["none"], "marked": ["couler-cache"]}
FILES, TASKS = 50, 6
Seconds = dict[tuple[str, str], float]
"""Of each task, by its run and itself."""


def growth_figures(home: Path, rounds: int) -> dict[str, Any]:
    """Run both DAGs so many times, and compare each task with its twin, which runs right before or after it.

    Args:
        home: a folder for an Airflow of its own.
        rounds: how often each DAG runs, after a first time that does not count.

    Returns:
        medians over pairs of tasks, of wall seconds (`task_time_growth`) and CPU seconds (`task_cpu_growth`).
    """
    data = home / "data"
    data.mkdir(parents=True)
    for number in range(FILES):
        (data / f"{number}.csv").write_text("a,b\n1,2\n" * 100)
    spent = home / "spent.txt"
    said = {"data": str(data), "files": FILES, "spent": str(spent), "loops": _loops(), "tasks": TASKS}
    settings = {"AIRFLOW__COULER__CACHE_STORE": str(home / "store"), "AIRFLOW__CORE__PARALLELISM": "1"}
    with LiveAirflow(home / "airflow", {**settings, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}) as airflow:
        for name, tags in TAGS.items():
            (airflow.dags / f"{name}.py").write_text(FILE.format(name=name, tags=tags, **said))
        for name in TAGS:
            airflow.parsed(name)
        for number in range(rounds + 1):
            runs = [f"{name}-{number}" for name in TAGS]
            for name, run in zip(TAGS, runs, strict=True):
                airflow.start(name, run)
            airflow.finished(*runs)
        expected = len(TAGS) * TASKS * (rounds + 1)
        airflow.until(lambda: len(spent.read_text().splitlines()) == expected, "the account of all tasks")
        _check(airflow, f"marked-{rounds}")
        wall = {
            (run, task): one for run, task, one in airflow.query("SELECT run_id, task_id, duration FROM task_instance")
        }
    lines = [line.split() for line in spent.read_text().splitlines()]
    cpu = {(run, task): float(one) for run, task, one in lines}
    return {**_compared("time", wall, rounds), **_compared("cpu", cpu, rounds)}


def _compared(what: str, times: Seconds, rounds: int) -> dict[str, Any]:
    places = [(number, f"work{task}") for number in range(1, rounds + 1) for task in range(TASKS)]
    plain = [times[f"plain-{number}", task] for number, task in places]
    marked = [times[f"marked-{number}", task] for number, task in places]
    return {
        f"task_{what}_growth": statistics.median(one / other - 1 for one, other in zip(marked, plain, strict=True)),
        f"task_{what}_seconds": [statistics.median(plain), statistics.median(marked)],
    }


def _loops() -> int:
    """How many digests take a second."""
    digest = b""

    def compute() -> None:
        nonlocal digest
        for _ in range(100_000):
            digest = hashlib.sha256(digest).digest()

    return int(100_000 / seconds(compute, 5))


def _check(airflow: LiveAirflow, run: str) -> None:
    """Make sure that tasks were looked up, read what they should, and were kept."""
    log = next((airflow.home / "logs").rglob(f"run_id={run}/task_id=work0/*.log")).read_text()
    if "MISS: computed" not in log or f"it also depends on {FILES} things" not in log:
        raise SystemExit(f"the cache did not do its work:\n{log}")
