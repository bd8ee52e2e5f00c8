"""`couler stop`: what was told to stop has ended, what runs at the end runs, and nothing else goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, pipeline, task, written

SLOW = dag(
    "stop-",
    [{"name": "slow", "template": "slow"}, {"name": "never", "template": "never", "depends": "slow"}],
    [busybox("slow", "sleep 300"), busybox("never", "true"), busybox("bye", "true")],
    onExit="bye",
)


def slow_tasks(seconds: int) -> dict[str, Any]:
    tasks = [task("slow", f"sleep {seconds}"), task("never", "true", runAfter=["slow"])]
    return pipeline("stop-", tasks, **{"finally": [task("bye", "true")]})


def started(cluster: Cluster, namespace: str, folder: Path, document: dict[str, Any], *arguments: str) -> list[str]:
    """The places of what was submitted, once a pod of it runs."""
    given = ["--namespace", namespace, "--no-wait", "--format", "json", *arguments]
    done = couler(cluster, folder, "run", written(folder, document), *given)
    assert done.returncode == 0, done.stderr

    def runs() -> bool:
        return any(map(is_slow, cluster.api.list(namespace, "Pod", fieldSelector="status.phase=Running")))

    cluster.wait_for("a pod", runs)
    return [job["place"] for job in json.loads(done.stdout)["jobs"] if job["runs"] and "submitted" in job]


def is_slow(pod: dict[str, Any]) -> bool:
    """Whether this is the pod of the step `slow`, which may be one of a part."""
    return "slow" in pod["metadata"]["name"] or pod["metadata"]["labels"].get("tekton.dev/pipelineTask") == "slow"


def ran(cluster: Cluster, namespace: str) -> set[str]:
    """The tasks of pipelines that have TaskRuns."""
    return {item["metadata"]["labels"]["tekton.dev/pipelineTask"] for item in cluster.api.list(namespace, "TaskRun")}


@pytest.mark.parametrize("terminate", [False, True], ids=["stop", "terminate"])
def test_a_workflow_stops(cluster: Cluster, namespace: str, tmp_path: Path, terminate: bool) -> None:
    (place,) = started(cluster, namespace, tmp_path, SLOW)
    done = couler(cluster, tmp_path, "stop", "--engine", "argo", place, *(["--terminate"] if terminate else []))
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{place}: told to stop", f"{place}: failed"])
    (workflow,) = cluster.api.list(namespace, "Workflow")
    assert workflow["status"]["phase"] == "Failed"
    nodes = [node for node in workflow["status"]["nodes"].values() if node["phase"] != "Omitted"]
    names = {node["displayName"].rpartition(".")[2] for node in nodes}  # Argo may note what it omits, or not
    assert ("onExit" in names, "never" in names) == (not terminate, False)
    again = couler(cluster, tmp_path, "stop", "--engine", "argo", place)
    assert again.stdout == f"{place}: it was not running any more\n"


def test_the_parts_of_a_workflow_stop_with_it(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    (place,) = started(cluster, namespace, tmp_path, SLOW, "-p", "split{max-steps=1}", "--journal", "run.jsonl")
    done = couler(cluster, tmp_path, "stop", "--journal", "run.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    workflows = cluster.api.list(namespace, "Workflow")
    told = {f"{namespace}/{item['metadata']['name']}: told to stop" for item in workflows}
    assert {item["status"]["phase"] for item in workflows} == {"Failed"}
    assert (set(done.stdout.splitlines()[:-1]), len(workflows)) == (told, 2)
    assert done.stdout.splitlines()[-1] == f"{place}: failed"
    assert cluster.api.list(namespace, "Pod", fieldSelector="status.phase=Running") == []


@pytest.mark.parametrize("terminate", [False, True], ids=["stop", "terminate"])
def test_a_pipeline_stops(cluster: Cluster, namespace: str, tmp_path: Path, terminate: bool) -> None:
    # A pipeline that is told to stop ends what runs, and starts nothing but what runs at the end.
    (place,) = started(cluster, namespace, tmp_path, slow_tasks(300 if terminate else 12))
    done = couler(cluster, tmp_path, "stop", "--engine", "tekton", place, *(["--terminate"] if terminate else []))
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{place}: told to stop", f"{place}: failed"])
    (run,) = cluster.api.list(namespace, "PipelineRun")
    assert run["status"]["conditions"][0]["reason"] == "Cancelled"
    assert ran(cluster, namespace) == ({"slow"} if terminate else {"slow", "bye"})


def test_the_parts_of_a_pipeline_stop_by_the_name_of_the_whole(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    (part,) = started(cluster, namespace, tmp_path, slow_tasks(300), "-p", "split{max-steps=1}")
    whole = part.removesuffix("-part-1")
    done = couler(cluster, tmp_path, "stop", "--engine", "tekton", whole, "--terminate")
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{part}: told to stop", f"{whole}: failed"])
    assert ran(cluster, namespace) == {"slow"}
