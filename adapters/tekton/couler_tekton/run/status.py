"""What the status of a PipelineRun or a TaskRun says: how far it is, and what it has handed out.

Sources: `docs/pipelineruns.md` ("Monitoring execution status"), `docs/taskruns.md`; PipelineRunStatus and TaskRunStatus
of `pkg/apis/pipeline/v1`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from couler_plugins.engine_kit.kubernetes.calls import Mapped, status_in
from couler_plugins.engine_kit.kubernetes.failing import Failed
from couler_plugins.engine_kit.kubernetes.step_logs import Container, RunStep, message_of
from couler_plugins.hookspecs.running import Phase, Produced, Status, StepStatus

COUNTED = re.compile(r"Tasks Completed: (\d+) .*?Failed: (\d+).*?Skipped: (\d+)")
IGNORED = re.compile(r"\(Ignored: \d+\)")
"""In the message of a run that has succeeded although a task with `onError: continue` failed; the tasks' own aggregate
is `Failed` then (`GetPipelineTaskStatus` in `pkg/reconciler/pipelinerun/resources`)."""
INCOMPLETE = re.compile(r"Incomplete: (\d+)")
PHASES: dict[str, Phase] = {"True": "succeeded", "False": "failed"}
PROGRESS: tuple[Phase, ...] = ("running", "pending", "failed")
"""What parts are together: the first of these that one of them is."""
MOST = 300  # characters of a message
TASK_LABEL = "tekton.dev/pipelineTask"
"""The label that says which task of a pipeline a TaskRun is of."""


def ended(run: Mapped) -> bool:
    """Whether a run has ended."""
    return _phase(run) in ("succeeded", "failed")


def status_of(run: Mapped) -> Status:
    """How far a run is; how many of its tasks are done stands in its message only."""
    message = " ".join(str(_condition(run).get("message") or "").split())[:MOST]
    completed, skipped = COUNTED.search(message), INCOMPLETE.search(message)
    done = int(completed[1]) + int(completed[3]) if completed else 0
    return Status(
        phase=_phase(run),
        message=message if _phase(run) == "failed" else "",
        done=done,
        steps=done + (int(skipped[1]) if skipped else 0),
    )


def together(runs: Sequence[Mapped]) -> Status:
    """How far the parts of one run are, as far as there are any."""
    by_name = [(str(run["metadata"]["name"]), _phase(run)) for run in runs]
    phases = {phase for _, phase in by_name}
    going: Phase = next((phase for phase in PROGRESS if phase in phases), "succeeded")
    return Status(
        phase=going,
        done=sum(map(ended, runs)),
        steps=len(by_name),
        running=tuple(name for name, phase in by_name if phase == "running"),
        failed=tuple(name for name, phase in by_name if phase == "failed"),
    )


def outcome_of(run: Mapped | None) -> str:
    """How a run ended, as `$(tasks.status)` says it of tasks: `None` where it was not started, or has not ended."""
    phase = "" if run is None else _phase(run)
    if run is None or phase not in ("succeeded", "failed"):
        return "None"
    condition = _condition(run)
    if phase == "failed" or IGNORED.search(str(condition.get("message") or "")):
        return "Failed"
    return "Completed" if condition.get("reason") == "Completed" else "Succeeded"


def failed_of(task_runs: Iterable[Mapped]) -> list[Failed]:
    """The TaskRuns among these that failed, in the order in which they ended."""
    failed = [run for run in task_runs if _phase(run) == "failed"]
    return list(map(_failed, sorted(failed, key=lambda run: str(status_in(run).get("completionTime") or ""))))


def steps_of(run: Mapped, task_runs: Iterable[Mapped]) -> list[RunStep]:
    """Return the tasks of a PipelineRun in the order of their starts, then those that it skips.

    Args:
        run: the PipelineRun.
        task_runs: its TaskRuns.
    """
    ordered = sorted(task_runs, key=lambda task: (str(task["metadata"].get("creationTimestamp")), _order(task)))
    several = Counter(map(_task, ordered))
    seen: Counter[str] = Counter()
    steps = []
    for task_run in ordered:
        name = _task(task_run)
        steps.append(step_of(task_run, f"{name}({seen[name]})" if several[name] > 1 else name, name))
        seen[name] += 1
    for item in status_in(run).get("skippedTasks") or ():
        name = str(item.get("name"))
        if name not in several:
            message = message_of(item.get("reason"))
            steps.append(RunStep(StepStatus(step=name, node=name, phase="skipped", message=message)))
    return steps


def step_of(task_run: Mapped, step: str, node: str) -> RunStep:
    """Return where a TaskRun stands, and the containers of its steps that have started."""
    status, condition, phase = status_in(task_run), _condition(task_run), _phase(task_run)
    started = [item for item in status.get("steps") or () if item.get("terminated") or item.get("running")]
    places = tuple(
        Container(task_run["metadata"]["namespace"], str(status["podName"]), str(item["container"]))
        for item in started
        if item.get("container") and status.get("podName")
    )
    shown = StepStatus(
        step=step,
        node=node,
        phase="pending" if phase == "running" and condition.get("reason") == "Pending" else phase,
        message=message_of(condition.get("message")) if phase == "failed" else "",
        has_log=bool(places),
    )
    return RunStep(shown, places)


def _task(run: Mapped) -> str:
    """The name of the task that a TaskRun is of; its own where it is of none."""
    return str((run["metadata"].get("labels") or {}).get(TASK_LABEL) or run["metadata"]["name"])


def _order(run: Mapped) -> tuple[int, str]:
    """What sorts the TaskRuns of a matrix, which have numbers at their ends, by these."""
    name = str(run["metadata"]["name"])
    return len(name), name


def results_of(run: Mapped) -> dict[str, Any]:
    """The results of a run by name: texts, lists and mappings."""
    results = status_in(run).get("results") or ()
    return {str(item.get("name")): item.get("value") for item in results if isinstance(item, dict)}


def produced(results: Mapped) -> list[Produced]:
    """Results as `couler run` tells them."""
    return [
        Produced(
            name=name,
            kind="parameter",
            value=value if isinstance(value, str) else msgspec.json.encode(value).decode(),
        )
        for name, value in results.items()
    ]


def _failed(run: Mapped) -> Failed:
    metadata, status = run["metadata"], status_in(run)
    places = (Container(metadata["namespace"], str(status["podName"]), step) for step in _failed_steps(status))
    return Failed(_task(run), str(_condition(run).get("message") or ""), next(places, None))


def _failed_steps(status: Mapped) -> Iterator[str]:
    """The containers that failed, in order: the first is to blame, as those after it are ended without having run."""
    for step in status.get("steps") or ():
        if (step.get("terminated") or {}).get("exitCode") and step.get("container") and status.get("podName"):
            yield str(step["container"])


def _phase(run: Mapped) -> Phase:
    condition = _condition(run)
    return PHASES.get(str(condition.get("status")), "running") if condition else "pending"


def _condition(run: Mapped) -> Mapped:
    conditions = status_in(run).get("conditions") or ()
    return next((item for item in conditions if isinstance(item, dict) and item.get("type") == "Succeeded"), {})
