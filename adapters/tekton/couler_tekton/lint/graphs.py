"""Which task waits for which, and what tasks read of each other.

Source: `pkg/apis/pipeline/v1/pipeline_validation.go`, `resultref.go`, `pkg/reconciler/pipeline/dag`.

What tasks of a pipeline read, beside its parameters: context, statuses, what a matrix makes.

Source: `pkg/apis/pipeline/v1/pipeline_validation.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, by_key
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.passing import matrix_params
from couler_tekton.lint.texts import expressions, is_result, result_refs, unknown_problem, values

Tasks = list[tuple[Mapped, Path]]


class Read(NamedTuple):
    """A result that a task reads: of which task, which one, and where."""

    task: str
    result: str
    path: Path


def passed_texts(task: Mapped, path: Path) -> Iterator[tuple[str, Path]]:
    """The texts of the parameters that a task is passed, or that its matrix fills."""
    yield from given_texts(task, path)
    yield from ((text, place) for item, place, _ in matrix_params(task, path) for text in values(item.get("value")))


def given_texts(task: Mapped, path: Path) -> Iterator[tuple[str, Path]]:
    """The texts of the parameters that a task is passed."""
    for number, param in enumerate(task.get("params") or ()):
        for text in values(param.get("value")):
            yield text, (*path, "params", number, "value")


def when_texts(task: Mapped, path: Path) -> Iterator[tuple[str, Path]]:
    """The texts of the when expressions of a task."""
    for number, item in enumerate(task.get("when") or ()):
        place = (*path, "when", number)
        yield from ((item.get(key) or "", (*place, key)) for key in ("input", "cel"))
        yield from ((text or "", (*place, "values")) for text in item.get("values") or ())


def _body_texts(task: Mapped, path: Path) -> Iterator[tuple[str, Path]]:
    """The texts of the steps and sidecars that are written in a task."""
    spec, place = task.get("taskSpec") or {}, (*path, "taskSpec")
    for key in ("steps", "sidecars"):
        for number, item in enumerate(spec.get(key) or ()):
            where = (*place, key, number)
            for name in ("name", "image", "imagePullPolicy", "script", "workingDir"):
                yield item.get(name) or "", (*where, name)
            for name in ("command", "args"):
                yield from ((word or "", (*where, name)) for word in item.get(name) or ())
            for variable in item.get("env") or ():
                yield variable.get("value") or "", (*where, "env")
                for source in ("secretKeyRef", "configMapKeyRef"):
                    source_of = (variable.get("valueFrom") or {}).get(source)
                    names = (source_of.get("key"), source_of.get("name")) if isinstance(source_of, dict) else ()
                    yield from ((str(name or ""), (*where, "env")) for name in names)


def reads(task: Mapped, path: Path) -> Iterator[Read]:
    """The results that a task reads: in its parameters, its matrix, its when expressions and its steps."""
    for text, place in (*passed_texts(task, path), *when_texts(task, path), *_body_texts(task, path)):
        if "$(" in text:
            yield from (Read(ref.task, ref.result, place) for ref in result_refs(expressions(text)))


def check_graph(tasks: Tasks, report: Report) -> None:
    """That tasks wait for tasks that are there, and for none that waits for them."""
    names = {task.get("name") or "" for task, _ in tasks}
    needs: dict[str, dict[str, Path]] = {}
    for task, path in tasks:
        needs_of = needs.setdefault(task.get("name") or "", {})
        for number, name in enumerate(task.get("runAfter") or ()):
            needs_of.setdefault(name, (*path, "runAfter", number))
        for read in reads(task, path):
            needs_of.setdefault(read.task, read.path)
    for before in needs.values():
        for name, path in before.items():
            if name not in names:
                hint = report.meant(name, names, "add it, or do not wait for it; final tasks come too late")
                report.error("unknown-task", path, f"there is no task {name!r} to wait for", hint)
    _check_cycle(needs, tasks, report)


def _check_cycle(needs: dict[str, dict[str, Path]], tasks: Tasks, report: Report) -> None:
    sorter = TopologicalSorter({name: before.keys() & needs.keys() for name, before in needs.items()})
    try:
        sorter.prepare()
    except CycleError:  # it goes on to what waits for a cycle
        waiting = dict.fromkeys(needs)
        while ready := sorter.get_ready():
            sorter.done(*ready)
            for name in ready:
                del waiting[name]
        path = next(place for task, place in tasks if (task.get("name") or "") in waiting)
        named = ", ".join(list(waiting)[:5])
        report.error("cycle", path, f"these tasks wait for each other: {named}", "remove one of the dependencies")


def check_final(tasks: Tasks, final: Tasks, report: Report) -> None:
    """What final tasks wait for and read: they cannot choose when they run, and not read each other."""
    names = {task.get("name") or "" for task, _ in tasks}
    last = {task.get("name") or "" for task, _ in final}
    for task, path in final:
        if task.get("runAfter"):
            message = "a final task runs when all others have ended"
            report.error("finally", (*path, "runAfter"), message, "leave runAfter out")
        for text, place in (*given_texts(task, path), *when_texts(task, path)):
            for ref in result_refs(expressions(text)):
                if ref.task in last:
                    message = f"it reads a result of the final task {ref.task!r}, which runs beside it"
                    report.error("finally", place, message, "read results of tasks only")
                elif ref.task not in names:
                    hint = report.meant(ref.task, names, "correct the name")
                    report.error("unknown-task", place, f"there is no task {ref.task!r} to read from", hint)


def check_nested_results(tasks: Tasks, final: Tasks, report: Report) -> None:
    """That nobody reads results of a pipeline in a pipeline."""
    nested = {task.get("name") for task, _ in tasks if {"pipelineRef", "pipelineSpec"} & task.keys()}
    for task, path in (*tasks, *final) if nested else ():
        for read in reads(task, path):
            if read.task in nested:
                message = f"{read.task!r} is a pipeline in a pipeline, and hands out no results"
                report.error("nested-result", read.path, message, "write them to a workspace")


def check_pipeline_results(spec: Mapped, path: Path, tasks: Tasks, final: Tasks, report: Report) -> None:
    """The results of a pipeline: each made of results of its tasks."""
    names = {
        "tasks": {task.get("name") or "" for task, _ in tasks},
        "finally": {task.get("name") or "" for task, _ in final},
    }
    for number, result in enumerate(spec.get("results") or ()):
        place = (*path, "results", number, "value")
        expressions_read = [one for text in values(result.get("value")) for one in expressions(text)]
        looking = [one for one in expressions_read if is_result(one)]
        hint = "write $(tasks.TASK.results.RESULT), or $(finally.TASK.results.RESULT)"
        if not looking or len(result_refs(looking)) != len(looking):
            report.error(
                "pipeline-result", place, f"the value of {result.get('name')!r} names no result of a task", hint
            )
        elif isinstance(result.get("value"), str) and not _is_made_of(result["value"], names):
            every = names["tasks"] | names["finally"]
            wrong = next((ref.task for ref in result_refs(looking) if ref.task not in every), "")
            hint = report.meant(wrong, every, hint) if wrong else hint
            report.error("pipeline-result", place, f"{result.get('name')!r} is not made of results of its tasks", hint)


def _is_made_of(text: str, names: dict[str, set[str]]) -> bool:
    """Whether every piece of a text that begins with a `$`, and the text before the first, is a result of a task."""
    for piece in text.split("$"):
        value = f"${piece}".removeprefix("$(").removesuffix(")")
        parts = value.split(".")
        if piece and (not is_result(value) or len(parts) > 5 or parts[1] not in names[parts[0]]):
            return False
    return True


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
    texts = (*given_texts(task, path), *when_texts(task, path))
    return list(by_key((place[: len(path) + 2], (text, place)) for text, place in texts).values())


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
