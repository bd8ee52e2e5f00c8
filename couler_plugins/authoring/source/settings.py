"""What holds for a whole run: the settings of `workflow`, volumes and claims, read back from the IR."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.authoring.source.texts import constant, refused
from couler_plugins.ir import Literal, Workflow, references

__all__ = ["settings_of"]

SPEC = {
    "activeDeadlineSeconds": "timeout",
    "serviceAccountName": "service_account",
    "tolerations": "tolerations",
    "nodeSelector": "node_selector",
    "dnsPolicy": "dns_policy",
    "dnsConfig": "dns_config",
    "securityContext": "security_context",
}
SCHEDULE = {
    "schedule": "cron",
    "timezone": "timezone",
    "concurrencyPolicy": "concurrency_policy",
    "startingDeadlineSeconds": "starting_deadline_seconds",
    "successfulJobsHistoryLimit": "successful_jobs_history_limit",
    "failedJobsHistoryLimit": "failed_jobs_history_limit",
    "suspend": "suspend",
}


def settings_of(workflow: Workflow) -> tuple[dict[str, str], list[str]]:
    """The arguments of `workflow`, and the calls that come first in its block.

    Raises:
        Unsupported: it says something that is none of these.
    """
    if workflow.native_extra is not None and any(references(workflow.native_extra)):
        raise refused(workflow.label, "says of its runs what only the run knows")
    rest = {} if workflow.native_extra is None else dict(workflow.native_extra.data)
    spec, metadata = dict(rest.pop("spec", {})), dict(rest.pop("metadata", {}))
    settings: dict[str, str] = {}
    parameters = {port.name: _value(workflow, port) for port in workflow.parameters}
    if parameters:
        settings["parameters"] = constant(parameters)
    if workflow.kind == "CronWorkflow":
        inner = dict(spec.pop("workflowSpec", {}))
        schedule = {name: spec.pop(key) for key, name in SCHEDULE.items() if key in spec}
        settings["schedule"] = (
            f"couler.Schedule({', '.join(f'{name}={constant(value)}' for name, value in schedule.items())})"
        )
        rest |= spec
        spec = inner
    settings |= {name: constant(spec.pop(key)) for key, name in SPEC.items() if key in spec}
    if "ttlStrategy" in spec:
        settings["time_to_clean"] = constant(spec.pop("ttlStrategy").get("secondsAfterCompletion"))
    if "imagePullSecrets" in spec:
        settings["image_pull_secrets"] = constant(tuple(item["name"] for item in spec.pop("imagePullSecrets")))
    settings |= {key: constant(metadata.pop(key)) for key in ("labels", "annotations") if key in metadata}
    calls = [*_volumes(workflow, spec.pop("volumes", ())), *_claims(spec.pop("volumeClaimTemplates", ()))]
    if unsupported := [*rest, *metadata, *spec]:
        raise refused(workflow.label, f"says {min(unsupported)} of its runs")
    return settings, calls


def _value(workflow: Workflow, port: Any) -> str | None:
    value = port.value if port.value is not None else port.default
    if port.kind != "parameter" or port.native_extra is not None or not (value is None or isinstance(value, Literal)):
        raise refused(workflow.label, f"has a parameter {port.name!r} that is more than a text")
    return None if value is None else str(value.value)


def _volumes(workflow: Workflow, volumes: Any) -> Iterator[str]:
    for volume in volumes:
        match volume:
            case {"name": name, "persistentVolumeClaim": {"claimName": claim, **others}} if not others:
                yield f"couler.add_volume(couler.Volume({constant(name)}, {constant(claim)}))"
            case {"name": name, "emptyDir": {**others}} if not others:
                yield f"couler.add_volume(couler.Volume({constant(name)}))"
            case _:
                raise refused(workflow.label, f"has the volume {volume.get('name')!r}, of another kind")


def _claims(claims: Any) -> Iterator[str]:
    for claim in claims:
        spec = claim["spec"]
        identity = (claim["metadata"]["name"], tuple(spec["accessModes"]), spec["resources"]["requests"]["storage"])
        yield f"couler.create_workflow_volume(couler.VolumeClaimTemplate{constant(identity)})"
