"""What a PipelineRun says beside its pipeline: labels, pods, how long it may take.

Sources: `docs/pipelineruns.md` (a run without a timeout ends after an hour), `docs/podtemplates.md`.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.ir import Native, Workflow, references
from couler_plugins.plan import Decision
from couler_tekton.generating.refusing import refuse
from couler_tekton.structures import write_structure

__all__ = ["run_of"]

POD_FIELDS = frozenset(
    {
        "affinity",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "hostAliases",
        "hostNetwork",
        "imagePullSecrets",
        "nodeSelector",
        "priorityClassName",
        "schedulerName",
        "securityContext",
        "tolerations",
    }
)
HOUSEKEEPING = (
    "archiveLogs",
    "artifactGC",
    "failedJobsHistoryLimit",
    "podGC",
    "successfulJobsHistoryLimit",
    "ttlStrategy",
    "workflowMetadata",
)
"""Fields that say nothing of what is run."""
FOREVER = "0s"


def run_of(workflow: Workflow, notes: list[Decision]) -> tuple[Native, list[Any]]:
    """The rest of a PipelineRun, and the volumes that its pods may mount.

    Args:
        workflow: the workflow.
        notes: what is left out is added here.

    Raises:
        Unsupported: it says something that counts, and that a PipelineRun cannot say.
    """
    if workflow.native_extra is not None and any(references(workflow.native_extra)):
        raise refuse("Workflow.native_extra", workflow.label, "says of all its pods what only the run knows")
    rest = {} if workflow.native_extra is None else write_structure(workflow.native_extra, str)
    spec, metadata = dict(rest.pop("spec", {})), dict(rest.pop("metadata", {}))
    if workflow.kind == "CronWorkflow":
        hint = "convert its workflow, and start that by a Trigger or a CronJob"
        raise refuse("Workflow.kind", workflow.label, "has a schedule, which Tekton does not have", hint)
    others = sorted(metadata.keys() - {"labels", "annotations"})
    notes += [_left_out(workflow, f"it says metadata.{key}, which is for its own object") for key in others]
    metadata = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
    said = [key for key in HOUSEKEEPING if spec.pop(key, None) is not None]
    notes += [_left_out(workflow, f"it says {key}, which a PipelineRun has no place for") for key in said]
    volumes = spec.pop("volumes", [])
    seconds = spec.pop("activeDeadlineSeconds", None)
    pod = {key: spec.pop(key) for key in sorted(POD_FIELDS & spec.keys())}
    account = spec.pop("serviceAccountName", None)
    if rest or spec:
        name = min([*rest, *(f"spec.{key}" for key in spec)])
        raise refuse("Workflow.native_extra", workflow.label, f"has {name}, which no PipelineRun has")
    described = [port.name for port in workflow.parameters if port.native_extra is not None]
    notes += [_left_out(workflow, f"its parameter {name!r} says more than a value") for name in described]
    template = {
        **({"serviceAccountName": account} if account else {}),
        **({"podTemplate": pod} if pod else {}),
    }
    timeout = FOREVER if seconds is None else f"{seconds}s"
    fields: dict[str, Any] = {"timeouts": {"pipeline": timeout}}
    if template:
        fields["taskRunTemplate"] = template
    return Native.of({**({"metadata": metadata} if metadata else {}), "spec": fields}), volumes


def _left_out(workflow: Workflow, reason: str) -> Decision:
    return Decision(optimizer="tekton", workflow=workflow.label, subject="", action="left out", reason=reason)
