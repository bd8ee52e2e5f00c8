"""What a run says beside what it runs: labels, pods, volumes, how long it may take."""

from __future__ import annotations

from typing import Any

from couler_plugins.ir import Native, Workflow
from couler_tekton.converting.refusing import refuse
from couler_tekton.structures import write_structure
from couler_tekton.variables import spell

__all__ = ["portable_rest", "volumes_of"]

VOLUMES = ("emptyDir", "secret", "configMap", "persistentVolumeClaim", "projected", "csi")
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
ALONE = ("serviceAccountName", "podTemplate")
"""What a TaskRun, and a PipelineRun of v1beta1, say of their pods without a taskRunTemplate."""
FOREVER = ("0", "0s", "0h0m0s")


def _rest(workflow: Workflow) -> dict[str, Any]:
    found: dict[str, Any] = {} if workflow.native_extra is None else write_structure(workflow.native_extra, spell)
    return found


def volumes_of(workflow: Workflow) -> dict[str, Any]:
    """What the workspaces of a run are bound to, by their names.

    Raises:
        Unsupported: other engines cannot bind one like that.
    """
    volumes: dict[str, Any] = {}
    for item in _rest(workflow).get("spec", {}).get("workspaces", []):
        binding = {key: content for key, content in item.items() if key != "name"}
        kinds = [key for key in binding if key != "subPath"]
        if len(kinds) != 1 or kinds[0] not in VOLUMES or "$(" in str(binding):
            hint = "bind it to an emptyDir, a Secret, a ConfigMap or an existing claim"
            raise refuse("Workflow.native_extra", workflow.label, f"binds {item.get('name')!r} to a new claim", hint)
        volumes[str(item["name"])] = binding
    return volumes


def portable_rest(workflow: Workflow) -> Native | None:
    """The labels of a run, and what it says of all of its pods.

    Raises:
        Unsupported: it says more than that.
    """
    rest = _rest(workflow)
    rest.pop("apiVersion", None)
    spec, metadata = rest.pop("spec", {}), rest.pop("metadata", {})
    is_run = workflow.kind.endswith("Run")
    if not is_run:
        spec = {}
    for key in ("workspaces", "params"):
        spec.pop(key, None)
    timeout = spec.pop("timeout", None)
    timeouts = {**spec.pop("timeouts", {}), **({"pipeline": timeout} if timeout is not None else {})}
    if any(str(limit) not in FOREVER for limit in timeouts.values()):
        hint = "set timeouts of its tasks"
        raise refuse("Workflow.native_extra", workflow.label, "has a timeout as a whole", hint)
    template = {**spec.pop("taskRunTemplate", {}), **{key: spec.pop(key) for key in ALONE if key in spec}}
    pod = dict(template.pop("podTemplate", {}))
    kept = {key: pod.pop(key) for key in sorted(POD_FIELDS & pod.keys())}
    if "serviceAccountName" in template:
        kept["serviceAccountName"] = template.pop("serviceAccountName")
    for content, place in ((rest, ""), (spec, "spec."), (template, "taskRunTemplate."), (pod, "podTemplate.")):
        if content:
            raise refuse("Workflow.native_extra", workflow.label, f"has {place}{min(content)}")
    said = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    fields = {**({"metadata": said} if said else {}), **({"spec": kept} if kept else {})}
    return Native.of(fields) if fields else None
