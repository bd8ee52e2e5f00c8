"""What it means to Tekton that the pod of a task waits for a quota of Kueue.

A TaskRun's time begins before its pod is there, and so does that of a PipelineRun. Both have an hour where nothing is
said (`SetDefaults` in pkg/apis/pipeline/v1; `default-timeout-minutes`). A pipeline's time has to hold that of its
`tasks` and `finally` (`validatePipelineTimeout`).
"""

from __future__ import annotations

from collections.abc import Collection

from couler_plugins.engine_kit.durations import go_duration, go_seconds
from couler_plugins.ir import Literal, Operation, Step, Workflow, replace
from couler_plugins.ir.attempts import PodWait, Waiting
from couler_tekton.cache.declared import mapping_at, rest_of
from couler_tekton.home_kinds import with_path
from couler_tekton.retries import DEFAULT, seconds_of
from couler_tekton.variables import Scope

TIMEOUTS = ("spec", "timeouts")
OF_RUN = "the run that starts it gives up after an hour, waits included, unless its `timeouts` say otherwise"


def pod_wait(workflow: Workflow, step: Step, operation: Operation | None) -> PodWait:
    """Return how long a task has: what is written, or an hour; 0 is for ever."""
    run = "`timeouts` of its run" if workflow.kind == "PipelineRun" else ""
    remark = OF_RUN if workflow.kind in ("Pipeline", "Task") else ""
    if workflow.kind == "Task":
        return PodWait(remark=remark)
    if step.timeout is None:
        return PodWait(timeout=DEFAULT, around=run, remark=remark)
    value = step.timeout.value if isinstance(step.timeout, Literal) else None
    seconds = go_seconds(value) if isinstance(value, str) else value
    if not isinstance(seconds, int | float):
        return PodWait("only the run knows its timeout, which counts the wait", around=run)
    return PodWait(timeout=seconds or None, around=run, remark=remark)


def with_wait(workflow: Workflow, operations: Collection[str], seconds: int) -> Workflow:
    """Return a PipelineRun whose timeouts leave its pods time to wait; others have none."""
    if workflow.kind != "PipelineRun":
        return workflow
    rest = rest_of(workflow)
    said = mapping_at(rest, *TIMEOUTS)
    parts = [key for key in ("tasks", "finally") if seconds_of(said.get(key))]
    more = dict.fromkeys(parts, seconds) | {"pipeline": seconds * max(1, len(parts))}
    old = {"pipeline": f"{DEFAULT:.0f}s", **said}
    new = {
        **said,
        **{key: go_duration(before + more[key]) for key in more if (before := seconds_of(old.get(key)))},
    }
    return replace(workflow, native_extra=Scope().rest(with_path(rest, TIMEOUTS, new)))


def waiting() -> Waiting:
    """Return what a wait means to steps, and what leaves them time for it."""
    return Waiting(pod_wait, with_wait)
