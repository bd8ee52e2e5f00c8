"""What the service account of a parent has to be allowed, so that it can run its parts."""

from __future__ import annotations

from typing import Any

from couler_argo.split.part_spec import account_of
from couler_plugins.ir import Workflow

__all__ = ["permissions"]

RULES = [
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "patch"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflows/finalizers"], "verbs": ["update"]},
]
"""`kubectl apply` of a workflow, and reading its status; see Argo's docs/workflow-rbac.md for what every pod needs.

The second is what clusters ask for that check owner references (the admission plugin
OwnerReferencesPermissionEnforcement, as on OpenShift): a part says that it holds up the deletion of its parent.
"""
API = "rbac.authorization.k8s.io"


def permissions(workflow: Workflow) -> tuple[dict[str, Any], ...]:
    """A Role and its binding to the workflow's service account, in the workflow's namespace."""
    name = f"{workflow.name or workflow.prefix.rstrip('-.')}-parts"
    namespace = {"namespace": workflow.namespace} if workflow.namespace else {}
    metadata = {"name": name, **namespace}
    role = {"apiVersion": f"{API}/v1", "kind": "Role", "metadata": metadata, "rules": RULES}
    binding = {
        "apiVersion": f"{API}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": API, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account_of(workflow), **namespace}],
    }
    return role, binding
