"""Examples of Argo and Tekton that run on our cluster: their images replaced, and why others are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from support import CORPUS, SHARED

__all__ = ["IMAGES", "SIDE", "examples", "left_out", "localized", "own_examples"]

Document = dict[str, Any]

BUSYBOX, DEBIAN = "busybox:1", "debian:12"
IMAGES = {
    r"(.*/)?busybox": BUSYBOX,
    r"(.*/)?(alpine|bash|ubuntu|debian|python|perl)": DEBIAN,
    r"argoproj/argosay": DEBIAN,
    r"docker/whalesay": BUSYBOX,
}
"""What stands in for an image, whatever its tag or digest."""
ARGOSAY = """
[ "${1##*/}" != argosay ] || shift
case "${1:-echo}" in
echo) if [ -n "$3" ]; then mkdir -p "$(dirname "$3")"; echo "$2" > "$3"; else echo "${2:-hello argo}"; fi ;;
cat) shift; cat "$@" ;;
sleep) sleep "${2%s}" ;;
exit) exit "${2:-0}" ;;
*) exec "$@" ;;
esac
"""
ENTRYPOINTS = {
    "argoproj/argosay": ["bash", "-c", ARGOSAY, "argosay"],
    "mirror.gcr.io/bash": ["bash"],
}
"""The programs of images that manifests do not name; the first does what argosay's source does."""
PROGRAMS = {"cowsay": "echo", "/argosay": "argosay"}

WITH = {
    "workflow-template/dag.yaml": ["workflow-template/templates.yaml"],
    "workflow-template/hello-world.yaml": ["workflow-template/templates.yaml"],
    "workflow-template/retry-with-steps.yaml": ["workflow-template/templates.yaml"],
    "workflow-template/steps.yaml": ["workflow-template/templates.yaml"],
    "workflow-template/workflow-template-ref.yaml": ["workflow-template/templates.yaml"],
    "workflow-template/workflow-template-ref-with-entrypoint-arg-passing.yaml": ["workflow-template/templates.yaml"],
    "arguments-parameters-from-configmap.yaml": ["configmaps/simple-parameters-configmap.yaml"],
    "global-parameters-from-configmap.yaml": ["configmaps/simple-parameters-configmap.yaml"],
    "global-parameters-from-configmap-referenced-as-local-variable.yaml": [
        "configmaps/simple-parameters-configmap.yaml"
    ],
}
"""Files that an example needs beside it."""
LEFT_OUT: dict[str, dict[str, str]] = {
    "argo": {
        "artifact-gc-workflow.yaml": "needs a service account",
        "artifact-repository-ref.yaml": "needs an object beside it",
        "forever.yaml": "never ends",
    },
    "tekton": {
        "own/artifacts.yaml": "needs alpha fields of Tekton",
        "own/nested-pipelines.yaml": "needs alpha fields of Tekton",
        "own/several-runs.yaml": "waits for a person",
        "pipelineruns/no-ci/compressed-results-pipeline.yaml": "needs alpha fields of Tekton",
        "taskruns/beta/large-task-result.yaml": "needs alpha fields of Tekton",
        "taskruns/run-steps-as-non-root.yaml": "its image has no local one that stands in",
        "taskruns/task-result.yaml": "differs from run to run by its own choice",
    },
}
"""Examples that no rule below finds, and why they are left out."""
RUNS = {"argo": {"Workflow"}, "tekton": {"PipelineRun", "TaskRun"}}
SIDE = {"ConfigMap", "Secret", "WorkflowTemplate", "Task", "Pipeline", "StepAction"}
"""Kinds that are applied before the runs."""
FIELDS = {
    "suspend": "waits for a person",
    "resource": "makes other objects of the cluster",
    "http": "needs the network",
    "plugin": "needs a plugin",
    "data": "lists a bucket of its owner",
    "git": "needs the network",
    "persistentVolumeClaim": "needs a volume claim",
    "volumeClaimTemplate": "needs a volume claim",
    "volumeClaimTemplates": "needs a volume claim",
    "clusterScope": "calls a template of the whole cluster",
    "nodeSelector": "needs another node",
    "imagePullSecrets": "needs a registry",
    "resolver": "needs the network",
    "bundle": "needs the network",
    "synchronization": "needs an object beside it",
    "daemon": "runs a server",
    "oss": "needs the network",
    "gcs": "needs the network",
    "azure": "needs the network",
    "hdfs": "needs the network",
    "artifactory": "needs the network",
    "resourceClaims": "needs another node",
}
"""Fields that our cluster has nothing for."""
WORDS = {
    r"\brandom\b|RANDOM": "differs from run to run by its own choice",
    r"apk add|apt-get|pip install|https?://(?!json)|\bcurl\b": "needs the network",
    r"\bkubectl\b": "makes other objects of the cluster",
}


def examples(engine: str) -> dict[str, Path]:
    """The shared examples of an engine by name; none where the shared folder is absent."""
    root = SHARED / "corpus" / engine
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*.yaml"))}


def own_examples(engine: str) -> dict[str, Path]:
    """Those of our own corpus."""
    return {f"own/{path.name}": path for path in sorted((CORPUS / engine).glob("*.yaml"))}


def localized(engine: str, name: str, path: Path) -> list[Document]:
    """The documents of an example as our cluster can run them, side documents first.

    Args:
        engine: `argo` or `tekton`.
        name: of the example.
        path: its file.
    """
    files = [*(path.parents[name.count("/")] / other for other in WITH.get(name, ())), path]
    found = [item for file in files for item in yaml.load_all(file.read_text(), yaml.CSafeLoader) if item]
    documents = [_localized(item) for document in found for item in _items(document)]
    for document in documents:
        document.setdefault("metadata", {}).pop("namespace", None)
    return sorted(documents, key=lambda item: item.get("kind") in RUNS[engine])


def left_out(engine: str, name: str, path: Path) -> str:
    """Why an example is not run; empty where it is."""
    if reason := LEFT_OUT[engine].get(name):
        return reason
    try:
        documents = localized(engine, name, path)
    except (yaml.YAMLError, AttributeError):
        return "is a template of a text"
    kinds = {str(item.get("kind")) for item in documents}
    if not kinds & RUNS[engine]:
        return "holds no run"
    if engine == "tekton" and "/alpha/" in name:
        return "needs alpha fields of Tekton"
    if others := kinds - RUNS[engine] - SIDE:
        return f"holds a {min(others)}"
    for document in documents:
        for key, value in _fields(document if document["kind"] not in ("ConfigMap", "Secret") else {}):
            if key in FIELDS and value is not None:
                return FIELDS[key]
            if key == "s3" and "accessKeySecret" in value:
                return "needs the network"
            if key in {"image", "serviceAccountName"} and (reason := _missing(key, value)):
                return reason
    if any(_names_no_command(item["spec"]) for item in documents if item["kind"] not in ("ConfigMap", "Secret")):
        return "runs the command of its image"
    text = json.dumps(documents, default=str)
    return next((reason for pattern, reason in WORDS.items() if re.search(pattern, text)), "")


def _missing(key: str, value: Any) -> str:
    if key == "serviceAccountName":
        return "" if value == "default" else "needs a service account"
    known = {*IMAGES.values()}
    return "" if value in known else "its image has no local one that stands in"


def _items(document: Document) -> Sequence[Document]:
    items: Sequence[Document] = document["items"] if document.get("kind") == "List" else [document]
    return items


def _localized(value: Any) -> Any:
    if isinstance(value, list):
        return [_localized(item) for item in value]
    if not isinstance(value, dict):
        return PROGRAMS.get(value, value) if isinstance(value, str) else value
    changed = {key: _localized(item) for key, item in value.items()}
    if isinstance(image := value.get("image"), str):
        bare = re.sub(r"(@sha256:.*|:[\w.-]+(@.*)?)$", "", image)
        local = next((new for old, new in IMAGES.items() if re.fullmatch(old, bare)), image)
        changed["image"] = local
        if bare in ENTRYPOINTS and not value.keys() & {"source", "script"}:
            command = changed.get("command")
            if command is None or command == ["argosay"]:
                changed["command"] = ENTRYPOINTS[bare]
    return changed


def _names_no_command(value: Any) -> bool:
    """Whether a container anywhere in it runs what its image says, for which engines ask a registry."""
    if isinstance(value, list):
        return any(map(_names_no_command, value))
    if not isinstance(value, dict):
        return False
    bare = "image" in value and not value.keys() & {"command", "script", "source", "ref"}
    return bare or any(map(_names_no_command, value.values()))


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _fields(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key), item
            yield from _fields(item)
