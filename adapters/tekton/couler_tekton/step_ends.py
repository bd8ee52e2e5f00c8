"""How the tasks of a run ended and what they gave, by their places, from its status and its TaskRuns and CustomRuns.

Source: `docs/pipelineruns.md` (childReferences, skippedTasks).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.documents.mappings import Mapped, by_key
from couler_plugins.hookspecs.resuming import Ended
from couler_plugins.ir import Literal, Native, Value
from couler_tekton.archive import OF_TASKS
from couler_tekton.attempts import condition_of
from couler_tekton.cache.declared import entries
from couler_tekton.run.status import results_of

INSIDE = "a pipeline inside another one runs again as a whole"
BOUND, UNSURE = "a workspace of the run reads its results", "not all of its items may have been started"
OUTCOMES = {"True": "succeeded", "False": "failed"}
SKIPPED = {
    "When Expressions evaluated to false": "skipped",
    "Parent Tasks were skipped": "omitted",
    "Results were missing": "omitted",
}
"""Reasons of tasks that were skipped for what others gave; tasks of a run that stopped were not reached."""


def steps_of(run: Mapped, task_runs: Mapping[tuple[str, str], Mapped]) -> Iterator[tuple[tuple[str, ...], Ended]]:
    """How each task of a PipelineRun ended, by its place: from its status and what ran its tasks, by kind and name."""
    status, bindings = run["status"], repr(run["spec"].get("workspaces"))
    for item in status.get("skippedTasks") or ():
        outcome = "skipped" if _is_false(item) else SKIPPED.get(str(item.get("reason")))
        if outcome:
            yield (str(item["name"]),), Ended(outcome=outcome, facts={"status": "None"})
    matrices = {task.get("name") for task in entries(status.get("pipelineSpec"), "tasks") if task.get("matrix")}
    unsure = UNSURE if condition_of(status).get("reason") == "CreateRunFailed" else ""
    children = by_key((str(item["pipelineTaskName"]), item) for item in status.get("childReferences") or ())
    for name, references in children.items():
        kind = str(references[0].get("kind") or "TaskRun")
        runs = [task_runs.get((kind, str(item["name"]))) for item in references]
        present = [one for one in runs if one is not None]
        if len(present) < len(runs):
            yield (name,), Ended(outcome="succeeded", again=f"its {kind} is gone" if kind in OF_TASKS else INSIDE)
            continue
        conditions = [condition_of(one.get("status") or {}) for one in present]
        outcomes = [OUTCOMES.get(str(condition.get("status")), "running") for condition in conditions]
        each = [results_of(one) for one in present]
        results = _together(each) if name in matrices else each[0]
        values = {("parameter", key): _value(content) for key, content in results.items()}
        yield (
            (name,),
            Ended(
                outcome=next((outcome for outcome in outcomes if outcome != "succeeded"), "succeeded"),
                outputs={key: value for key, value in values.items() if value is not None},
                lost={key: "Tekton would take it for a variable" for key, value in values.items() if value is None},
                facts={"status": "Succeeded", "reason": str(conditions[0].get("reason"))},
                again=BOUND if f"$(tasks.{name}." in bindings else unsure if name in matrices else "",
            ),
        )


def _is_false(skipped: Mapped) -> bool:
    """Whether a task was skipped by its condition: once a run stops, Tekton says of each task that this was why.

    What reads a result has a variable in it then, unless Tekton was about to start the task.
    """
    said = skipped.get("whenExpressions") or ()
    each = [item for item in said if item.get("operator") in ("in", "notin") and "$(" not in repr(item)]
    return any((item.get("input") in (item.get("values") or ())) is (item["operator"] == "notin") for item in each)


def _together(each: list[dict[str, Any]]) -> dict[str, Any]:
    """The results of a matrix: lists, in the order of the combinations."""
    return {name: [one[name] for one in each if name in one] for name in dict.fromkeys(n for one in each for n in one)}


def _value(content: Any) -> Value | None:
    if "$(" in json.dumps(content):
        return None
    return Literal(value=content) if isinstance(content, str) else Native.of(content)
