"""A cluster for the tests of eviction: workflows and memo entries as Argo writes them, and what its controller does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from adapters.argo.evict.apiserver import TOKEN, ApiServer, Refused

__all__ = [
    "KEPT",
    "NAMESPACE",
    "Controller",
    "artifact",
    "config_map",
    "entry",
    "kubeconfig",
    "node",
    "stamp",
    "workflow",
]

Object = dict[str, Any]
NAMESPACE = "ml"
KEPT = {"strategy": "Never", "podMetadata": {"annotations": {"couler.io/cache": "kept"}}}
LABEL = {"workflows.argoproj.io/configmap-type": "Cache"}


def stamp(seconds: float) -> str:
    """A time as Kubernetes writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def artifact(key: str, *, ours: bool = True, bucket: str = "", name: str = "data") -> Object:
    """An output artifact in a bucket, the repository's own one unless it is named."""
    place = {"key": key, **({"bucket": bucket} if bucket else {})}
    return {"name": name, "path": f"/tmp/{name}", "s3": place, **({"artifactGC": KEPT} if ours else {})}


def entry(
    node: str, artifacts: Sequence[Object] = (), *, created: float = 1000.0, used: float = 0.0, pad: int = 0
) -> str:
    """A memo entry; `pad` bytes are in a parameter."""
    outputs: Object = {"artifacts": list(artifacts), "exitCode": "0"}
    if pad:
        outputs["parameters"] = [{"name": "pad", "value": "x" * pad}]
    memo = {
        "nodeID": node,
        "outputs": outputs,
        "creationTimestamp": stamp(created),
        "lastHitTimestamp": stamp(used or created),
    }
    return json.dumps(memo, separators=(",", ":"))


def config_map(name: str, data: Mapping[str, str], namespace: str = NAMESPACE) -> Object:
    """A ConfigMap that Argo keeps results in."""
    metadata = {"name": name, "namespace": namespace, "labels": LABEL}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def node(
    ident: str,
    template: str,
    *,
    kind: str = "Pod",
    phase: str = "Succeeded",
    boundary: str = "",
    children: Sequence[str] = (),
    memo: str = "",
    hit: bool = False,
    at: float = 1000.0,
    seconds: float = 10.0,
    outputs: Object | None = None,
    name: str = "",
) -> Object:
    """A node of a workflow's status; it ended at `at` unless it runs still."""
    made: Object = {
        "id": ident,
        "name": ident,
        "displayName": name or template,
        "type": kind,
        "templateName": template,
        "phase": phase,
        "startedAt": stamp(at - seconds),
        "finishedAt": None if phase in ("Running", "Pending") else stamp(at),
        "children": list(children),
    }
    if boundary:
        made["boundaryID"] = boundary
    if memo:
        made["memoizationStatus"] = {"hit": hit, "key": memo, "cacheName": "couler-cache-train-00"}
    if outputs:
        made["outputs"] = outputs
    return made


def workflow(
    name: str, spec: Object, nodes: Sequence[Object] = (), *, phase: str = "Running", at: float = 1000.0, **status: Any
) -> Object:
    """A Workflow; labelled as the controller labels those that have ended."""
    ended = phase in ("Succeeded", "Failed", "Error")
    labels = {"workflows.argoproj.io/phase": phase, **({"workflows.argoproj.io/completed": "true"} if ended else {})}
    metadata = {"name": name, "namespace": NAMESPACE, "generateName": name.rpartition("-")[0] + "-", "labels": labels}
    told: Object = {"phase": phase, "startedAt": stamp(at), "nodes": {item["id"]: item for item in nodes}, **status}
    if ended:
        told["finishedAt"] = stamp(at)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": spec,
        "status": told,
    }


@contextmanager
def kubeconfig(server: ApiServer, folder: Path, namespace: str = NAMESPACE) -> Iterator[Path]:
    """A kubeconfig for a server."""
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": server.url}}],
                "users": [{"name": "test", "user": {"token": TOKEN}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            }
        )
    )
    yield path


class Controller:
    """Does to ConfigMaps what Argo's controller does: reads one, changes one entry, and writes it all back.

    Written after `workflow/controller/cache/configmap_cache.go`: the write names the version that was read. Where
    somebody else has written in between it fails, as it does in Argo 3; Argo 4 would try again.
    """

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.failed = 0
        self.saved: dict[str, str] = {}

    def save(self, name: str, key: str, text: str) -> None:
        """Saves a result."""
        found = self._server.get("configmaps", NAMESPACE, name)
        found["metadata"]["labels"] = LABEL
        found.setdefault("data", {})[key] = text
        self._write(found)
        self.saved[key] = text

    def hit(self, name: str, key: str, now: float) -> bool:
        """Looks a result up; whether it was there."""
        found = self._server.get("configmaps", NAMESPACE, name)
        text = (found.get("data") or {}).get(key)
        if text is None:
            return False
        found["data"][key] = json.dumps({**json.loads(text), "lastHitTimestamp": stamp(now)}, separators=(",", ":"))
        self._write(found)
        return True

    def _write(self, found: Object) -> None:
        try:
            self._server.update("configmaps", found)
        except Refused:
            self.failed += 1
            raise
