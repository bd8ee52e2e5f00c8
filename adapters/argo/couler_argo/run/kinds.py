"""The kinds of documents that `couler run` submits to a cluster of Argo."""

from __future__ import annotations

from couler_plugins.engine_kit.kubernetes.kinds import SIDE, Kind

__all__ = ["HINTS", "KINDS", "WORKFLOW"]

ARGO = ("argoproj.io", "v1alpha1")
WORKFLOW = Kind(ARGO, "workflows")
KINDS = {
    **SIDE,
    "ClusterWorkflowTemplate": Kind(ARGO, "clusterworkflowtemplates", cluster=True),
    "WorkflowTemplate": Kind(ARGO, "workflowtemplates"),
    "CronWorkflow": Kind(ARGO, "cronworkflows"),
    "Workflow": WORKFLOW,
}
"""In the order in which they are submitted: what others refer to comes first."""
HINTS = {404: "is Argo Workflows installed there, and does the namespace exist?"}
"""What to do where the cluster refuses something, by HTTP status."""
