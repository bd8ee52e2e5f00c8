"""What steps used, as Prometheus measures it on the node: read for the runs that the cluster's objects tell of."""

from __future__ import annotations

import fcntl
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from cluster.cluster import ADDRESS, BUCKET, PROMETHEUS, S3_PORT, SCRAPES, Cluster
from cluster.commands import busybox, couler, dag, pipeline, task, written
from cluster.programs import KEPT
from cluster.running import LIMIT
from couler_plugins.runs import Attempt, ContainerUse, Run
from servers.prometheus import programs

MIB = 2**20
AMOUNTS = {"small": 50, "middle": 200, "large": 400, "huge": 800}
"""Mebibytes of each step."""
RUNS = 3
SHORT = SCRAPES - 1
"""Seconds that a container may have lived to be measured once at most: the kubelet leaves out fractions."""
TRIES = 5
GROW = """
import glob, sys, time, urllib.request

def resident():
    lines = [line for path in glob.glob("/proc/[0-9]*/status") for line in open(path)]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))

wanted, pages = int(sys.argv[1]) * 2**20, []
while (lacking := wanted - resident()) > 0:
    pages.append(b"x" * max(lacking // 4, 2**18))
while True:
    try:
        urllib.request.urlopen(sys.argv[2])
        break
    except OSError:
        time.sleep(0.5)
"""
"""Touches pages until all processes of the container hold so many mebibytes: the engine's own is one of them. Then it
waits for an object in the S3: a kubelet that has looked at many short containers sees a long one only after a while."""
OBSERVED = """
count(
  max_over_time(container_memory_working_set_bytes{NAMES}[5m]) > BYTES
  and count_over_time(container_memory_working_set_bytes{NAMES}[5m]) > 1
)
"""
"""Counts the containers whose memory was seen twice, and once as large as it gets."""
READ = """
import importlib, sys
import msgspec
from couler_plugins.documents import Document
from couler_plugins.runs.prometheus import with_use

runs = importlib.import_module(f"couler_{sys.argv[1]}.plugin").couler_runs
data = msgspec.json.decode(sys.stdin.buffer.read())
used = with_use(list(runs(Document("runs.json", 0, data, 1, ""))), sys.argv[2], 2**26)
sys.stdout.buffer.write(msgspec.json.encode(used))
"""
"""Runs inside of the cluster's network, where Prometheus listens."""


class Engine(NamedTuple):
    """One engine's workflow.

    Attributes:
        workflow: that uses memory until there is an object at a URL.
        quick: that takes a second.
        kinds: of the objects that tell of its runs.
        container: that a step's command runs in, in its pod.
    """

    workflow: Callable[[str], Mapping[str, Any]]
    quick: Mapping[str, Any]
    kinds: tuple[str, ...]
    container: str


def _argo(until: str) -> dict[str, Any]:
    grow = {"image": "python:3", "command": ["python3", "-c", GROW, "{{inputs.parameters.mebibytes}}", until]}
    templates = [
        {"name": name, "inputs": {"parameters": [{"name": "mebibytes", "value": str(amount)}]}, "container": grow}
        for name, amount in AMOUNTS.items()
    ]
    return dag("usage-", [{"name": name, "template": name} for name in AMOUNTS], templates)


def _tekton(until: str) -> dict[str, Any]:
    steps = {
        name: {"name": "s0", "image": "python:3", "command": ["python3", "-c", GROW, str(amount), until]}
        for name, amount in AMOUNTS.items()
    }
    return pipeline("usage-", [{"name": name, "taskSpec": {"steps": [step]}} for name, step in steps.items()])


QUICK_ARGO = dag("quick-", [{"name": "quick", "template": "quick"}], [busybox("quick", "sleep 1")])
ENGINES = {
    "argo": Engine(_argo, QUICK_ARGO, ("Workflow",), "main"),
    "tekton": Engine(_tekton, pipeline("quick-", [task("quick", "sleep 1")]), ("PipelineRun", "TaskRun"), "step-s0"),
}


@pytest.fixture(autouse=True)
def measured(cluster: Cluster) -> Iterator[None]:
    """The cluster has a Prometheus, and no other test here fills the node's memory meanwhile."""
    try:
        programs()
    except RuntimeError as error:
        pytest.skip(f"no Prometheus: {error}")
    looking = ["curl", "--silent", "--fail", f"{PROMETHEUS}/-/ready"]
    cluster.wait_for("Prometheus", lambda: cluster.run(*looking).returncode == 0)
    with (KEPT / "usage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("name", list(ENGINES))
def test_peaks_of_steps_are_what_they_allocate(cluster: Cluster, namespace: str, tmp_path: Path, name: str) -> None:
    engine = ENGINES[name]
    until = f"http://{ADDRESS}:{S3_PORT}/{BUCKET}/{namespace}"
    command = ("run", written(tmp_path, engine.workflow(until)), "--namespace", namespace)
    put = ("curl", "--silent", "--fail", "--request", "PUT", "--header", "x-amz-acl: public-read", until)
    with ThreadPoolExecutor(RUNS) as threads:
        running = [threads.submit(couler, cluster, tmp_path, *command) for _ in range(RUNS)]

        def are_observed() -> bool:
            counts = [observed(cluster, namespace, step, engine.container) for step in AMOUNTS]
            return counts == [RUNS] * len(AMOUNTS) or any(map(Future.done, running))

        try:
            cluster.wait_for("memory", are_observed, LIMIT)
        finally:
            assert cluster.run(*put).returncode == 0
    assert [ran.result().returncode for ran in running] == [0] * RUNS, running
    uses: dict[str, list[ContainerUse]] = {step: [] for step in AMOUNTS}
    for run in measured_runs(cluster, namespace, name):
        for ran in run.steps:
            (attempt,) = ran.tries
            uses[ran.step.rpartition("/")[2]].append(use_of(attempt, engine.container))
    for step, amount in AMOUNTS.items():
        assert [use.memory for use in uses[step]] == [pytest.approx(amount * MIB, rel=0.1)] * RUNS, uses
        assert all(use.cpu is not None and use.cpu_p95 is not None for use in uses[step]), uses
        assert all(0 <= (use.cpu or 0) <= (use.cpu_p95 or 0) <= 4 for use in uses[step]), uses


@pytest.mark.parametrize("name", list(ENGINES))
def test_a_pod_of_one_second_is_not_observed(cluster: Cluster, namespace: str, tmp_path: Path, name: str) -> None:
    engine = ENGINES[name]
    file = written(tmp_path, engine.quick)
    for _ in range(TRIES):  # a loaded machine takes seconds to start a container
        done = couler(cluster, tmp_path, "run", file, "--namespace", namespace)
        assert done.returncode == 0, done.stderr
        for run in measured_runs(cluster, namespace, name):
            (attempt,) = run.steps[0].tries
            if seconds_of(cluster, attempt, engine.container) <= SHORT:
                assert use_of(attempt, engine.container).memory is None
                return
    pytest.fail(f"no container of {TRIES} lived for {SHORT:g} s at most")


def observed(cluster: Cluster, namespace: str, step: str, container: str) -> int:
    """How many pods of a step Prometheus has seen as large as they get."""
    names = f'namespace="{namespace}",container="{container}",pod=~".*-{step}-.*"'
    query = OBSERVED.replace("NAMES", names).replace("BYTES", str(0.95 * AMOUNTS[step] * MIB))
    command = ("curl", "--silent", "--fail", "--data-urlencode", f"query={query}", f"{PROMETHEUS}/api/v1/query")
    result = json.loads(cluster.run(*command).stdout)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def measured_runs(cluster: Cluster, namespace: str, name: str) -> list[Run]:
    """The runs in a namespace, with what Prometheus knows of their pods."""
    items = [item for kind in ENGINES[name].kinds for item in cluster.api.list(namespace, kind)]
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    read = cluster.run(sys.executable, "-c", READ, name, PROMETHEUS, input=document)
    assert read.returncode == 0, read.stderr
    return msgspec.json.decode(read.stdout, type=list[Run])


def use_of(attempt: Attempt, container: str) -> ContainerUse:
    """What is known of a container; nothing where it is not there."""
    return next((use for use in attempt.containers if use.container == container), ContainerUse(container=container))


def seconds_of(cluster: Cluster, attempt: Attempt, container: str) -> float:
    """How long a container ran, by the kubelet's word."""
    pod = cluster.api.get(attempt.namespace, "Pod", attempt.pod)
    (status,) = [item for item in pod["status"]["containerStatuses"] if item["name"] == container]
    ended = status["state"]["terminated"]
    start, end = (datetime.fromisoformat(ended[key]) for key in ("startedAt", "finishedAt"))
    return (end - start).total_seconds()
