"""The API server without a process for each question: `kubectl proxy` at a socket, and a client for HTTP."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cluster.cluster import Cluster

__all__ = ["Api", "api_of"]

GROUPS = {
    "Namespace": ("api/v1", "namespaces"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Pod": ("api/v1", "pods"),
    "Workflow": ("apis/argoproj.io/v1alpha1", "workflows"),
    "WorkflowTemplate": ("apis/argoproj.io/v1alpha1", "workflowtemplates"),
    "Pipeline": ("apis/tekton.dev/v1", "pipelines"),
    "PipelineRun": ("apis/tekton.dev/v1", "pipelineruns"),
    "Task": ("apis/tekton.dev/v1", "tasks"),
    "TaskRun": ("apis/tekton.dev/v1", "taskruns"),
    "StepAction": ("apis/tekton.dev/v1beta1", "stepactions"),
}
"""Where objects of a kind are, in the version that is stored; a document says its own."""


class Api:
    """The API server, asked in the name of an administrator."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def create(self, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object, and return it as the cluster has it.

        Raises:
            RuntimeError: the cluster refuses it.
        """
        group, plural = GROUPS[document["kind"]]
        version = document["apiVersion"]
        group = f"apis/{version}" if "/" in version else group
        where = plural if plural == "namespaces" else f"namespaces/{namespace}/{plural}"
        return self._answered("POST", f"/{group}/{where}", json=document)

    def list(self, namespace: str, kind: str) -> list[dict[str, Any]]:
        group, plural = GROUPS[kind]
        items = self._answered("GET", f"/{group}/namespaces/{namespace}/{plural}")["items"]
        return [{"kind": kind, **item} for item in items]

    def clear(self, namespace: str, kind: str) -> None:
        group, plural = GROUPS[kind]
        self._answered("DELETE", f"/{group}/namespaces/{namespace}/{plural}")

    def remove_namespace(self, name: str) -> None:
        self._answered("DELETE", f"/api/v1/namespaces/{name}")

    def logs(self, namespace: str, pod: str, container: str) -> str:
        """What a container has written; empty where it never started."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        answer = self._client.get(path, params={"container": container})
        return answer.text if answer.is_success else ""

    def _answered(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._client.request(method, path, **options)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def api_of(cluster: Cluster) -> Iterator[Api]:
    """The API server of a cluster, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder, "api")
        command = cluster.inside("kubectl", "proxy", f"--unix-socket={socket}")
        proxy = subprocess.Popen(command, env=cluster.environment(), stdout=subprocess.DEVNULL)
        try:
            cluster.wait_for("kubectl proxy", socket.exists)
            with httpx.Client(
                transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://localhost", timeout=120
            ) as client:
                yield Api(client)
        finally:
            proxy.terminate()
            proxy.wait()
