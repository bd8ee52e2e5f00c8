"""Histories drawn by seed: attempts of every container of a workflow, as its engine's readers would tell of them."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from couler_plugins.hookspecs import Adapter
from couler_plugins.ir import Call, Workflow, call_sites
from couler_plugins.options.config import Config
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from couler_plugins.runs.history_format import document_of
from couler_plugins.runs.run import families_of
from support import SHARED

ATTEMPTS = 7
MEBIBYTE = 2**20
USAGE = SHARED / "corpus" / "usage"
"""Traces of real processes; without them, processes are drawn as well."""


class Process(NamedTuple):
    """What the tasks of one kind used: bytes, cores and seconds of each."""

    tasks: Sequence[tuple[float, float, float]]

    def attempt(self, source: random.Random, containers: Sequence[str]) -> Attempt:
        peak, cores, seconds = source.choice(self.tasks)
        start = 1.7e9 + source.randrange(10**6)
        uses = [
            ContainerUse(container=name, memory=round(peak / (number + 1)), cpu=cores / 2, cpu_p95=cores)
            for number, name in enumerate(containers)
        ]
        return Attempt(start=start, end=start + seconds, succeeded=True, containers=tuple(uses))


def _drawn(source: random.Random) -> Process:
    middle, seconds = 2 ** source.uniform(5, 14) * MEBIBYTE, 2 ** source.uniform(3, 10)
    vary = source.lognormvariate
    return Process([(middle * vary(0, 0.2), source.uniform(0.05, 4), seconds * vary(0, 0.3)) for _ in range(40)])


@cache
def processes() -> Sequence[Process]:
    """Processes of real traces where these are, else ones from 32 MiB to 16 GiB and from 8 s to 17 min."""
    by_name: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for path in sorted(USAGE.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                peak, percent, milliseconds = (float(row.get(key) or 0) for key in ("peak_rss", "%cpu", "realtime"))
                if peak:
                    by_name[row["process"]].append((peak, percent / 100, milliseconds / 1000))
    read = [Process(tasks) for tasks in by_name.values() if len(tasks) >= ATTEMPTS]
    return read or [_drawn(random.Random(number)) for number in range(40)]


def runs_of(workflow: Workflow, adapter: Adapter, seed: int = 0) -> Iterator[Run]:
    """One run of a workflow in which each operation, and each call of what is elsewhere, was tried some times."""
    source = random.Random(f"{seed} {workflow.label}")
    calls = {item.name: adapter.pod_containers(item) or ("main",) for item in workflow.operations}
    for site in call_sites(workflow):
        if not isinstance(site.step.call, Call):
            calls.setdefault(site.label, ("step-one", "step-two"))
    steps = [
        StepRun(
            step=name,
            site=name
            if "/" in name and name not in {item.name for item in workflow.operations}
            else f"drawn of {name}",
            type=name,
            spec=name,
            key=name,
            tries=tuple(process.attempt(source, containers) for _ in range(ATTEMPTS)),
        )
        for name, containers in calls.items()
        for process in [source.choice(processes())]
    ]
    for family in families_of(workflow)[:1]:
        yield Run(family=family, engine=workflow.engine, steps=tuple(steps), at=1.0)


def history_in(folder: Path, runs: Iterable[Run]) -> Config:
    """Settings with a history that holds these runs."""
    file = folder / "history.json"
    file.write_text(json.dumps(document_of(runs)))
    return replace(Config(), history=(str(file),))
