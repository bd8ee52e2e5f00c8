"""What steps used, as Prometheus measures it on the node: read for the runs that the cluster's objects tell of."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from cluster.cluster import ADDRESS, BUCKET, PROMETHEUS, S3_PORT, SCRAPES, Cluster
from cluster.commands import busybox, couler, dag, pipeline, task, written
from cluster.programs import KEPT
from cluster.running import LIMIT
from couler_plugins.ir.quantities import parse_quantity
from couler_plugins.runs import Attempt, ContainerUse, Run
from couler_plugins.runs.history_file import read_lines
from servers.prometheus import programs

MIB = 2**20
AMOUNTS = {"small": 50, "middle": 200, "large": 400, "huge": 800}
"""Mebibytes of each step."""
RUNS = 3
TRIES = 5
SIZED = ("-p", "rightsize", "--history", "history.jsonl")
ROOM = 1.6
"""What is requested of memory at most, over what a step allocates: three attempts promise little of the next one."""
GROW = """
import sys, time, urllib.request

def working_set():
    folder = "/sys/fs/cgroup/memory/"
    lines = [line.split() for line in open(folder + "memory.stat")]
    return int(open(folder + "memory.usage_in_bytes").read()) - int(dict(lines)["total_inactive_file"])

wanted, pages = int(sys.argv[1]) * 2**20, []
while (lacking := wanted - working_set()) > 0:
    pages.append(b"x" * max(lacking // 4, 2**18))
while True:
    try:
        urllib.request.urlopen(sys.argv[2])
        break
    except OSError:
        time.sleep(0.5)
"""
"""Touches pages until the kernel counts so many mebibytes in the container: with the engine's own process, and files in
use, of which it counts more or less from start to start. Then it waits for an object in the S3: a kubelet
that has looked at many short containers sees a long one only after a while."""
OBSERVED = """
count(
  max_over_time(container_memory_working_set_bytes{NAMES}[5m]) > BYTES
  and count_over_time(container_memory_working_set_bytes{NAMES}[5m]) > 1
)
"""
"""Counts the containers whose memory was seen twice, and once as large as it gets."""


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
    for run in fetched_runs(cluster, namespace, tmp_path, name):
        for ran in run.steps:
            (attempt,) = ran.tries
            uses[ran.step.rpartition("/")[2]].append(use_of(attempt, engine.container))
    for step, amount in AMOUNTS.items():
        assert [use.memory for use in uses[step]] == [pytest.approx(amount * MIB, rel=0.1)] * RUNS, uses
        assert all(use.cpu is not None and use.cpu_p95 is not None for use in uses[step]), uses
        assert all(0 <= (use.cpu or 0) <= (use.cpu_p95 or 0) <= 4 for use in uses[step]), uses
    sized = couler(cluster, tmp_path, "optimize", command[1], *SIZED)
    assert sized.returncode == 0, sized.stderr
    document = yaml.safe_load(sized.stdout)
    requests = dict(requests_of(document))
    for step, amount in AMOUNTS.items():
        memory = parse_quantity(requests[step]["requests"]["memory"])
        assert requests[step]["limits"]["memory"] == requests[step]["requests"]["memory"]
        assert memory is not None
        assert max(use.memory or 0 for use in uses[step]) < memory <= ROOM * max(amount * MIB, 64 * MIB), requests
    assert couler(cluster, tmp_path, "optimize", "-", *SIZED, "--check", input=sized.stdout).returncode == 0
    fourth = couler(cluster, tmp_path, "run", "-", "--namespace", namespace, input=sized.stdout)
    assert fourth.returncode == 0, fourth.stderr
    asked = [
        use_of(ran.tries[0], engine.container) for ran in fetched_runs(cluster, namespace, tmp_path, name)[-1].steps
    ]
    written_amounts = sorted(parse_quantity(each["requests"]["memory"]) or 0 for each in requests.values())
    assert sorted(use.memory_request or 0 for use in asked) == written_amounts


@pytest.mark.parametrize("name", list(ENGINES))
def test_a_pod_of_one_second_is_not_observed(cluster: Cluster, namespace: str, tmp_path: Path, name: str) -> None:
    engine = ENGINES[name]
    file = written(tmp_path, engine.quick)
    for _ in range(TRIES):  # a loaded machine takes seconds to start a container
        done = couler(cluster, tmp_path, "run", file, "--namespace", namespace)
        assert done.returncode == 0, done.stderr
        for run in fetched_runs(cluster, namespace, tmp_path, name):
            (attempt,) = run.steps[0].tries
            if samples_of(cluster, attempt, engine.container) < 2:  # by now: there were no more before
                assert use_of(attempt, engine.container).memory is None
                return
    pytest.skip(f"the machine is slow: Prometheus has seen each of {TRIES} containers twice, every {SCRAPES:g} s")


def observed(cluster: Cluster, namespace: str, step: str, container: str) -> int:
    """How many pods of a step Prometheus has seen as large as they get."""
    names = f'namespace="{namespace}",container="{container}",pod=~".*-{step}-.*"'
    return asked(cluster, OBSERVED.replace("NAMES", names).replace("BYTES", str(0.95 * AMOUNTS[step] * MIB)))


def fetched_runs(cluster: Cluster, namespace: str, folder: Path, name: str) -> list[Run]:
    """The runs in a namespace, with what Prometheus knows of their pods, as the command adds them to a history."""
    source = ("--engine", name, "--from", "cluster", "--namespace", namespace, "--prometheus", PROMETHEUS)
    fetched = couler(cluster, folder, "history", "fetch", *source, "-o", "history.jsonl")
    assert fetched.returncode == 0, fetched.stderr
    file = folder / "history.jsonl"
    runs = [run for _, run in read_lines(file.read_bytes(), file.name) if run is not None]
    return sorted(runs, key=lambda run: run.at)


def requests_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The resources of each step, by its name, as its engine spells them."""
    spec = document["spec"]
    for template in spec.get("templates", ()):
        if "container" in template:
            yield template["name"], template["container"]["resources"]
    for task_of in spec.get("pipelineSpec", spec).get("tasks", ()):
        yield task_of["name"], task_of["taskSpec"]["steps"][0]["computeResources"]


def use_of(attempt: Attempt, container: str) -> ContainerUse:
    """What is known of a container; nothing where it is not there."""
    return next((use for use in attempt.containers if use.container == container), ContainerUse(container=container))


def samples_of(cluster: Cluster, attempt: Attempt, container: str) -> int:
    """How often Prometheus has seen the memory of a container."""
    names = f'namespace="{attempt.namespace}",pod="{attempt.pod}",container="{container}"'
    return asked(cluster, f"max(count_over_time(container_memory_working_set_bytes{{{names}}}[10m]))")


def asked(cluster: Cluster, query: str) -> int:
    """The number that Prometheus answers; 0 where it has none."""
    command = ("curl", "--silent", "--fail", "--data-urlencode", f"query={query}", f"{PROMETHEUS}/api/v1/query")
    result = json.loads(cluster.run(*command).stdout)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0
