"""A cluster for the tests of running: what Argo's controller does to workflows, and documents to submit."""

from __future__ import annotations

from typing import Any

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE

__all__ = ["PLACE", "Controller", "bundle", "part_of", "stored"]

Object = dict[str, Any]
PLACE = f"{NAMESPACE}/big"
CONDITION = {"Stop": "Stopped with strategy 'Stop'", "Terminate": "Stopped with strategy 'Terminate'"}


def bundle(name: str = "big", **metadata: Any) -> list[Object]:
    """What `split` makes of a workflow, without the steps: two parts, permissions and a parent."""
    template = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate"}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": f"{name}-parts"}}
    rules = [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "patch"]}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{name}-parts"}
    parent = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, **metadata},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "date", "value": "today"}, {"name": "couler-run", "value": ""}]},
            "templates": [{"name": "main", "dag": {"tasks": []}}],
        },
    }
    return [
        parent,
        *({**template, "metadata": {"name": f"{name}-part-{number}"}, "spec": {"templates": []}} for number in (1, 2)),
        {**role, "kind": "Role", "rules": rules},
        {**role, "kind": "RoleBinding", "roleRef": reference, "subjects": [{"kind": "ServiceAccount", "name": "a"}]},
    ]


def stored(server: ApiServer, plural: str) -> dict[str, Object]:
    """The objects of a kind that a server holds, by name."""
    return {name: thing for (kind, _, name), thing in server.objects.items() if kind == plural}


def part_of(server: ApiServer, parent: str, number: int, *, run: str = "", phase: str = "Running") -> str:
    """Puts the workflow of a part into the cluster, as the parent's resource template does; gives its name."""
    owner = server.get("workflows", NAMESPACE, parent)
    label = run or owner["metadata"]["uid"]
    name = f"part-{number}-0123456789ab-{label}"
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"couler.io/run": label}}
    spec = {"workflowTemplateRef": {"name": f"{parent}-part-{number}"}}
    server.put("workflows", {"kind": "Workflow", "metadata": metadata, "spec": spec, "status": {"phase": phase}})
    return name


class Controller:
    """Lets each workflow get on a little whenever somebody looks at it, before that one is answered.

    Attributes:
        phases: the phases of a workflow, the last one to stay.
        message: what the last one says.
        outputs: what a workflow that succeeds hands out.
    """

    def __init__(self, server: ApiServer, *phases: str, message: str = "") -> None:
        self.phases = phases or ("", "Running", "Running", "Succeeded")
        self.message = message
        self.outputs: Object = {
            "parameters": [{"name": "score", "value": "0.93"}],
            "artifacts": [{"name": "model", "s3": {"key": "big/model.tgz"}}],
        }
        self._server = server
        self._looks: dict[str, int] = {}
        server.before = self.before

    def before(self, request: Request) -> None:
        """Moves the workflow that is asked for."""
        if (request.verb, request.plural) == ("get", "workflows"):
            self.move(request.namespace, request.name)

    def move(self, namespace: str, name: str) -> None:
        """Moves a workflow one phase on; one that is told to stop ends."""
        if ("workflows", namespace, name) not in self._server.objects:
            return
        workflow = self._server.get("workflows", namespace, name)
        look = self._looks[name] = self._looks.get(name, -1) + 1
        phase = self.phases[min(look, len(self.phases) - 1)]
        status: Object = {"phase": phase, "nodes": _nodes(name, look)} if phase else {}
        if phase == self.phases[-1]:
            status |= {"message": self.message, **({"outputs": self.outputs} if phase == "Succeeded" else {})}
        if (how := workflow["spec"].get("shutdown")) and phase not in ("Succeeded", "Failed", "Error"):
            status = {"phase": "Failed", "message": CONDITION[how]}
        self._server.put("workflows", {**workflow, "status": status})


def _nodes(name: str, look: int) -> Object:
    phases = ("Succeeded", "Running") if look < 3 else ("Succeeded", "Succeeded")
    root = {"id": name, "displayName": name, "type": "DAG", "phase": "Running", "children": []}
    parts = {
        f"{name}-{number}": {
            "id": f"{name}-{number}",
            "displayName": f"part-{number}",
            "type": "Pod",
            "phase": phase,
            "boundaryID": name,
        }
        for number, phase in enumerate(phases, 1)
    }
    return {name: root, **parts}
