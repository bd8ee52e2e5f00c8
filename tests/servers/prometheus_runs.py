"""Past runs and the samples of their pods, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.runs import Attempt, Run, StepRun
from couler_plugins.runs.prometheus.figures import CPU, MEMORY, STARTED
from servers.prometheus import Line

__all__ = ["MIB", "START", "attempt", "attempts_of", "counted", "labels", "measured", "run_of", "started"]

START = 1_750_000_000.0
"""When the pods of these tests begin."""
MIB = 2**20


def attempt(pod: str = "work", start: float = 0, end: float = 60, namespace: str = "team", **fields: Any) -> Attempt:
    """An attempt whose pod ran between two seconds after START."""
    return Attempt(pod=pod, namespace=namespace, start=START + start, end=START + end, **fields)


def run_of(*attempts: Attempt) -> Run:
    """A run whose only step had these attempts."""
    return Run(family="train", steps=(StepRun(step="work", type="work", spec="s", key="k", tries=attempts),))


def attempts_of(runs: Sequence[Run]) -> list[Attempt]:
    return [attempt for run in runs for step in run.steps for attempt in step.tries]


def labels(pod: str, container: str = "main", uid: int = 1, namespace: str = "team", **more: str) -> dict[str, str]:
    """The labels that the kubelet gives; `uid` tells pods of one name apart, `start` the starts of a container."""
    number = more.pop("start", "1")
    path = f"/kubepods/burstable/pod{uid:08d}-0000-4000-8000-000000000000/{container}{number}"
    own = {"namespace": namespace, "pod": pod, "container": container, "id": path, "name": f"{container}{number}"}
    return {**own, "image": "python:3", **more}


def measured(own: dict[str, str], *samples: tuple[float, float | str]) -> Line:
    """Memory at seconds after START."""
    return Line(MEMORY, own, [(START + at, value) for at, value in samples])


def counted(own: dict[str, str], *samples: tuple[float, float | str]) -> Line:
    """CPU seconds at seconds after START."""
    return Line(CPU, {**own, "cpu": "total"}, [(START + at, value) for at, value in samples])


def started(own: dict[str, str], second: float, *moments: float) -> Line:
    """The start of a container, told at seconds after START."""
    return Line(STARTED, own, [(START + at, START + second) for at in moments])
