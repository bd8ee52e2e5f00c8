"""The API server, asked by HTTP through `kubectl proxy` at a socket.

A process of `kubectl` for each question takes a third of a second of CPU, and tests ask all the time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Api"]

TOO_MANY = 429
GROUPS = {
    "Namespace": ("api/v1", "namespaces"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "Role": ("apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "Pod": ("api/v1", "pods"),
    "Workflow": ("apis/argoproj.io/v1alpha1", "workflows"),
    "WorkflowTemplate": ("apis/argoproj.io/v1alpha1", "workflowtemplates"),
    "Pipeline": ("apis/tekton.dev/v1", "pipelines"),
    "PipelineRun": ("apis/tekton.dev/v1", "pipelineruns"),
    "Task": ("apis/tekton.dev/v1", "tasks"),
    "TaskRun": ("apis/tekton.dev/v1", "taskruns"),
    "Workload": ("apis/kueue.x-k8s.io/v1beta2", "workloads"),
    "StepAction": ("apis/tekton.dev/v1beta1", "stepactions"),
}
"""Where objects of a kind are, in the version that is stored; a document says its own."""


class Api:
    """The API server, asked in the name of an administrator.

    Args:
        socket: where `kubectl proxy` listens.
    """

    def __init__(self, socket: Path) -> None:
        transport = httpx.HTTPTransport(uds=str(socket))
        self._client = httpx.Client(transport=transport, base_url="http://localhost", timeout=120)

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

    def get(self, namespace: str, kind: str, name: str) -> dict[str, Any]:
        group, plural = GROUPS[kind]
        return self._answered("GET", f"/{group}/namespaces/{namespace}/{plural}/{name}")

    def list(self, namespace: str, kind: str, **selectors: str) -> list[dict[str, Any]]:
        """The objects of a kind, with the kind in each; `fieldSelector` and `labelSelector` choose among them."""
        group, plural = GROUPS[kind]
        items = self._answered("GET", f"/{group}/namespaces/{namespace}/{plural}", params=selectors)["items"]
        return [{"kind": kind, **item} for item in items]

    def set_status(self, namespace: str, kind: str, name: str, status: Mapping[str, Any]) -> None:
        """Say what became of an object that no program of the cluster looks after."""
        group, plural = GROUPS[kind]
        path = f"/{group}/namespaces/{namespace}/{plural}/{name}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        self._answered("PATCH", path, content=json.dumps({"status": status}), headers=headers)

    def clear(self, namespace: str, kind: str) -> None:
        group, plural = GROUPS[kind]
        self._answered("DELETE", f"/{group}/namespaces/{namespace}/{plural}")

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account; Debian's `kubectl` is too old to ask for one."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token: str = self._answered("POST", path, json=request)["status"]["token"]
        return token

    def close(self) -> None:
        self._client.close()

    def remove_namespace(self, name: str) -> None:
        self._answered("DELETE", f"/api/v1/namespaces/{name}")

    def logs(self, namespace: str, pod: str, container: str) -> str:
        """What a container has written; empty where it never started."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        answer = self._client.get(path, params={"container": container})
        return answer.text if answer.is_success else ""

    def _answered(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        # A server that has just started is ready before each of its kinds is, and says how long to wait.
        while (answer := self._client.request(method, path, **options)).status_code == TOO_MANY:
            time.sleep(int(answer.headers.get("Retry-After", 1)))
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
