"""What tasks of a pipeline read, beside its parameters: context, statuses, what a matrix makes.

Source: `pkg/apis/pipeline/v1/pipeline_validation.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.graphs import given_texts, passed_texts, when_texts
from couler_tekton.lint.texts import expressions, is_result, result_refs, unknown_problem, values

Mapped = dict[str, Any]
Tasks = list[tuple[Mapped, Path]]
ROOTS = ("params", "tasks", "finally", "context", "workspaces", "results")
CONTEXT = {
    r"context\.pipelineRun": ("name", "namespace", "uid"),
    r"context\.pipeline": ("name",),
    r"context\.pipelineTask": ("retries",),
}


def check_context(tasks: Tasks, report: Report) -> None:
    """The context variables of a pipeline; Tekton itself looks at those of its last task only."""
    for number, (task, path) in enumerate(tasks):
        say = report.error if number == len(tasks) - 1 else report.warning
        for text, place in passed_texts(task, path):
            for prefix, names in CONTEXT.items():
                name, problem = unknown_problem(text, prefix, names)
                if problem:
                    say("unknown-variable", place, problem, report.meant(name, names, f"there is {', '.join(names)}"))


def check_roots(tasks: Tasks, report: Report) -> None:
    """That variables begin with something that Tekton knows."""
    for task, path in tasks:
        for text, place in (*passed_texts(task, path), *when_texts(task, path)):
            for expression in expressions(text):
                root = expression.split(".")[0]
                if root not in ROOTS:
                    message = f"$({expression}) is no variable of Tekton's"
                    hint = report.meant(root, ROOTS, "a variable of the shell is written ${NAME}")
                    report.error("unknown-variable", place, message, hint)


def check_statuses(tasks: Tasks, final: Tasks, report: Report) -> None:
    """That only final tasks ask how tasks have ended, and of tasks that are there."""
    names = {task.get("name") or "" for task, _ in tasks}
    for group, last in ((tasks, False), (final, True)):
        for task, path in group:
            for texts in _grouped(task, path):
                expressions_read = [(one, place) for text, place in texts for one in expressions(text)]
                if any(is_result(one) for one, _ in expressions_read):
                    continue  # as in Tekton, which takes a text that reads a result for one that reads nothing else
                for one, place in expressions_read:
                    if one.startswith("tasks.") and one.endswith((".status", ".reason")):
                        _check_status(one, place, names if last else None, report)


def _grouped(task: Mapped, path: Path) -> list[list[tuple[str, Path]]]:
    """The texts of a task: those of each parameter, and those of each when expression, together."""
    groups: dict[Path, list[tuple[str, Path]]] = {}
    for text, place in (*given_texts(task, path), *when_texts(task, path)):
        groups.setdefault(place[: len(path) + 2], []).append((text, place))
    return list(groups.values())


def _check_status(expression: str, place: Path, names: set[str] | None, report: Report) -> None:
    if names is None:
        message = "only final tasks can ask how tasks have ended"
        report.error("status", place, message, "move the task to finally, or use a when expression on a result")
    elif expression != "tasks.status":
        task = expression.removeprefix("tasks.").rpartition(".")[0]
        if task not in names:
            hint = report.meant(task, names, "correct the name")
            report.error("unknown-task", place, f"there is no task {task!r} to ask for", hint)


def check_consumers(tasks: Tasks, report: Report) -> None:
    """That what comes out of a matrix is read as a whole, and is made of texts."""
    matrices = {task.get("name"): task for task, _ in tasks if _is_matrixed(task)}
    last: Sequence[tuple[str, str, Path]] = ()
    for task, path in tasks if matrices else ():
        for number, param in enumerate(task.get("params") or ()):
            expressions_read = [one for text in values(param.get("value")) for one in expressions(text)]
            place = (*path, "params", number, "value")
            consumed = [one for one in expressions_read if is_result(one) and one.split(".")[1] in matrices]
            for one in consumed:
                if not one.endswith("[*]"):
                    message = f"$({one}) reads one result of a matrix"
                    report.error("matrix", place, message, "read all of them, with [*]")
            if any(map(is_result, expressions_read)):
                last = [(ref.task, ref.result, place) for ref in result_refs(consumed)]
    for name, result, place in last:  # Tekton only looks at the parameter that it saw last
        for item in (matrices[name].get("taskSpec") or {}).get("results") or ():
            kind = item.get("type") or ("object" if item.get("properties") is not None else "string")
            if item.get("name") == result and kind != "string":
                message = f"{name!r} has a matrix, and its result {result!r} is no text"
                report.error("matrix", place, message, "let it be of type string")


def _is_matrixed(task: Mapped) -> bool:
    matrix = task.get("matrix") or {}
    return bool(matrix.get("params") or matrix.get("include"))
