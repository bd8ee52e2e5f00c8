"""Nothing is lost, nothing happens twice, and nothing hangs, whatever ends in the middle."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import dag, pipeline, written
from cluster.faults import FAULTS, LONG_FAULTS

LIMIT = 300.0
"""Seconds in which a run ends, whatever happens to it."""
EFFECTS = "/effects"
STEPS = ("a", "b", "c", "d")
SCRIPT = f"echo $STEP >> {EFFECTS}/log; sleep 2"


def argo(effects: Path) -> dict[str, Any]:
    """Four steps in a row, each with an effect; each gives the next one a file."""
    templates, tasks = [], []
    for before, name in zip((None, *STEPS), STEPS, strict=False):
        file = {"name": "file", "path": "/tmp/file"}
        container = {
            "image": "busybox:1",
            "command": ["sh", "-c", f"{SCRIPT}; echo $STEP > /tmp/file"],
            "env": [{"name": "STEP", "value": name}],
            "volumeMounts": [{"name": "effects", "mountPath": EFFECTS}],
        }
        template: dict[str, Any] = {"name": name, "container": container, "outputs": {"artifacts": [file]}}
        task: dict[str, Any] = {"name": name, "template": name}
        if before is not None:
            template["inputs"] = {"artifacts": [{"name": "before", "path": "/tmp/before"}]}
            given = {"name": "before", "from": f"{{{{tasks.{before}.outputs.artifacts.file}}}}"}
            task |= {"depends": before, "arguments": {"artifacts": [given]}}
        templates.append(template)
        tasks.append(task)
    volumes = [{"name": "effects", "hostPath": {"path": str(effects), "type": "Directory"}}]
    return dag("faults-", tasks, templates, volumes=volumes)


def tekton(effects: Path) -> dict[str, Any]:
    tasks = []
    for before, name in zip((None, *STEPS), STEPS, strict=False):
        step = {
            "name": "step",
            "image": "busybox:1",
            "script": f"#!/bin/sh\n{SCRIPT}\n",
            "env": [{"name": "STEP", "value": name}],
            "volumeMounts": [{"name": "effects", "mountPath": EFFECTS}],
        }
        volumes = [{"name": "effects", "hostPath": {"path": str(effects), "type": "Directory"}}]
        after = {"runAfter": [before]} if before else {}
        tasks.append({"name": name, "taskSpec": {"steps": [step], "volumes": volumes}, **after})
    return pipeline("faults-", tasks)


ENGINES: dict[str, Callable[[Path], dict[str, Any]]] = {"argo": argo, "tekton": tekton}


def check(cluster: Cluster, namespace: str, folder: Path, engine: str, fault: str, moment: int) -> None:
    """Run a workflow in two parts, have something happen once so many steps have begun, and look at the end."""
    effects = folder / "effects"
    effects.mkdir()
    log = effects / "log"
    log.touch()
    file = written(folder, ENGINES[engine](effects))
    command = ["couler", "run", file, "-p", "split{max-steps=2}", "--namespace", namespace, "--journal", "run.jsonl"]
    ends = time.monotonic() + LIMIT
    running = start(cluster, folder, command)
    try:
        while len(log.read_text().split()) < moment:
            assert running.poll() is None, said(folder)
            assert time.monotonic() < ends, said(folder)
            time.sleep(0.2)
        if fault == "couler is killed":
            running.kill()
        else:
            (FAULTS | LONG_FAULTS)[fault](cluster)
        # A cluster that does not answer ends the command with 3, and it says how to take the run up.
        while (code := running.wait(max(1.0, ends - time.monotonic()))) in (3, -9):
            assert time.monotonic() < ends, said(folder)
            running = start(cluster, folder, command)
    finally:
        running.kill()
        running.wait()
    assert code == 0, said(folder)
    assert log.read_text().split() == list(STEPS)


def start(cluster: Cluster, folder: Path, command: list[str]) -> subprocess.Popen[str]:
    with (folder / "said").open("a") as output:
        return subprocess.Popen(
            cluster.inside(*command), cwd=folder, env=cluster.environment(), stdout=output, stderr=output, text=True
        )


def said(folder: Path) -> str:
    return (folder / "said").read_text()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("engine", ["argo"])
def test_a_split_run_goes_on(
    cluster: Cluster, namespace: str, faults: None, tmp_path: Path, engine: str, fault: str
) -> None:
    check(cluster, namespace, tmp_path, engine, fault, 1)


@pytest.mark.cluster_long
@pytest.mark.parametrize("seed", range(30))
def test_random_faults(cluster: Cluster, namespace: str, faults: None, tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    engine = chosen.choice(sorted(ENGINES))
    fault = chosen.choice([*FAULTS, *LONG_FAULTS, "couler is killed"])
    check(cluster, namespace, tmp_path, engine, fault, chosen.randint(1, len(STEPS)))
