"""The kinds of documents that `couler run` submits to a cluster of Argo, and how the API server calls them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KINDS", "WORKFLOW", "Kind"]


class Kind(NamedTuple):
    """One kind of object.

    Attributes:
        group: the API group (empty for the core) and its version.
        plural: what its place is called in the API.
        singular: what the Python client calls it.
        cluster: whether its objects belong to no namespace.
        secret: whether nothing of its content may be told.
    """

    group: tuple[str, str]
    plural: str
    singular: str = ""
    cluster: bool = False
    secret: bool = False

    @property
    def api_version(self) -> str:
        """Its `apiVersion`."""
        return "/".join(filter(None, self.group))


ARGO, RBAC, CORE = ("argoproj.io", "v1alpha1"), ("rbac.authorization.k8s.io", "v1"), ("", "v1")
WORKFLOW = Kind(ARGO, "workflows")
KINDS = {
    "ServiceAccount": Kind(CORE, "serviceaccounts", "service_account"),
    "Secret": Kind(CORE, "secrets", "secret", secret=True),
    "ConfigMap": Kind(CORE, "configmaps", "config_map"),
    "PersistentVolumeClaim": Kind(CORE, "persistentvolumeclaims", "persistent_volume_claim"),
    "Role": Kind(RBAC, "roles"),
    "RoleBinding": Kind(RBAC, "rolebindings"),
    "ClusterWorkflowTemplate": Kind(ARGO, "clusterworkflowtemplates", cluster=True),
    "WorkflowTemplate": Kind(ARGO, "workflowtemplates"),
    "CronWorkflow": Kind(ARGO, "cronworkflows"),
    "Workflow": WORKFLOW,
}
"""In the order in which they are submitted: what others refer to comes first."""
