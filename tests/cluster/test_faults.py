"""Nothing is lost, nothing happens twice, and nothing hangs, whatever ends in the middle."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import dag, pipeline, written
from cluster.faults import FAULTS, LONG_FAULTS

LIMIT = 400.0
"""Seconds in which a run ends, whatever happens to it."""
KILLED = "couler is killed"
GRAPHS = "split{max-steps=2}"
WORKFLOWS = "split{into=workflows,max-steps=2}"
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


def check(
    cluster: Cluster, namespace: str, folder: Path, runs: Sequence[tuple[str, str]], faults: Mapping[int, str]
) -> list[str]:
    """Run workflows in two parts each, have things happen meanwhile, and look at the end.

    Args:
        runs: the engine of each workflow, and the pipeline that cuts it.
        faults: what happens, by the number of steps that have begun until then.

    Returns:
        What has happened while a workflow was running: a fault waits for the end of the one before it.
    """
    cuts = {folder / f"{number}": cut for number, (_, cut) in enumerate(runs)}
    places = list(cuts)
    for place, (engine, _) in zip(places, runs, strict=True):
        (place / "effects").mkdir(parents=True)
        (place / "effects" / "log").touch()
        written(place, ENGINES[engine](place / "effects"))
    ends = time.monotonic() + LIMIT
    running = {place: start(cluster, namespace, place, cuts[place]) for place in places}
    codes: dict[Path, int] = {}
    coming = dict(faults)
    happened = []
    try:
        while running:
            assert time.monotonic() < ends, "\n".join(map(said, running))
            if running and coming and sum(len(began(place)) for place in places) >= min(coming):
                fault = coming.pop(min(coming))
                happened.append(fault)
                if fault == KILLED:
                    for process in running.values():
                        process.kill()
                else:
                    (FAULTS | LONG_FAULTS)[fault](cluster)
            for place, process in list(running.items()):
                if (code := process.poll()) is None:
                    continue
                del running[place]
                # A cluster that does not answer ends the command with 3, and it says how to take the run up.
                if code in (3, -9):
                    running[place] = start(cluster, namespace, place, cuts[place])
                else:
                    codes[place] = code
            time.sleep(0.2)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    assert codes == dict.fromkeys(places, 0), "\n".join(map(said, places))
    assert {place: began(place) for place in places} == {place: list(STEPS) for place in places}
    return happened


def began(place: Path) -> list[str]:
    """The steps that have begun, in that order."""
    return (place / "effects" / "log").read_text().split()


def start(cluster: Cluster, namespace: str, place: Path, cut: str) -> subprocess.Popen[str]:
    command = ["couler", "run", "w.yaml", "-p", cut, "--namespace", namespace]
    command = cluster.inside(*command, "--journal", "run.jsonl")
    with (place / "said").open("a") as output:
        return subprocess.Popen(command, cwd=place, env=cluster.environment(), stdout=output, stderr=output, text=True)


def said(place: Path) -> str:
    return (place / "said").read_text()


def test_a_split_run_goes_on(cluster: Cluster, namespace: str, faults: None, tmp_path: Path) -> None:
    happened = check(cluster, namespace, tmp_path, [("argo", GRAPHS)], dict(enumerate(FAULTS, 1)))
    assert happened == list(FAULTS)


@pytest.mark.cluster_long
@pytest.mark.parametrize("seed", range(10))
def test_random_faults(
    cluster: Cluster, namespace: str, faults: None, tmp_path: Path, seed: int, record_property: Callable[..., None]
) -> None:
    chosen = random.Random(seed)
    runs = [("argo", GRAPHS), ("argo", WORKFLOWS), ("tekton", GRAPHS)]
    moments = chosen.sample(range(1, len(runs) * len(STEPS)), 3)
    happening = {moment: chosen.choice([*FAULTS, *LONG_FAULTS, KILLED]) for moment in moments}
    happened = check(cluster, namespace, tmp_path, runs, happening)
    record_property("happened", happened)
    assert happened
