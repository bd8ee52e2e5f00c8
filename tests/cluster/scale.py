"""Runs large workflows on the real Argo controller. Only the nodes of their steps are played, by kwok.

What is played: the containers of steps. Their pods are scheduled, and say that they run and end; nothing runs, and no
executor reports a WorkflowTaskResult. What starts the parts of a split workflow are real pods on the real node.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import gzip
import json
import os
import random
import signal
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster
from cluster.programs import KWOK, build

__all__ = ["SHAPES", "controller", "measure", "played_nodes", "workflow"]

STEP_SECONDS = 10
"""How long the pod of a step runs."""
CHAIN = 10
"""Steps one after the other, for each sample."""
NODES = 10
STAGES = ("node/fast/node-*.yaml", "node/heartbeat-with-lease/node-*.yaml", "pod/fast/pod-*.yaml")
"""What kwok ships for nodes and pods that are only played."""
LABEL = {"type": "kwok"}
TAINT = "kwok.x-k8s.io/node"
HERTZ = os.sysconf("SC_CLK_TCK")

Links = list[list[int]]


def layered(steps: int, chance: random.Random) -> Links:
    """Twenty layers, whose steps wait for one to three of the layer above each: no part is free of others."""
    width = steps // 20
    return [
        sorted({step // width * width - width + chance.randrange(width) for _ in range(chance.choice((1, 2, 3)))})
        if step >= width
        else []
        for step in range(steps)
    ]


def samples(steps: int, _: random.Random) -> Links:
    """Chains of ten steps side by side: what is done with each sample."""
    return [[step - 1] if step % CHAIN else [] for step in range(steps)]


def chains(steps: int, chance: random.Random) -> Links:
    """The same, and one step that waits for all: their summary."""
    return [*samples(steps - 1, chance), [*range(CHAIN - 1, steps - 1, CHAIN)]]


SHAPES: Mapping[str, tuple[Callable[[int, random.Random], Links], int | None]] = {
    "chains": (chains, None),
    "layered": (layered, None),
    "samples": (samples, CHAIN),
}
"""What waits for what, and how many templates the steps share; None where each has its own."""


def links(shape: str, steps: int) -> Links:
    """The steps that each step waits for."""
    return SHAPES[shape][0](steps, random.Random(f"{shape}:{steps}"))


def workflow(shape: str, steps: int) -> dict[str, Any]:
    """A workflow of one DAG, whose templates have some 700 bytes each."""
    templates = SHAPES[shape][1] or steps
    tasks: list[dict[str, Any]] = []
    for step, above in enumerate(links(shape, steps)):
        depends = {"depends": " && ".join(f"step-{number}" for number in above)} if above else {}
        arguments = {"parameters": [{"name": "step", "value": str(step)}]}
        called = f"tool-{step % templates}"
        tasks.append({"name": f"step-{step}", "template": called, "arguments": arguments, **depends})
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": f"{shape}-{steps}"},
        "spec": {
            "entrypoint": "main",
            "templates": [{"name": "main", "dag": {"tasks": tasks}}, *map(_template, range(templates))],
        },
    }


def _template(number: int) -> dict[str, Any]:
    folder = f"/work/{number}-{{{{inputs.parameters.step}}}}"
    lines = [f"process --input /data/{part:04}.parquet --output {folder}/{part:04}.parquet" for part in range(4)]
    return {
        "name": f"tool-{number}",
        "inputs": {"parameters": [{"name": "step"}]},
        "nodeSelector": LABEL,
        "tolerations": [{"key": TAINT, "operator": "Exists"}],
        "container": {
            "image": "busybox:1",
            "command": ["sh", "-euc"],
            "args": ["\n".join([f"mkdir -p {folder}", *lines, ""])],
            "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        },
    }


@contextlib.contextmanager
def played_nodes(cluster: Cluster) -> Iterator[None]:
    """Nodes on which pods succeed after STEP_SECONDS, as long as the block runs."""
    built = build(KWOK)
    folder = built.module / "kustomize" / "stage"
    stages = {path.stem: yaml.safe_load(path.read_text()) for name in STAGES for path in folder.glob(name)}
    ends = stages["pod-complete"]["spec"]
    ends["delay"] = {"durationMilliseconds": STEP_SECONDS * 1000}
    # As kwok ships it, only pods of Jobs end.
    ends["selector"]["matchExpressions"] = [
        item for item in ends["selector"]["matchExpressions"] if "ownerReferences" not in item["key"]
    ]
    config = cluster.folder / "etc" / "kwok.yaml"
    config.write_text(yaml.safe_dump_all(stages.values()))
    taints = [{"key": TAINT, "value": "fake", "effect": "NoSchedule"}]
    cluster.apply(
        [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"played-{number}", "labels": LABEL},
                "spec": {"taints": taints},
            }
            for number in range(NODES)
        ]
    )
    kwok = (str(built.programs / "kwok"), f"--config={config}", "--manage-nodes-with-label-selector=type=kwok")
    options = (f"--kubeconfig={cluster.folder}/etc/admin.kubeconfig", "--node-lease-duration-seconds=40")
    with _running(cluster, "kwok", *kwok, *options):
        yield


@contextlib.contextmanager
def controller(cluster: Cluster, *options: str) -> Iterator[int]:
    """A controller of Argo with further options in place of the cluster's; gives the id of its process."""
    stopped = cluster.folder / "argo.stopped"
    stopped.touch()
    settings = next(
        item for item in json.loads((cluster.folder / "programs.json").read_text()) if item["name"] == "argo"
    )
    try:
        for pid in _processes(cluster, "workflow-controller"):
            os.kill(pid, signal.SIGKILL)
        with _running(cluster, "argo-scale", *settings["command"], *options, **settings["env"]) as pid:
            yield pid
    finally:
        stopped.unlink()


@contextlib.contextmanager
def _running(cluster: Cluster, name: str, *command: str, **env: str) -> Iterator[int]:
    with (cluster.folder / "logs" / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            cluster.inside(*command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **env}
        )
        try:
            yield process.pid
        finally:
            process.kill()  # Argo's controller does not end when it is asked to
            process.wait()


def _processes(cluster: Cluster, word: str = "") -> dict[int, str]:
    """The cluster's programs, by the ids that the machine gives them."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "workflow-controller", "kwok")
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if any(str(cluster.folder) in item for item in words):
                program = next((name for name in names if name in [*words, Path(words[0]).name]), "")
                program = "etcd" if any(item.startswith("--data-dir") for item in words) else program
                if program and word in program:
                    found[int(path.parent.name)] = program
    return found


class Watch(threading.Thread):
    """Notes the largest state of each workflow of a namespace, and the memory of a process, until it is stopped."""

    def __init__(self, cluster: Cluster, namespace: str, pid: int) -> None:
        super().__init__(daemon=True)
        etc = cluster.folder / "etc"
        address = f"https://127.0.0.1/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows?watch=1"
        token = "Authorization: Bearer admin-token"
        curl = ["curl", "--silent", "--no-buffer", "--cacert", str(etc / "api.crt"), "--header", token]
        self.curl = subprocess.Popen(
            cluster.inside(*curl, f"{address}&timeoutSeconds=14400"), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.pid = pid
        self.bytes: dict[str, int] = defaultdict(int)
        self.compressed: set[str] = set()
        self.updates = 0

    def run(self) -> None:
        assert self.curl.stdout is not None
        for line in self.curl.stdout:
            found = json.loads(line)["object"]
            name = found["metadata"]["name"]
            # As the API server keeps it: without what a watch adds.
            self.bytes[name] = max(self.bytes[name], len(line) - len('{"type":"MODIFIED","object":}\n'))
            self.updates += 1
            if found.get("status", {}).get("compressedNodes"):
                self.compressed.add(name)

    def stop(self) -> None:
        self.curl.terminate()
        self.curl.wait()
        self.join()

    @property
    def memory(self) -> int:
        """The most bytes that the process had resident so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def measure(cluster: Cluster, namespace: str, pid: int, given: Path, shape: str, steps: int) -> dict[str, Any]:
    """Submit what is given by `couler run`, follow it to its end, and say what it took.

    Args:
        cluster: that is up.
        namespace: of the workflow, which holds no other.
        pid: of the controller.
        given: a workflow's file, or the folder that `couler optimize` has written.
        shape: of the workflow.
        steps: of the workflow.
    """
    watch = Watch(cluster, namespace, pid)
    watch.start()
    before, busy = _seconds(cluster), _busy()
    began = time.monotonic()
    ran = cluster.run("couler", "run", str(given), "--namespace", namespace, "--quiet")
    took = time.monotonic() - began
    cpu = {name: round(value - before.get(name, 0.0), 1) for name, value in _seconds(cluster).items()}
    memory = watch.memory
    watch.stop()
    found = {item["metadata"]["name"]: item for item in cluster.api.list(namespace, "Workflow")}
    figures = {
        "shape": shape,
        "steps": steps,
        "exit_code": ran.returncode,
        "message": ran.stderr.strip()[-500:],
        "command_seconds": round(took),
        "controller_bytes": memory,
        "cpu_seconds": cpu,
        "machine_busy": round((_busy() - busy) / took / (os.cpu_count() or 1), 2),
        "updates": watch.updates,
        "largest_bytes": max(watch.bytes.values(), default=0),
        "compressed": len(watch.compressed),
    }
    main = found.get(f"{shape}-{steps}")
    return figures | (timings(main, found.values(), shape, steps) if main else {})


def timings(main: Mapping[str, Any], workflows: Any, shape: str, steps: int) -> dict[str, Any]:
    """What the ended workflows say of times, which have whole seconds."""
    parts = {item["metadata"].get("labels", {}).get("couler.io/part"): item for item in workflows}
    name, began = main["metadata"]["name"], _time(main["metadata"]["creationTimestamp"])
    nodes = [node for item in workflows for node in _nodes(item) if node["type"] == "Pod"]
    spans = {
        int(node["displayName"].removeprefix("step-")): (_time(node["startedAt"]), _time(node["finishedAt"]))
        for node in nodes
        if node["displayName"].startswith("step-") and node["phase"] == "Succeeded"
    }
    home = {
        int(node["displayName"].removeprefix("step-")): part
        for part, item in parts.items()
        for node in _nodes(item)
        if node["displayName"].startswith("step-")
    }
    above = links(shape, steps)
    late: dict[bool, list[float]] = {True: [], False: []}
    for step, (start, _) in spans.items():
        if all(number in spans for number in above[step]):
            ready = max((spans[number][1] for number in above[step]), default=began)
            within = bool(above[step]) and all(home[number] == home[step] for number in above[step])
            late[within].append(start - ready)
    figures: dict[str, Any] = {
        "phase": main["status"].get("phase"),
        "main_message": main["status"].get("message", ""),
        "succeeded": len(spans),
        "step_pods": sum(node["displayName"].startswith("step-") for node in nodes),
        "pod_seconds": _spread([end - start for start, end in spans.values()]),
        "late_within_part": _spread(late[True]),
        "late_else": _spread(late[False]),
    }
    if main["status"].get("finishedAt"):
        figures["seconds"] = _time(main["status"]["finishedAt"]) - began
        figures["critical_path_seconds"] = _longest(above) * STEP_SECONDS
    if not any(part and part.startswith(f"{name}-part") for part in parts):
        return figures
    entry = next(item for item in main["spec"]["templates"] if item["name"] == main["spec"]["entrypoint"])
    ended = {node["displayName"]: _time(node["finishedAt"]) for node in _nodes(main) if node.get("finishedAt")}
    begun = {node["displayName"]: _time(node["startedAt"]) for node in _nodes(main) if node["type"] == "Pod"}
    lists: dict[str, list[float]] = defaultdict(list)
    for task in entry["dag"]["tasks"]:
        part = parts.get(f"{name}-{task['name']}")
        if part is None or not part["status"].get("finishedAt"):
            continue
        needed = [item for item in task.get("depends", "").split(" && ") if item]
        ready = max((_time(parts[f"{name}-{item}"]["status"]["finishedAt"]) for item in needed), default=began)
        created, end = _time(part["metadata"]["creationTimestamp"]), _time(part["status"]["finishedAt"])
        lists["part_late"].append(created - ready)
        lists["part_pod_late"].append(begun[task["name"]] - max((ended[item] for item in needed), default=began))
        lists["part_creation"].append(created - begun[task["name"]])
        lists["part_end_noticed"].append(ended[task["name"]] - end)
        first = min(start for step, (start, _) in spans.items() if home[step] == f"{name}-{task['name']}")
        lists["part_first_step"].append(first - created)
        lists["part_seconds"].append(end - created)
    return figures | {"parts": len(lists["part_late"]), **{key: _spread(values) for key, values in lists.items()}}


def _nodes(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    status = item["status"]
    if packed := status.get("compressedNodes"):
        return list(json.loads(gzip.decompress(base64.b64decode(packed))).values())
    return list(status.get("nodes", {}).values())


def _longest(above: Links) -> int:
    """Steps on the longest path."""
    depths: list[int] = []
    for some in above:
        depths.append(1 + max((depths[number] for number in some), default=0))
    return max(depths)


def _time(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "max": ordered[-1],
        "count": len(ordered),
    }


def _seconds(cluster: Cluster) -> dict[str, float]:
    """CPU seconds of the cluster's programs so far."""
    total: dict[str, float] = defaultdict(float)
    for pid, name in _processes(cluster).items():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total[name] += (int(fields[11]) + int(fields[12])) / HERTZ
    return total


def _busy() -> float:
    """Seconds in which the machine's cores did something, whoever asked for it."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / HERTZ
