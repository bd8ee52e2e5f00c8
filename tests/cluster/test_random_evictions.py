"""Both caches are emptied at random moments while workflows fill and read them, and no workflow loses anything."""

from __future__ import annotations

import json
import random
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cluster.cluster import BUCKET, Cluster
from cluster.commands import busybox, dag, written
from cluster.corpus.observing import STORE

SCHEDULES, SHORT = 20, 5
"""How many there are, and how many of them continuous integration has the time for."""
TOGETHER = 5
"""Schedules that run at once: what one evicts, another has computed."""
LIMIT = 600.0
"""Seconds in which they end."""
PURE = {"couler.io/cache": "pure", "couler.io/cache-allow": "order"}
BUDGETS = {"argo": ("0B", "1KB", "2KB"), "store": ("0B", "60B")}
"""Of two results or fewer."""
ENDED = ("Succeeded", "Failed", "Error")


class Round(NamedTuple):
    """A round of eviction.

    Attributes:
        steps: that have ended before, of all schedules that run at once.
        wait: seconds after that.
        command: arguments of `couler cache evict`.
    """

    steps: int
    wait: float
    command: tuple[str, ...]


class Schedule(NamedTuple):
    """When a workflow is submitted, twice, and what is evicted meanwhile.

    Attributes:
        start: seconds until it is submitted.
        after: the step of the first run after whose end it is submitted again.
        gap: seconds after that.
        pauses: seconds between the two steps of each run.
        rounds: of eviction.
    """

    start: float
    after: str
    gap: float
    pauses: tuple[int, int]
    rounds: tuple[Round, ...]


def drawn(seed: int, store: str) -> Schedule:
    chance = random.Random(seed)
    memoized = ("--engine", "argo", "--namespace", "argo", "--artifacts", f"s3://{BUCKET}", "--grace", "0s")

    def drawn_round(budgets: str, *command: str) -> Round:
        # Of the steps that end, half are wrapped: once as many have ended, the store has a result.
        first = 1 if budgets == "argo" else 2 * TOGETHER
        steps, wait = chance.randrange(first, first + 2 * TOGETHER - 2), chance.uniform(0, 3)
        return Round(steps, wait, (*command, "--capacity", chance.choice(BUDGETS[budgets])))

    return Schedule(
        start=chance.uniform(0, 10),
        after=chance.choice(("make", "use")),
        gap=chance.uniform(0, 4),
        pauses=(chance.randrange(4), chance.randrange(4)),
        rounds=(
            drawn_round("argo", *memoized, "--settle", chance.choice(("0s", "2s"))),
            drawn_round("store", "--store", store),
        ),
    )


def workflow(salt: str, pause: int) -> dict[str, Any]:
    """A step whose file Argo keeps, and one that reads it some seconds later, whose text a wrapper keeps."""
    salts = {"parameters": [{"name": "salt", "value": "{{workflow.parameters.salt}}"}]}
    files = {"artifacts": [{"name": "file", "from": "{{tasks.make.outputs.artifacts.file}}"}]}
    annotated = {"metadata": {"annotations": PURE}}
    return dag(
        "evicted-",
        [
            {"name": "make", "template": "make", "arguments": salts},
            {"name": "pause", "template": "pause", "depends": "make"},
            {"name": "use", "template": "use", "depends": "pause", "arguments": files},
        ],
        [
            busybox(
                "make",
                "sleep 1; echo made of {{inputs.parameters.salt}} > /tmp/file",
                inputs={"parameters": [{"name": "salt"}]},
                outputs={"artifacts": [{"name": "file", "path": "/tmp/file"}]},
                **annotated,
            ),
            {"name": "pause", "suspend": {"duration": "{{workflow.parameters.pause}}s"}},
            busybox(
                "use",
                "sleep 1; sed 's/^/used what was /' /tmp/in > /tmp/text",
                inputs={"artifacts": [{"name": "file", "path": "/tmp/in"}]},
                outputs={"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]},
                **annotated,
            ),
        ],
        arguments={"parameters": [{"name": "salt", "value": salt}, {"name": "pause", "value": str(pause)}]},
    )


@pytest.mark.parametrize(
    "first",
    [
        *range(0, SHORT, TOGETHER),
        *(pytest.param(first, marks=pytest.mark.cluster_long) for first in range(SHORT, SCHEDULES, TOGETHER)),
    ],
)
def test_eviction_at_random_moments_loses_nothing(
    cluster: Cluster,
    namespace: str,
    alone: None,
    tmp_path: Path,
    first: int,
    record_property: Callable[[str, object], None],
) -> None:
    cluster.api.create(namespace, STORE)
    store = f"s3://{BUCKET}/cache-{uuid.uuid4().hex[:8]}"
    options = f"via=both,store={store},secret=store,image={cluster.image('couler')},cpu=none,memory=none"
    schedules = {f"{namespace}-{seed}": drawn(seed, store) for seed in range(first, first + TOGETHER)}
    file = written(tmp_path, workflow("", 0))
    ran = cluster.run("couler", "optimize", "-p", f"cache{{{options}}}", file, cwd=tmp_path)
    assert (ran.returncode, "memoize:" in ran.stdout, "pod-restore" in ran.stdout) == (0, True, True), ran.stderr
    cached = yaml.safe_load(ran.stdout)
    runs, rounds, at_once = carried_out(cluster, namespace, cached, schedules, tmp_path)
    plain = cluster.api.create(namespace, workflow(namespace, 0))["metadata"]["name"]
    cluster.wait_for(
        "the run without a cache", lambda: phase_of(cluster.api.get(namespace, "Workflow", plain)) in ENDED
    )
    (wanted,) = texts(cluster.api.get(namespace, "Workflow", plain))
    assert wanted == f"used what was made of {namespace}"
    outcomes = [(salt, phase_of(run), texts(run)) for salt, run in runs]
    assert outcomes == [(salt, "Succeeded", [wanted.replace(namespace, salt)]) for salt, _ in runs]
    decisions = [item for told in rounds for place in told.get("namespaces", ()) for item in place["decisions"]]
    evicted = [item for item in decisions if item["outcome"] == "evicted"]
    figures = {
        "runs": len(runs),
        "rounds": len(rounds),
        "rounds at once": at_once,
        "memo entries evicted": len(evicted),
        "artifacts deleted": sum(len(place["deleted"]) for told in rounds for place in told.get("namespaces", ())),
        "stored results evicted": sum(len(told.get("evicted", ())) for told in rounds),
        "memoized hits": sum(has_hit(run) for _, run in runs),
    }
    record_property("figures", figures)
    assert evicted, "nothing was there to lose"


def carried_out(
    cluster: Cluster, namespace: str, document: Mapping[str, Any], schedules: Mapping[str, Schedule], folder: Path
) -> tuple[list[tuple[str, dict[str, Any]]], list[dict[str, Any]], int]:
    """Return each run with its schedule's name, as it has ended, what each round said, and how many ran at once."""
    began = time.monotonic()
    names: dict[str, list[str]] = {salt: [] for salt in schedules}
    due = {salt: began + schedule.start for salt, schedule in schedules.items()}
    coming = sorted(item for schedule in schedules.values() for item in schedule.rounds)
    times: dict[Round, float] = {}
    evicting: list[subprocess.Popen[str]] = []
    at_once = 0
    try:
        while True:
            now = time.monotonic()
            assert now < began + LIMIT, "they do not end"
            runs = {item["metadata"]["name"]: item for item in cluster.api.list(namespace, "Workflow")}
            assert [run["status"] for run in runs.values() if phase_of(run) in ("Failed", "Error")] == []
            for salt, schedule in schedules.items():
                if len(names[salt]) == 1 and salt not in due and schedule.after in steps(runs[names[salt][0]]):
                    due[salt] = now + schedule.gap
                if now >= due.get(salt, now + 1):
                    del due[salt]
                    names[salt].append(submit(cluster, namespace, document, salt, schedule.pauses[len(names[salt])]))
            ended = sum(len(steps(item)) for item in runs.values())
            for item in [item for item in coming if ended >= item.steps]:
                if now >= times.setdefault(item, now + item.wait):
                    coming.remove(item)
                    evicting.append(evict(cluster, item.command, folder / f"round-{len(evicting)}"))
            at_once = max(at_once, sum(process.poll() is None for process in evicting))
            submitted = [(salt, name) for salt, several in names.items() for name in several]
            if len(submitted) == 2 * len(schedules) and all(
                phase_of(runs.get(name, {})) in ENDED for _, name in submitted
            ):
                break
            time.sleep(1)  # who asks more often takes the time of the pods
        codes = [process.wait(LIMIT) for process in evicting]
    finally:
        for process in evicting:
            process.kill()
            process.wait()
    outputs = [folder / f"round-{number}" for number in range(len(codes))]
    errors = [output.with_suffix(".err").read_text() for output in outputs]
    assert [error for error, code in zip(errors, codes, strict=True) if code] == []
    return [(salt, runs[name]) for salt, name in submitted], [json.loads(item.read_text()) for item in outputs], at_once


def submit(cluster: Cluster, namespace: str, document: Mapping[str, Any], salt: str, pause: int) -> str:
    arguments = {"parameters": [{"name": "salt", "value": salt}, {"name": "pause", "value": str(pause)}]}
    wanted = {**document, "spec": {**document["spec"], "arguments": arguments}}
    name: str = cluster.api.create(namespace, wanted)["metadata"]["name"]
    return name


def evict(cluster: Cluster, command: Sequence[str], output: Path) -> subprocess.Popen[str]:
    environment = {**cluster.environment(), **STORE["stringData"]}
    arguments = cluster.inside("couler", "cache", "evict", *command, "--format", "json")
    with output.open("w") as file, output.with_suffix(".err").open("w") as errors:
        return subprocess.Popen(arguments, env=environment, stdout=file, stderr=errors, text=True)


def phase_of(run: Mapping[str, Any]) -> str:
    phase: str = run.get("status", {}).get("phase", "")
    return phase


def steps(run: Mapping[str, Any]) -> set[str]:
    """The steps of a run that have ended."""
    nodes = run.get("status", {}).get("nodes", {}).values()
    return {node["displayName"] for node in nodes if node["phase"] in ENDED and node["displayName"] in ("make", "use")}


def texts(run: Mapping[str, Any]) -> list[str]:
    nodes = run["status"]["nodes"].values()
    outputs = [item for node in nodes for item in node.get("outputs", {}).get("parameters", ())]
    return [item["value"] for item in outputs]


def has_hit(run: Mapping[str, Any]) -> bool:
    return any(node.get("memoizationStatus", {}).get("hit") for node in run["status"]["nodes"].values())
