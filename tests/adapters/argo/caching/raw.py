"""Raw documents of Argo: their steps, and what speaks against a template wherever it is called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["GRAPHS", "OUTPUTS", "RUN", "against_template", "before", "hooks_of", "is_ours", "steps_of", "unversioned"]

KINDS = frozenset({"container", "script", "containerSet"})
GRAPHS = frozenset({"dag", "steps"})
PLACES = frozenset({"s3", "gcs", "http", "git", "hdfs", "oss", "azure", "artifactory", "plugin"})
CLOCK = re.compile(r"\b(date|datetime|time\.time|now|clock|timestamp)\b")
CHANCE = re.compile(r"\b(random|RANDOM|urandom|randint|uuid|uuidgen|shuf|mktemp)\b")
NETWORK = re.compile(
    r'\b(curl|wget|git|apk|apt-get|apt|pip|npm|kubectl|argo|aws|gsutil|docker|requests(?!":))\b|https?://'
)
"""The library `requests` of Python is meant, not the field of a container."""
RUN = re.compile(
    r"\{\{=?[^}]*\b(workflow\.(?!parameters|namespace|serviceAccountName|outputs)|pod\.name|node\.name|retries|lastRetry|now\()"
)
OUTPUTS = re.compile(r"\{\{=?[^}]*\bworkflow\.outputs\b")
CONFIGURED = re.compile(r'"(\w*KeyRef|fieldRef|resourceFieldRef|configMapRef|secretRef|\w*Secret)"')
OWN = frozenset({"name", "metadata", "metrics", "synchronization", "retryStrategy", "outputs", "volumes"})


def is_ours(template: dict[str, Any]) -> bool:
    """Whether we memoize it."""
    return str(template.get("memoize", {}).get("cache", {}).get("configMap", {}).get("name")).startswith("couler-cache")


def steps_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps or tasks of a graph."""
    tasks = list((template.get("dag") or {}).get("tasks") or ())
    return [*tasks, *(step for group in template.get("steps") or () for step in group)]


def hooks_of(holder: dict[str, Any]) -> list[dict[str, Any]]:
    """What runs on events of a step or a workflow."""
    return [*(holder.get("hooks") or {}).values(), *([{"template": holder["onExit"]}] if "onExit" in holder else ())]


def before(graph: dict[str, Any], step: dict[str, Any]) -> list[str]:
    """The steps that a step waits for."""
    stages = [[step["name"] for step in group] for group in graph.get("steps") or ()]
    earlier: list[str] = []
    for stage in stages:
        if step["name"] in stage:
            return earlier
        earlier = stage or earlier
    names = {other["name"] for other in steps_of(graph)}
    words = re.findall(r"[A-Za-z0-9][\w-]*", str(step.get("depends", "")))
    return [name for name in dict.fromkeys([*words, *(step.get("dependencies") or ())]) if name in names]


def unversioned(artifact: dict[str, Any]) -> bool:
    """Whether an artifact comes from a place that may change."""
    pinned = re.fullmatch(r"[0-9a-f]{40}", str((artifact.get("git") or {}).get("revision")))
    return bool(PLACES & artifact.keys()) and not pinned


def against_template(spec: dict[str, Any], template: dict[str, Any]) -> Iterator[str]:
    """The rules that speak against a template wherever it is called."""
    if not KINDS & template.keys():
        yield "kind"
    if template.get("daemon"):
        yield "daemon"
    if "memoize" in template and not is_ours(template):
        yield "owner"
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    body = json.dumps({key: content for key, content in template.items() if key not in OWN | {"memoize", "inputs"}})
    for pattern, rule in ((CLOCK, "clock"), (CHANCE, "chance"), (NETWORK, "network"), (CONFIGURED, "configured")):
        if pattern.search(body):
            yield rule
    if CONFIGURED.search(json.dumps([inputs, outputs])):
        yield "configured"
    whole = json.dumps([body, inputs, outputs])
    for pattern, rule in ((RUN, "run"), (OUTPUTS, "global input")):
        if pattern.search(whole):
            yield rule
    versions = template.get("metadata", {}).get("annotations", {})
    if not any(inputs.values()) and "workflow.parameters" not in body and "couler.io/cache-version" not in versions:
        yield "no inputs"
    ports = [*(outputs.get("parameters") or ()), *(outputs.get("artifacts") or ())]
    if any("globalName" in port for port in ports):
        yield "global output"
    if any(PLACES & port.keys() for port in outputs.get("artifacts") or ()):
        yield "own place"
    for artifact in inputs.get("artifacts") or ():
        if artifact.get("optional"):
            yield "optional"
        if unversioned(artifact):
            yield "unversioned"
    declared = {item["name"]: item for key in ("volumeClaimTemplates", "volumes") for item in named(spec.get(key))}
    declared |= {item["name"]: item for item in named(template.get("volumes"))}
    mounts = re.findall(r'"volumeMounts": (\[.*?\])', json.dumps(template))
    for mount in (mount for text in mounts for mount in json.loads(text)):
        if "emptyDir" not in declared.get(mount["name"], {}):
            yield "volume"


def named(items: Any) -> list[dict[str, Any]]:
    return [{"name": (item.get("metadata") or item)["name"], **item} for item in items or ()]
