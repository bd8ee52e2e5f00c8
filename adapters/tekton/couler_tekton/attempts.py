"""Attempts of tasks from the statuses of TaskRuns, and what Tekton calls the containers of their pods.

Sources: `StepName` of pkg/pod/entrypoint.go, `RestrictLength` of pkg/names/generate.go; `getFailureReason` of
pkg/pod/status.go; pkg/apis/pipeline/v1/merge.go and pkg/internal/computeresources/tasklevel, which add up resources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from couler_plugins.ir.quantities import parse_quantity
from couler_plugins.runs import Attempt, ContainerUse
from couler_plugins.runs.usage import container_use, message_of
from couler_tekton.mappings import Mapped

LONGEST = 63
"""Characters of a container's name, at most."""
ENDS = re.compile(r"[^a-zA-Z0-9]+$")
QUANTITIES = ("requests", "limits")
ENDED = {"True": True, "False": False}
OF_STEPS = ("", "Failed", "FailureIgnored", "StepFailed", "StepOOM")
"""Reasons of a failure which its steps say more of."""


def pod_name_of(kind: str, name: str) -> str:
    """Return what Tekton calls a container in its pod."""
    return ENDS.sub("", f"{kind}-{name}"[:LONGEST])


def attempts_of(run: Mapped) -> tuple[Attempt, ...]:
    """Return the attempts of a TaskRun, the first one first; each has had a pod of its own."""
    status, spec = run.get("status") or {}, run.get("spec") or {}
    namespace = str(run["metadata"].get("namespace") or "")
    containers = tuple(_containers(status.get("taskSpec") or {}, spec))
    statuses = (*(status.get("retriesStatus") or ()), status)
    return tuple(_attempt(one, namespace, containers) for one in statuses)


def _attempt(status: Mapped, namespace: str, containers: tuple[ContainerUse, ...]) -> Attempt:
    condition = condition_of(status)
    succeeded, reason = ENDED.get(str(condition.get("status"))), str(condition.get("reason") or "")
    ends = [step["terminated"] for step in status.get("steps") or () if step.get("terminated")]
    failing: Mapped = next((end for end in ends if end.get("exitCode") or end.get("reason") == "OOMKilled"), {})
    if reason in OF_STEPS:
        reason = str(failing.get("reason") or reason)
    code = failing.get("exitCode", 0 if succeeded and ends else None)
    return Attempt(
        start=seconds_of(status.get("startTime")),
        end=seconds_of(status.get("completionTime")),
        succeeded=succeeded,
        exit_code=None if code is None else int(code),
        reason="" if succeeded is not False else "Evicted" if reason == "PodEvicted" else reason,
        message=message_of(condition.get("message")) if succeeded is False else "",
        pod=str(status.get("podName") or ""),
        namespace=namespace,
        containers=containers,
    )


def _containers(task: Mapped, run: Mapped) -> Iterator[ContainerUse]:
    """What the containers of a task ask for: by themselves, by what holds for all steps, and by what the run says."""
    steps = task.get("steps") or ()
    specs = {kind: {item.get("name"): item for item in run.get(kind) or ()} for kind in ("stepSpecs", "sidecarSpecs")}
    for number, step in enumerate(steps):
        own = _merged(task.get("stepTemplate"), step, specs["stepSpecs"].get(step.get("name")))
        yield container_use(pod_name_of("step", step.get("name") or f"unnamed-{number}"), _shared(run, own, len(steps)))
    for sidecar in task.get("sidecars") or ():
        own = _merged(sidecar, specs["sidecarSpecs"].get(sidecar.get("name")))
        yield container_use(pod_name_of("sidecar", sidecar.get("name") or ""), own)


def _merged(*holders: Mapped | None) -> Mapped:
    """The resources that some say one after another: what the last says of each counts."""
    resources: list[Mapped] = [(holder or {}).get("computeResources") or {} for holder in holders]
    return {kind: {key: item[kind][key] for item in resources for key in item.get(kind) or ()} for kind in QUANTITIES}


def _shared(run: Mapped, own: Mapped, steps: int) -> Mapped:
    """The resources of one of several steps, where a run says what all of them share; else its own."""
    requests, limits = ((run.get("computeResources") or {}).get(kind) or {} for kind in QUANTITIES)
    if not requests and not limits:
        return own
    shared = requests or ({} if own["requests"] else limits)
    amounts = {name: parse_quantity(amount) for name, amount in shared.items()}
    parts = {name: "" if amount is None else str(amount / steps) for name, amount in amounts.items()}
    return {"requests": parts, "limits": limits}


def condition_of(status: Mapped) -> Mapped:
    """Return the condition that says how a run stands; empty where there is none yet."""
    return next((item for item in status.get("conditions") or () if item.get("type") == "Succeeded"), {})


def seconds_of(text: object) -> float | None:
    """Return seconds since 1970 of a time as Kubernetes writes it; None where there is none."""
    return datetime.fromisoformat(str(text)).timestamp() if text else None
