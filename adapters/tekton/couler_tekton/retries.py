"""What Tekton repeats: whatever failed, at once, within the time of the run around it.

Sources: `pkg/reconciler/taskrun/taskrun.go` (nothing asks for a cause), `pkg/apis/pipeline/v1` (TimeoutFields: `tasks`
is `pipeline` without `finally`), `config/config-defaults.yaml` (60 minutes, unless the cluster says something else),
`HasTimedOut` in `pkg/apis/pipeline/v1/taskrun_types.go` (a TaskRun's time begins before its pod is there).
"""

from __future__ import annotations

from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.ir import Dynamic, Operation, Step, Workflow
from couler_plugins.ir.attempts import QUEUED, AttemptLimits, is_queued
from couler_plugins.reliability.rules import GUARD, IDEMPOTENT
from couler_tekton.cache.declared import mapping_at, rest_of
from couler_tekton.home_kinds import said_of_tasks
from couler_tekton.variables import write_value

DEFAULT = 3600.0
CUSTOM = "the controller of a custom task decides what is repeated"


def attempt_limits(workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
    """Return how long the attempts of a task may take together: what runs say of all tasks, or an hour."""
    if isinstance(step.call, Dynamic):
        said = write_value(step.call.target)
        holder = mapping_at(said, "taskRef") or mapping_at(said, "taskSpec")
        if not str(holder.get("apiVersion", "tekton.dev/v1")).startswith("tekton.dev/"):
            return AttemptLimits(refusal=CUSTOM, timed=CUSTOM)
    annotations = mapping_at(said_of_tasks(workflow.native_extra).get(step.name, {}), "metadata", "annotations")
    key = next((one for one in (GUARD, IDEMPOTENT) if annotations.get(one, "true") != "true"), "")
    refusal = f"its run says so, {key} among `taskRunSpecs`" if key else ""
    timed = refusal if key == GUARD else QUEUED if is_queued(workflow, step, operation) else ""
    if workflow.kind not in ("Pipeline", "PipelineRun"):
        return AttemptLimits(refusal, timed)
    spec = mapping_at(rest_of(workflow), "spec") if workflow.kind == "PipelineRun" else {}
    said = mapping_at(spec, "timeouts")
    whole, tasks, last = (seconds_of(said.get(key)) for key in ("pipeline", "tasks", "finally"))
    whole = DEFAULT if whole is None else whole
    own, other = (last, tasks) if any(step.name in graph.finalizers for graph in workflow.graphs) else (tasks, last)
    seconds = own if own is not None else whole - (other or 0) if whole else 0
    bound = "`timeouts` of its run" if said else "the usual time of a run"
    return AttemptLimits(refusal, timed, seconds=seconds or None, bound=bound)


def seconds_of(text: object) -> float | None:
    """Return the seconds of a duration; 0 for no bound, and None where nothing is said that can be read."""
    return go_seconds(text) if isinstance(text, str) else None
