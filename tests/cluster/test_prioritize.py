"""The real controller starts the tasks of a DAG in the order that `prioritize` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, written
from cluster.running import run_argo
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.history_file import line_of

SECONDS = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0, "e": 50.0, "f": 60.0}
"""What past runs say; here, all take two seconds. Argo itself starts tasks by name."""


def test_the_longest_goes_first_where_two_run_at_a_time(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    steps = [
        StepRun(step=f"main/{name}", type="wait", spec=name, key=name, seconds=took) for name, took in SECONDS.items()
    ]
    (tmp_path / "past.jsonl").write_bytes(line_of(Run(family="order", engine="argo", steps=tuple(steps), at=1.0)))
    tasks = [{"name": name, "template": "wait"} for name in SECONDS]
    before = dag("order-", tasks, [busybox("wait", "sleep 2")], parallelism=2)
    file = written(tmp_path, before)
    done = couler(cluster, tmp_path, "optimize", file, "-p", "prioritize", "--history", "past.jsonl")
    assert done.returncode == 0, done.stderr
    after = yaml.safe_load(done.stdout)
    assert after["spec"]["templates"][0]["dag"]["target"] == "f e d c b a"
    for document, order in ((before, "a b c d e f"), (after, "f e d c b a")):
        started = starts(cluster, namespace, document)
        times = [started[name] for name in order.split()]
        assert times == sorted(times), started
        assert max(times[:2]) < min(times[2:]), started


def starts(cluster: Cluster, namespace: str, document: dict[str, Any]) -> dict[str, str]:
    """When each task of a run started, which succeeds."""
    outcome = run_argo(cluster, namespace, document)
    assert outcome.phase == "Succeeded", outcome.messages
    nodes = cluster.api.get(namespace, "Workflow", outcome.name)["status"]["nodes"].values()
    return {node["displayName"]: node["startedAt"] for node in nodes if node["type"] == "Pod"}
