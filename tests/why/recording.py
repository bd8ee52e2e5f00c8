"""Runs that fail, each in its own way, on the cluster of `python3 dev.py cluster up`, recorded as `kubectl` gives them.

    PYTHONPATH=.:tests python tests/why/recording.py [NAME]...

It writes `tests/why/recorded/NAME.json`. `argo-pod-deleted` is of a test of faults in `tests/cluster`: a pod that is
deleted by force is made again unless the controller has seen it run.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cluster.cluster import ADDRESS, BUCKET, S3_PORT, Cluster
from cluster.commands import busybox, dag, pipeline, task

RECORDED = Path(__file__).parent / "recorded"
LIMIT = 300.0
GROW = "import time\npages = []\nfor _ in range(200):\n    pages.append(b'x' * 2**20)\n    time.sleep(0.01)"
SMALL = {"limits": {"memory": "48Mi"}, "requests": {"memory": "48Mi"}}
Data = dict[str, Any]


def grow(name: str, **fields: Any) -> Data:
    """A template that uses more memory than it may have."""
    container = {"image": "python:3", "command": ["python3", "-c", GROW], "resources": SMALL}
    return {"name": name, "container": container, **fields}


def steps_of(*names: str) -> list[Data]:
    """Tasks of a DAG, one after another, each of a template of its name."""
    before = (None, *names)
    return [
        {"name": name, "template": name, **({"depends": one} if one else {})}
        for name, one in zip(names, before, strict=False)
    ]


def items(item: str) -> Data:
    return {"parameters": [{"name": "n", "value": item}]}


def grows(name: str, **fields: Any) -> Data:
    """A task of a pipeline that uses more memory than it may have."""
    step = {"name": "train", "image": "python:3", "command": ["python3", "-c", GROW], "computeResources": SMALL}
    return {"name": name, "taskSpec": {"steps": [step]}, **fields}


OK, FAIL = "echo good", "echo 'cannot read the table: password=hunter2'; exit 1"
S3 = {
    "endpoint": f"{ADDRESS}:{S3_PORT}",
    "bucket": BUCKET,
    "insecure": True,
    "accessKeySecret": {"name": "s3", "key": "key"},
    "secretKeySecret": {"name": "s3", "key": "secret"},
}
ABSENT = {"artifacts": [{"name": "table", "path": "/tmp/table", "s3": {**S3, "key": "absent/table.csv"}}]}
ODD = "if [ {{inputs.parameters.n}} = 2 ]; then exit 4; fi"
BY_TRY = "import sys\nif '{{retries}}' != '0': sys.exit(3)\n" + GROW
FILLING = {"emptyDir": {"sizeLimit": "1Mi"}}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: config-\n"
ALWAYS = {"limit": "1", "retryPolicy": "Always"}
SIGNED = "registry.local/none:1"

ARGO: Mapping[str, Data] = {
    "argo-out-of-memory": dag(
        "train-", steps_of("load", "fit", "report"), [busybox("load", OK), grow("fit"), busybox("report", OK)]
    ),
    "argo-exit-in-nested-dag": dag(
        "nightly-",
        steps_of("prepare", "build", "publish"),
        [
            busybox("prepare", OK),
            {"name": "build", "dag": {"tasks": steps_of("compile", "test")}},
            busybox("compile", OK),
            busybox("test", FAIL),
            busybox("publish", OK),
        ],
    ),
    "argo-timeout": dag(
        "slow-", steps_of("work", "after"), [busybox("work", "sleep 300", timeout="8s"), busybox("after", OK)]
    ),
    "argo-workflow-deadline": dag(
        "late-",
        steps_of("work", "after"),
        [busybox("work", "sleep 300"), busybox("after", OK)],
        activeDeadlineSeconds=10,
    ),
    "argo-image-not-pulled": dag(
        "image-",
        steps_of("work"),
        [{"name": "work", "container": {"image": SIGNED, "command": ["true"]}, "timeout": "15s"}],
    ),
    "argo-pod-deleted-gracefully": dag(
        "ended-", steps_of("work", "after"), [busybox("work", "sleep 300"), busybox("after", OK)]
    ),
    "argo-artifact-absent": dag("table-", steps_of("load"), [busybox("load", OK, inputs=ABSENT)]),
    "argo-init-error": dag(
        "copy-",
        steps_of("load"),
        [
            busybox(
                "load", OK, initContainers=[{"name": "copy", "image": "busybox:1", "command": ["sh", "-c", "exit 7"]}]
            )
        ],
    ),
    "argo-retried": dag(
        "again-",
        steps_of("fit"),
        [
            {
                "name": "fit",
                "retryStrategy": ALWAYS,
                "container": {"image": "python:3", "command": ["python3", "-c", BY_TRY], "resources": SMALL},
            }
        ],
    ),
    "argo-loop": dag(
        "each-",
        [
            {"name": "each", "template": "each", "arguments": items("{{item}}"), "withItems": [1, 2, 3]},
            {"name": "after", "template": "after", "depends": "each"},
        ],
        [busybox("each", ODD, inputs={"parameters": [{"name": "n"}]}), busybox("after", OK)],
    ),
    "argo-exit-handler": dag(
        "left-", steps_of("work"), [busybox("work", "exit 2"), busybox("tidy", "sleep 2; exit 5")], onExit="tidy"
    ),
    "argo-evicted-for-disk": dag(
        "disk-",
        steps_of("work"),
        [
            {
                "name": "work",
                "container": {
                    "image": "busybox:1",
                    "command": ["sh", "-c", "dd if=/dev/zero of=/scratch/file bs=1M count=20; sleep 300"],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                },
                "volumes": [{"name": "scratch", **FILLING}],
            }
        ],
    ),
    "argo-evicted": dag("evicted-", steps_of("work", "after"), [busybox("work", "sleep 300"), busybox("after", OK)]),
    "argo-quota": dag(
        "quota-", steps_of("make"), [{"name": "make", "resource": {"action": "create", "manifest": CONFIG}}]
    ),
    "argo-stopped": dag("stop-", steps_of("work", "after"), [busybox("work", "sleep 300"), busybox("after", OK)]),
    "argo-when-wrong": dag(
        "when-", [{"name": "work", "template": "work", "when": "{{workflow.name}} =="}], [busybox("work", OK)]
    ),
    "argo-program-absent": dag(
        "absent-",
        steps_of("work"),
        [{"name": "work", "container": {"image": "busybox:1", "command": ["no-such-program"]}}],
    ),
}
TEKTON: Mapping[str, Data] = {
    "tekton-out-of-memory": pipeline(
        "train-", [task("load", OK), grows("fit", runAfter=["load"]), task("report", OK, runAfter=["fit"])]
    ),
    "tekton-image-not-pulled": pipeline(
        "image-", [{"name": "work", "taskSpec": {"steps": [{"name": "s", "image": SIGNED, "command": ["true"]}]}}]
    ),
    "tekton-finally": pipeline(
        "tidy-",
        [task("work", FAIL), task("after", OK, runAfter=["work"])],
        **{"finally": [task("tidy", "sleep 2; exit 5")]},
    ),
    "tekton-finally-alone": pipeline("tidy-", [task("work", OK)], **{"finally": [task("tidy", "exit 5")]}),
    "tekton-cancelled": pipeline("cancel-", [task("work", "sleep 300"), task("after", OK, runAfter=["work"])]),
    "tekton-timeout": pipeline(
        "slow-", [task("work", "sleep 300", timeout="10s"), task("after", OK, runAfter=["work"])]
    ),
    "tekton-retried": pipeline(
        "again-", [task("work", "[ $(context.task.retry-count) = 0 ] && sleep 300; exit 3", retries=1, timeout="10s")]
    ),
    "tekton-evicted": pipeline("evicted-", [task("work", "sleep 300")]),
    "tekton-pod-deleted": pipeline("lost-", [task("work", "sleep 300")]),
}


def pod_of(cluster: Cluster, namespace: str) -> str:
    """The name of the only pod, once its program runs."""

    def running() -> list[Data]:
        pods = cluster.api.list(namespace, "Pod")
        return [
            pod
            for pod in pods
            if (states := pod["status"].get("containerStatuses")) and all("running" in one["state"] for one in states)
        ]

    cluster.wait_for("the pod", running)
    time.sleep(2)
    return str(running()[0]["metadata"]["name"])


def delete(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("delete", "pod", pod_of(cluster, namespace), "--namespace", namespace)


def evict(cluster: Cluster, namespace: str) -> None:
    """What the kubelet writes when it evicts (`evictPod` of pkg/kubelet/eviction/eviction_manager.go)."""
    message = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60412Ki. "
    status = {"phase": "Failed", "reason": "Evicted", "message": message, "containerStatuses": []}
    pod = pod_of(cluster, namespace)
    patch = json.dumps({"status": status})
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/status"
    cluster.api._answered("PATCH", path, content=patch, headers={"Content-Type": "application/merge-patch+json"})


def quota(cluster: Cluster, namespace: str) -> None:
    cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "few", "namespace": namespace},
                "spec": {"hard": {"count/configmaps": "1"}},
            }
        ]
    )
    cluster.kubectl(
        "create",
        "rolebinding",
        "may",
        "--clusterrole",
        "admin",
        "--serviceaccount",
        f"{namespace}:default",
        "--namespace",
        namespace,
    )
    time.sleep(3)


def stop(kind: str, field: str, word: str) -> Callable[[Cluster, str], None]:
    def done(cluster: Cluster, namespace: str) -> None:
        pod_of(cluster, namespace)
        (item,) = cluster.api.list(namespace, kind)
        patch = json.dumps({"spec": {field: word}})
        cluster.kubectl(
            "patch",
            kind.lower(),
            item["metadata"]["name"],
            "--namespace",
            namespace,
            "--type",
            "merge",
            "--patch",
            patch,
        )

    return done


BEFORE: Mapping[str, Callable[[Cluster, str], None]] = {"argo-quota": quota}
MEANWHILE: Mapping[str, Callable[[Cluster, str], None]] = {
    "argo-pod-deleted-gracefully": delete,
    "argo-evicted": evict,
    "argo-stopped": stop("Workflow", "shutdown", "Stop"),
    "tekton-cancelled": stop("TaskRun", "status", "TaskRunCancelled"),
    "tekton-evicted": evict,
    "tekton-pod-deleted": delete,
}


def record(cluster: Cluster, name: str, document: Data) -> None:
    """Run one, and write what is there at its end."""
    namespace = f"why-{uuid.uuid4().hex[:6]}"
    cluster.add_namespace(namespace)
    try:
        if name in BEFORE:
            BEFORE[name](cluster, namespace)
        kind = document["kind"]
        ident = cluster.api.create(namespace, document)["metadata"]["name"]
        if name in MEANWHILE:
            MEANWHILE[name](cluster, namespace)

        def has_ended() -> bool:
            status = cluster.api.get(namespace, kind, ident).get("status", {})
            return bool(status.get("completionTime") or status.get("finishedAt"))

        cluster.wait_for(name, has_ended, LIMIT)
        kinds = ("Workflow",) if kind == "Workflow" else ("PipelineRun", "TaskRun")
        found = [item for each in kinds for item in cluster.api.list(namespace, each)]
        version = document["apiVersion"]
        found = [{"apiVersion": version, **item} for item in found]
        for item in found:
            item["metadata"].pop("managedFields", None)
        whole = found[0] if kind == "Workflow" else {"apiVersion": "v1", "kind": "List", "items": found}
        text = json.dumps(whole, indent=1).replace(namespace, "ml")
        (RECORDED / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    finally:
        cluster.api.remove_namespace(namespace)


def main() -> None:
    cluster = Cluster()
    wanted = sys.argv[1:] or [*ARGO, *TEKTON]

    def recorded(name: str) -> str:
        try:
            record(cluster, name, {**ARGO, **TEKTON}[name])
        except RuntimeError as error:
            return f"{name}: {error}"
        return name

    with ThreadPoolExecutor(4) as pool:
        for line in pool.map(recorded, wanted):
            sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
