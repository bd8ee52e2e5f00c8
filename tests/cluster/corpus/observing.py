"""What became of runs, by the names of their steps, so that two can be compared."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from cluster.api import Api
from cluster.cluster import ADDRESS, S3_KEY, S3_PORT, S3_SECRET, Cluster
from cluster.corpus.examples import SIDE

__all__ = ["Observed", "Step", "differences", "hits", "observed"]

LIMIT = 600.0
"""Seconds in which a run ends."""
S3 = f"http://{ADDRESS}:{S3_PORT}"
STORE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "store"},
    "stringData": {
        "AWS_ACCESS_KEY_ID": S3_KEY,
        "AWS_SECRET_ACCESS_KEY": S3_SECRET,
        "AWS_ENDPOINT_URL": S3,
        "AWS_DEFAULT_REGION": "us-east-1",
    },
}
"""What the cache's containers need to reach the S3."""
KINDS = {"argo": ["Workflow"], "tekton": ["PipelineRun", "TaskRun"]}
OURS = re.compile(r"couler-")
HIT = "couler: this result was computed before"
"""What a wrapped command prints in the place of what it would have printed."""


class Step(TypedDict):
    """What became of a step.

    Attributes:
        phase: that it ended in.
        outputs: parameters by name, artifacts by name and content.
        logs: of its containers, by their names; None where there is no pod.
        hit: its result was that of an earlier run.
    """

    phase: str
    outputs: dict[str, Any]
    logs: dict[str, str] | None
    hit: bool


class Observed(TypedDict):
    """What became of a run.

    Attributes:
        phase: that all of it ended in.
        outputs: of the whole.
        steps: by name; several of one name in an order of their own.
    """

    phase: str
    outputs: dict[str, Any]
    steps: dict[str, list[Step]]


def observed(
    cluster: Cluster,
    api: Api,
    engine: str,
    namespace: str,
    documents: Sequence[Mapping[str, Any]],
    *,
    driven: bool = False,
) -> Observed:
    """Run documents in a namespace where nothing else runs, and say what became of them.

    Args:
        cluster: that is up.
        api: of the cluster.
        engine: `argo` or `tekton`.
        namespace: of what an earlier call has run there, only the results stay that it keeps elsewhere.
        documents: side documents first.
        driven: `couler run` submits them.

    Raises:
        RuntimeError: the cluster refuses them, or they do not end in time.
    """
    for kind in KINDS[engine]:
        api.clear(namespace, kind)
    # What is left of an earlier run must be gone before its names are used again.
    cluster.wait_for("the namespace", lambda: not any(api.list(namespace, kind) for kind in (*KINDS[engine], "Pod")))
    if driven:
        phase, outputs, names = _driven(cluster, namespace, documents)
    else:
        phase, outputs, names = _submitted(cluster, api, engine, namespace, documents)
    pods = api.list(namespace, "Pod")
    logs = _logs(api, namespace, pods)
    steps = _argo(cluster, api, namespace, logs, pods) if engine == "argo" else _tekton(api, namespace, logs)
    words = {**names, namespace: "NAMESPACE"}
    plain: Observed = json.loads(_plain(json.dumps({"phase": phase, "outputs": outputs, "steps": steps}), words))
    for several in plain["steps"].values():
        several.sort(key=lambda item: json.dumps(item, sort_keys=True))
    return plain


def differences(before: Observed, after: Observed, varying: Sequence[str] = ()) -> list[str]:
    """How two runs differ, a line each; hits have no logs, and these are not compared.

    Args:
        before: of the original.
        after: of what a pass has made of it.
        varying: texts as `facts` gives them, of logs and outputs that two runs of the original do not share.
    """
    ours, theirs = facts(before), facts(after)
    silent = {name for name, steps in after["steps"].items() if any(step["hit"] for step in steps)}
    names = [name for name in sorted(ours.keys() | theirs.keys()) if name not in varying]
    return [
        f"{name}: {ours.get(name)!r} before, {theirs.get(name)!r} after"
        for name in names
        if ours.get(name) != theirs.get(name) and not (name.startswith("logs of ") and name[8:] in silent)
    ]


def facts(run: Observed) -> dict[str, Any]:
    """What two runs must share, by what it is."""
    # `couler run` tells lists and mappings as JSON.
    told = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)
        for name, value in run["outputs"].items()
    }
    found: dict[str, Any] = {"phase": run["phase"], "outputs": told}
    for name, steps in run["steps"].items():
        found[f"phases of {name}"] = [step["phase"] for step in steps]
        found[f"outputs of {name}"] = sorted(json.dumps(step["outputs"], sort_keys=True) for step in steps)
        found[f"logs of {name}"] = sorted(json.dumps(step["logs"], sort_keys=True) for step in steps)
    return found


def hits(run: Observed) -> int:
    return sum(step["hit"] for steps in run["steps"].values() for step in steps)


def _submitted(
    cluster: Cluster, api: Api, engine: str, namespace: str, documents: Sequence[Mapping[str, Any]]
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The phase, the outputs, and the names that only this run has."""
    names: dict[str, str] = {}
    existing = {(kind, item["metadata"]["name"]) for kind in SIDE for item in api.list(namespace, kind)}
    for document in documents:
        named = document["metadata"].get("name")
        if (document["kind"], named) in existing:
            continue  # an earlier run of the same documents has made it
        made = api.create(namespace, document)
        if document["kind"] in KINDS[engine]:
            names[made["metadata"]["name"]] = document["metadata"].get("generateName") or "RUN-"
    ended: list[dict[str, Any]] = []

    def have_ended() -> bool:
        time.sleep(1)
        found = [item for kind in KINDS[engine] for item in api.list(namespace, kind)]
        ended[:] = [item for item in found if item["metadata"]["name"] in names]
        return all(_phase(item) for item in ended)

    cluster.wait_for(f"{', '.join(names)} in {namespace}", have_ended, LIMIT)
    phases = {_phase(item) for item in ended}
    outputs: dict[str, Any] = {}
    for item in ended:
        status = item["status"]
        outputs |= {entry["name"]: entry.get("value") for entry in status.get("outputs", {}).get("parameters", ())}
        if item["kind"] == "PipelineRun":
            outputs |= {entry["name"]: entry["value"] for entry in status.get("results", ())}
    return (phases.pop() if len(phases) == 1 else "mixed"), outputs, names


def _driven(
    cluster: Cluster, namespace: str, documents: Sequence[Mapping[str, Any]]
) -> tuple[str, dict[str, Any], dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "documents.json")
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}, default=str))
        run = uuid.uuid4().hex[:8]
        options = ("--namespace", namespace, "--run-id", run, "--timeout", f"{LIMIT:g}s", "--format", "json")
        ran = cluster.run("couler", "run", str(file), *options)
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"couler run: {ran.returncode}: {ran.stderr[-3000:]}")
    report = json.loads(ran.stdout)
    # The whole comes after its parts.
    outputs = {item["name"]: item["value"] for item in report["jobs"][-1].get("outputs", ())}
    return ("Succeeded" if ran.returncode == 0 else "Failed"), outputs, {run: "RUN"}


def _phase(item: Mapping[str, Any]) -> str:
    """What it ended in; empty where it still runs."""
    status = item.get("status", {})
    if item["kind"] == "Workflow":
        return status["phase"] if status.get("phase") in ("Succeeded", "Failed", "Error") else ""
    conditions = status.get("conditions") or [{}]
    said = conditions[0].get("status", "")
    return {"True": "Succeeded", "False": "Failed"}.get(said, "")


def _logs(api: Api, namespace: str, pods: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """What each container of each pod has written."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in pod["spec"]["containers"]:
            if container["name"] != "wait":
                text = api.logs(namespace, name, container["name"])
                # Argo writes lines of its own beside those of the command.
                lines = [line for line in text.splitlines() if "argo=true" not in line]
                # What a command writes to its two streams comes in any order.
                found[name][container["name"]] = "\n".join(sorted(lines))
    return found


def _argo(
    cluster: Cluster,
    api: Api,
    namespace: str,
    logs: Mapping[str, Mapping[str, str]],
    pods: Sequence[Mapping[str, Any]],
) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = defaultdict(list)
    of_nodes = {pod["metadata"].get("annotations", {}).get("workflows.argoproj.io/node-id"): pod for pod in pods}
    for workflow in api.list(namespace, "Workflow"):
        nodes = workflow["status"].get("nodes", {})
        # What comes after a step, and its hooks, are children of it as well, beside its attempts.
        attempts = {
            key: [child for child in node.get("children", ()) if child in nodes and _is_attempt(nodes[child], node)]
            for key, node in nodes.items()
            if node["type"] == "Retry"
        }
        tried = {child: nodes[key] for key, children in attempts.items() for child in children}
        last = {children[-1] for children in attempts.values() if children}
        for key, node in nodes.items():
            # Of a step that was tried again, the last time counts; what waits for a part is no step of the original.
            is_part = str(node.get("templateName", "")).startswith("run-part-")
            # A result that was found has no attempts.
            is_step = node["type"] == "Pod" or (node["type"] == "Retry" and not attempts[key])
            if not is_step or is_part or (key in tried and key not in last):
                continue
            pod = of_nodes.get(key)
            written = logs.get(pod["metadata"]["name"], {}) if pod else None
            name = tried.get(key, node)["displayName"]
            hit = node.get("memoizationStatus", {}).get("hit", False)
            if written is not None:
                hit = hit or written.get("main", "").startswith(HIT)
                written = {each: text for each, text in written.items() if _is_main(each, pod)}
            # The root of a workflow is called after it.
            name = "RUN" if name == workflow["metadata"]["name"] else name
            outputs = _outputs(cluster, node.get("outputs", {}))
            found[name].append({"phase": node["phase"], "outputs": outputs, "logs": written, "hit": hit})
    return found


def _is_attempt(node: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    return re.fullmatch(re.escape(step["displayName"]) + r"\(\d+\)", node["displayName"]) is not None


def _is_main(container: str, pod: Mapping[str, Any] | None) -> bool:
    """Whether it is no sidecar; a set of containers has none of this name."""
    assert pod is not None
    names = {item["name"] for item in pod["spec"]["containers"]}
    return container == "main" if "main" in names else container in names


def _outputs(cluster: Cluster, outputs: Mapping[str, Any]) -> dict[str, Any]:
    found = {item["name"]: item.get("value") for item in outputs.get("parameters", ())}
    if "exitCode" in outputs:
        found["exit code"] = outputs["exitCode"]
    for item in outputs.get("artifacts", ()):
        if item["name"] != "main-logs" and "s3" in item:
            found[f"artifact {item['name']}"] = _content(cluster, item["s3"]["key"])
    return found


def _content(cluster: Cluster, key: str) -> str:
    """The files of an artifact; packed ones by name and content, as when they were packed tells nothing."""
    signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{S3_KEY}:{S3_SECRET}")
    command = ("curl", "--silent", "--fail-with-body", *signed, f"{S3}/artifacts/{key}")
    got = subprocess.run(cluster.inside(*command), capture_output=True, check=False)
    if got.returncode:
        if b"NoSuchKey" in got.stdout:
            return "gone"  # as its owner has wanted it
        raise RuntimeError(f"the S3 does not give {key}: {got.stdout!r}")
    try:
        with tarfile.open(fileobj=io.BytesIO(got.stdout)) as tar:
            return "\n".join(sorted(_members(tar)))
    except tarfile.TarError:
        return got.stdout.decode(errors="backslashreplace")


def _members(tar: tarfile.TarFile) -> Iterator[str]:
    for member in tar:
        file = tar.extractfile(member)
        # A file packed by itself is called after what holds it, which may be moved.
        name = member.name if "/" in member.name else "."
        yield f"{name}: {file.read().decode(errors='backslashreplace') if file else member.linkname}"


def _tekton(api: Api, namespace: str, logs: Mapping[str, Mapping[str, str]]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = defaultdict(list)
    for run in api.list(namespace, "TaskRun"):
        status, metadata = run.get("status", {}), run["metadata"]
        of_pipeline = metadata.get("labels", {}).get("tekton.dev/pipelineTask")
        name = of_pipeline or metadata.get("generateName") or metadata["name"]
        steps = status.get("steps", ())
        written = {
            container.removeprefix("step-"): text
            for container, text in logs.get(status.get("podName", ""), {}).items()
            if container.startswith("step-") and not OURS.search(container)
        }
        said = [item for step in steps if step["name"] == "couler-restore" for item in step.get("results", ())]
        hit = any((item["name"], item["value"]) == ("hit", "true") for item in said)
        outputs = {item["name"]: item["value"] for item in status.get("results", ())}
        found[name].append({"phase": _phase(run), "outputs": outputs, "logs": written, "hit": hit})
    return found


def _plain(text: str, names: Mapping[str, str]) -> str:
    """The text with what differs from run to run replaced: names of the run."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text
