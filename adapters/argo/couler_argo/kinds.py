"""Argo's kinds, as documents name them."""

from couler_plugins.hookspecs import ApiGroup

VERSIONS = ("v1alpha1",)

GROUP = ApiGroup(
    name="argoproj.io",
    kinds=dict.fromkeys(("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"), VERSIONS),
    others=(
        *("WorkflowArtifactGCTask", "WorkflowEventBinding", "WorkflowTaskResult", "WorkflowTaskSet"),
        *(
            "AppProject",
            "Application",
            "ApplicationSet",
            "ArgoCD",
            "ArgoCDExport",
            "ImageUpdater",
            "NotificationsConfiguration",
        ),
        *("AnalysisRun", "AnalysisTemplate", "ClusterAnalysisTemplate", "Experiment", "Rollout", "RolloutManager"),
        *("EventBus", "EventSource", "Gateway", "NotificationsConfiguration", "Sensor"),
    ),
)
"""Of Argo Workflows; the others are those that only its controller makes, and those of Argo CD, Rollouts and Events."""
