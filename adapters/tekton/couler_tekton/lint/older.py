"""Objects of v1beta1: their fields, what only their webhook refuses, and what only that of v1 does.

Source: `pkg/apis/pipeline/v1beta1` (`*_types.go`, `*_validation.go`), compared with `v1`. All other checks are those of
v1, on an object in the words of v1 (`couler_tekton.kinds`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from couler_plugins.documents import Path, Remark
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.documents import Object
from couler_tekton.kinds import place_in_v1beta1
from couler_tekton.lint import fields as v1
from couler_tekton.lint.pipelines import check_bindings, is_custom, tasks_of


def _but(shape: Mapped, without: tuple[str, ...] = (), **others: Any) -> Mapped:
    """Fields without some, and with others."""
    return {**{key: inner for key, inner in shape.items() if key not in without}, **others}


COMPUTE = ("computeResources",)
CONTAINER = {
    **v1.LIVELINESS,
    **dict.fromkeys(("terminationMessagePath", "terminationMessagePolicy"), v1.TEXT),
    **dict.fromkeys(("stdin", "stdinOnce", "tty"), v1.FLAG),
    "resources": v1.RESOURCES,
}
"""What steps could say, and Tekton does nothing with, besides their resources."""
TASK = _but(
    v1.TASK,
    steps=[_but(v1.STEP, COMPUTE, **CONTAINER)],
    sidecars=[_but(v1.SIDECAR, COMPUTE, resources=v1.RESOURCES)],
    stepTemplate=_but(v1.TEMPLATE, COMPUTE, **CONTAINER, name=v1.TEXT),
    resources=v1.MAPPING,
)
REFERENCE = _but(v1.REFERENCE, bundle=v1.TEXT)
PIPELINE_REFERENCE = _but(REFERENCE, ("kind",))
PIPELINE = _but(v1.PIPELINE, resources=v1.MAPPINGS)
PIPELINE_TASK = _but(
    v1.PIPELINE_TASK,
    taskRef=REFERENCE,
    taskSpec=_but(v1.EMBEDDED, **TASK),
    pipelineRef=PIPELINE_REFERENCE,
    pipelineSpec=PIPELINE,
    resources=v1.MAPPING,
)
PIPELINE["tasks"] = PIPELINE["finally"] = [PIPELINE_TASK]
OVERRIDES = [{"name": v1.TEXT, "resources": v1.RESOURCES}]
SPECS = {"stepOverrides": OVERRIDES, "sidecarOverrides": OVERRIDES}
NEW_SPECS = ("stepSpecs", "sidecarSpecs")
PIPELINE_RUN = _but(
    v1.PIPELINE_RUN,
    ("taskRunTemplate",),
    pipelineRef=PIPELINE_REFERENCE,
    pipelineSpec=PIPELINE,
    resources=v1.MAPPINGS,
    serviceAccountName=v1.TEXT,
    podTemplate=v1.POD_TEMPLATE,
    timeout=v1.DURATION,
    taskRunSpecs=[
        _but(
            v1.TASK_RUN_SPEC,
            (*NEW_SPECS, "podTemplate", "serviceAccountName"),
            taskPodTemplate=v1.POD_TEMPLATE,
            taskServiceAccountName=v1.TEXT,
            **SPECS,
        )
    ],
)
TASK_RUN = _but(v1.TASK_RUN, NEW_SPECS, taskRef=REFERENCE, taskSpec=TASK, resources=v1.MAPPING, **SPECS)
OLDER: Mapped = {"Pipeline": PIPELINE, "PipelineRun": PIPELINE_RUN, "Task": TASK, "TaskRun": TASK_RUN}
"""The fields of each kind's spec, as in `couler_tekton.lint.fields`."""


def check_older(item: Object, report: Report) -> None:
    """What only the webhook of v1beta1 refuses.

    Args:
        item: an object of v1beta1, in the words of v1.
        report: is told.
    """
    spec = item.data["spec"]
    for holder, path in _holders(item.kind, spec):
        if holder.get("resources") not in (None, []):
            hint = "pass parameters, results and workspaces instead"
            report.error("removed-field", (*path, "resources"), "Tekton has no PipelineResources any more", hint)
        for key in ("taskRef", "pipelineRef"):
            if (holder.get(key) or {}).get("bundle"):
                hint = "use the resolver `bundles`"
                report.error("removed-field", (*path, key, "bundle"), "a reference has no bundle any more", hint)
    if item.kind == "PipelineRun":
        _check_run(spec, report)


def _check_run(spec: Mapped, report: Report) -> None:
    timeout = spec.get("timeout")
    if timeout is not None and (go_seconds(timeout) or 0.0) < 0:
        report.error("timeout", ("spec", "timeout"), f"the timeout {timeout} is negative", "use 0 for none")
    if timeout is not None and spec.get("timeouts") is not None:
        hint = "write it as timeouts.pipeline"
        report.error("timeout", ("spec", "timeout"), "timeout stands beside timeouts", hint)
    pipeline, path = spec.get("pipelineSpec") or {}, ("spec", "pipelineSpec")
    names = {held.get("name") or "" for holder in (spec, pipeline) for held in holder.get("workspaces") or ()}
    for task, place in (*tasks_of(pipeline, path), *tasks_of(pipeline, path, "finally")):
        names |= {held.get("name") or "" for held in task.get("workspaces") or ()}
        check_bindings(task, place, names, report)


def _holders(kind: str, spec: Mapped, path: Path = ("spec",)) -> Iterator[tuple[Mapped, Path]]:
    """Whatever could have PipelineResources, or refer to a bundle."""
    yield spec, path
    for key, inner in (("taskSpec", "Task"), ("pipelineSpec", "Pipeline")):
        if isinstance(spec.get(key), dict):
            yield from _holders(inner, spec[key], (*path, key))
    if kind == "Pipeline":
        for task, place in (*tasks_of(spec, path), *tasks_of(spec, path, "finally")):
            yield task, place
            if task.get("taskSpec") is not None and not is_custom(task["taskSpec"]):
                yield task["taskSpec"], (*place, "taskSpec")


def said_of_older(item: Object, remarks: list[Remark]) -> Iterator[Remark]:
    """Remarks on an object of v1beta1: each in its place, and no error where only v1 is held to it.

    Args:
        item: the object, in its own words.
        remarks: what there is to say of it in the words of v1.
    """
    base = len(item.path)
    for remark in remarks:
        path = place_in_v1beta1(remark.path[base:], item.data)
        later = remark.severity == "error" and _is_later(remark.code, path, item.data)
        yield replace(remark, path=(*item.path, *path), severity="warning" if later else remark.severity)


def _is_later(code: str, path: Path, data: Mapped) -> bool:
    """Whether this is accepted, and fails when it runs: the webhook of v1beta1 does not look there."""
    places = {"missing-field": "sidecars", "script-and-command": "sidecars", "retries": "retries"}
    places |= dict.fromkeys(("unknown-task", "nested-result"), "taskSpec")
    return places.get(code) in path or _is_nested(code, path) or _is_lost(path, data)


def _is_nested(code: str, path: Path) -> bool:
    """Whether this is in a pipeline in a pipeline, of which only the level is looked at."""
    place = next((number for number, name in enumerate(path) if name in ("pipelineSpec", "pipelineRef")), 0)
    return place > 1 and path[place - 2] in ("tasks", "finally") and code != "api-level"


def _is_lost(path: Path, data: Mapped) -> bool:
    """Whether this is among what steps lose where a step template is merged into them (`merge.go`)."""
    place = path.index("steps") if "steps" in path else len(path)
    if path[place + 2 : place + 3] not in (("params",), ("results",)):
        return False
    holder = part_at(data, path[:place])
    return holder.get("stepTemplate") is not None and holder["steps"][path[place + 1]].get("ref") is None
