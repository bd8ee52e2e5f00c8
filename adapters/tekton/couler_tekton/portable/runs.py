"""What a run says of itself beside what it runs: labels, pods, and how long it may take.

Source: `docs/pipelineruns.md`, `docs/taskruns.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.engine_kit.legalize.native_fields import POD_FIELDS
from couler_plugins.ir import Literal, Native, Retry, Workflow
from couler_tekton.portable.values import said
from couler_tekton.retries import seconds_of

ALONE = ("serviceAccountName", "podTemplate")
"""What a TaskRun, and a PipelineRun of v1beta1, say of their pods without a taskRunTemplate."""
DEADLINE = "activeDeadlineSeconds"


def spec_of(workflow: Workflow) -> dict[str, Any]:
    """Return the spec of a run; nothing of what is no run."""
    spec = said(workflow).get("spec", {}) if workflow.kind.endswith("Run") else {}
    return dict(spec)


def template_of(workflow: Workflow) -> dict[str, Any]:
    """Return what a run says of all of its pods."""
    spec = spec_of(workflow)
    return {**spec.get("taskRunTemplate", {}), **{key: spec[key] for key in ALONE if key in spec}}


def volumes_of_pods(workflow: Workflow) -> list[Any]:
    """Return the volumes that a run gives all of its pods."""
    return list(template_of(workflow).get("podTemplate", {}).get("volumes", ()))


def retries_of_run(workflow: Workflow) -> Retry | None:
    """Return how often the task of a TaskRun is tried again."""
    number = spec_of(workflow).get("retries")
    return Retry(limit=Literal(value=number)) if isinstance(number, int) and number else None


def rest_of_run(workflow: Workflow) -> Native | None:
    """Return the labels of a run, what it says of all of its pods, and how long it may take."""
    metadata, template = said(workflow).get("metadata", {}), template_of(workflow)
    pod = template.get("podTemplate", {})
    kept = {key: pod[key] for key in sorted(POD_FIELDS & pod.keys())}
    if "serviceAccountName" in template:
        kept["serviceAccountName"] = template["serviceAccountName"]
    if limit := _limits(workflow).get("pipeline"):
        kept[DEADLINE] = int(limit)
    labels = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    fields = {**({"metadata": labels} if labels else {}), **({"spec": kept} if kept else {})}
    return Native.of(fields) if fields else None


def limits_left_out(workflow: Workflow) -> Iterator[str]:
    """Yield those parts of a run whose time is limited by itself: its `tasks`, or what is `finally`."""
    limits = _limits(workflow)
    yield from (part for part in ("tasks", "finally") if limits.get(part))


def _limits(workflow: Workflow) -> dict[str, float | None]:
    """Return the seconds that the parts of a run may take; none is no limit."""
    spec = spec_of(workflow)
    return {
        key: seconds_of(text) for key, text in {"pipeline": spec.get("timeout"), **spec.get("timeouts", {})}.items()
    }
