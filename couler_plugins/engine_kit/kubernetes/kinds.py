"""How the API server calls the kinds of documents that are put into a cluster beside those of its engines."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CORE", "SIDE", "Kind"]


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


RBAC, CORE = ("rbac.authorization.k8s.io", "v1"), ("", "v1")
SIDE = {
    "ServiceAccount": Kind(CORE, "serviceaccounts", "service_account"),
    "Secret": Kind(CORE, "secrets", "secret", secret=True),
    "ConfigMap": Kind(CORE, "configmaps", "config_map"),
    "PersistentVolumeClaim": Kind(CORE, "persistentvolumeclaims", "persistent_volume_claim"),
    "Role": Kind(RBAC, "roles"),
    "RoleBinding": Kind(RBAC, "rolebindings"),
}
"""What workflows of any engine need, in the order in which it is put in place: what others refer to comes first."""
