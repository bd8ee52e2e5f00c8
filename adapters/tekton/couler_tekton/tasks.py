"""Tasks of a pipeline: what they are given, when they start, how often they run.

Source: `pkg/apis/pipeline/v1` (PipelineTask, Matrix, WhenExpression). A task that is merely ordered after another one
(`runAfter`) also starts where that was skipped; one that reads a result of it does not (`docs/pipelines.md`).
"""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, mapping_at, without
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Argument,
    Axis,
    Callee,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Reference,
    Retry,
    Source,
    Step,
    Value,
    all_of,
    conjuncts,
)
from couler_tekton.bodies import names_of, read_arguments, write_arguments
from couler_tekton.mappings import mappings, named, unless_empty
from couler_tekton.variables import Scope, refuse_unsupported, unsupported, write_text, write_value

ENDED = ("skipped", "succeeded")
FAILED = ("failed",)


def task_scope(task: Mapped, path: Path, scope: Scope) -> Scope:
    """What parameters mean in what a task of a pipeline says."""
    return scope._replace(items=frozenset(_axes(task, path)), passed=names_of(task, path))


def _matrix(task: Mapped, path: Path) -> Mapped:
    matrix = task.get("matrix")
    if matrix is not None and not isinstance(matrix, dict):
        message, hint = "matrix: a mapping is expected here", "give it params, or include"
        raise InvalidInput(message, engine="tekton", path=(*path, "matrix"), hint=hint)
    return matrix or {}


def _axes(task: Mapped, path: Path) -> list[str]:
    """The parameters that a matrix fills, in its order."""
    matrix, place = _matrix(task, path), (*path, "matrix")
    names = [item["name"] for item in named(matrix, "params", place)]
    for number, include in enumerate(mappings(matrix, "include", place)):
        names += [item["name"] for item in named(include, "params", (*place, "include", number))]
    return list(dict.fromkeys(names))


def read_task(task: Mapped, path: Path, source: Source, scope: Scope, callee: Callee, remainder: Mapped) -> Step:
    """One task of a pipeline.

    Args:
        task: the task.
        path: where it is in its document.
        source: where it is in the bundle.
        scope: what parameters mean in it; see `task_scope`.
        callee: what it calls.
        remainder: the task without what says that.

    Raises:
        InvalidInput: it is not built like a task.
    """
    items = [Argument(name=name, value=Reference(to="item", kind="parameter", name=name)) for name in _axes(task, path)]
    arguments, extras = read_arguments(task, path, scope)
    loop, remainder = _read_loop(task, path, scope, remainder)
    needs, remainder = _read_needs(task, path, remainder)
    fields: dict[str, Any] = {}
    if isinstance(task.get("when"), list) and task["when"]:
        fields["condition"] = scope.structure(task["when"])
    if type(task.get("retries")) is int:
        fields["retry"] = Retry(limit=Literal(value=task["retries"]))
    if isinstance(task.get("timeout"), str):
        fields["timeout"] = scope.value(task["timeout"])
    if task.get("onError") == "continue":
        fields["tolerates"] = FAILED
    existing = {"condition": "when", "retry": "retries", "timeout": "timeout", "tolerates": "onError"}
    remainder = unless_empty(without(remainder, "name", *(existing[name] for name in fields)), "params")
    if extras:
        remainder["params"] = extras
    return Step(
        name=task["name"],
        call=callee,
        arguments=(*items, *arguments),
        needs=needs,
        loop=loop,
        native_extra=scope.rest(remainder),
        source=source,
        **fields,
    )


def _read_needs(task: Mapped, path: Path, remainder: Mapped) -> tuple[Needs | None, Mapped]:
    listed = task.get("runAfter")
    if not listed:
        return None, remainder
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        message, hint = "runAfter is not a list of names", "list the names of tasks, n and y in quotes"
        raise InvalidInput(message, engine="tekton", path=(*path, "runAfter"), hint=hint)
    return all_of([Need(step=name, outcomes=ENDED) for name in listed]), without(remainder, "runAfter")


def _read_loop(task: Mapped, path: Path, scope: Scope, remainder: Mapped) -> tuple[Loop | None, Mapped]:
    """The matrix of a task, and what is left of the task."""
    matrix = _matrix(task, path)
    if not matrix.get("params") and not matrix.get("include"):
        return None, remainder
    passed, extras = read_arguments(matrix, (*path, "matrix"), scope)
    axes = tuple(Axis(name=argument.name, values=argument.value) for argument in passed)
    includes = tuple(scope.structure(item) for item in matrix.get("include") or ())
    others = {**unless_empty(matrix, "params", "include"), **({"params": extras} if extras else {})}
    remainder = {**without(remainder, "matrix"), **({"matrix": others} if others else {})}
    return Loop(combine="product", axes=axes, includes=includes), remainder


def write_task(step: Step, call: Mapped) -> Mapped:
    """A task of a pipeline.

    Args:
        step: the step.
        call: the fields that say what it calls.

    Raises:
        Unsupported: Tekton cannot say what it is to be.
    """
    refuse_unsupported(step)
    rest = write_value(step.native_extra) if step.native_extra else {}
    rest = without(rest, *({"taskRef", "pipelineRef"} - call.keys()))  # what it said of the kind of another callee
    written: Mapped = {"name": step.name, **call}
    axes, matrix = _write_loop(step, rest)
    written.update(matrix)
    passed = [argument for argument in step.arguments if not _is_item(argument, axes)]
    if passed:
        written["params"] = write_arguments(passed, _extras(rest))
    if step.needs is not None:
        written["runAfter"] = _write_needs(step)
    if step.condition is not None:
        written["when"] = _write_condition(step.condition, step.name)
    if step.retry is not None:
        written["retries"] = write_retry(step.retry, step.name)
    if step.timeout is not None:
        written["timeout"] = write_text(step.timeout)
    if step.tolerates:
        if step.tolerates != FAILED:
            raise unsupported("Step.tolerates", step.name, "tolerates what Tekton cannot tell from a failure")
        written["onError"] = "continue"
    return joined(written, _without_extras(rest))


def _extras(holder: Mapped) -> Mapped:
    """What was said of single parameters beside their values; an empty list of parameters is also kept there."""
    return mapping_at(holder, "params")


def _without_extras(rest: Mapped) -> Mapped:
    remainder = without(rest, "params") if _extras(rest) else rest
    matrix = remainder.get("matrix")
    if isinstance(matrix, dict) and _extras(matrix):
        remainder = {**remainder, "matrix": without(matrix, "params")}
    return without(remainder, "matrix") if remainder.get("matrix") == {} else remainder


def _is_item(argument: Argument, axes: list[str]) -> bool:
    value = argument.value
    return isinstance(value, Reference) and value.to == "item" and value.name == argument.name and argument.name in axes


def _write_loop(step: Step, rest: Mapped) -> tuple[list[str], Mapped]:
    """The parameters that the step's matrix fills, and the matrix."""
    loop = step.loop
    if loop is None:
        return [], {}
    refuse_unsupported(loop)
    if loop.combine != "product" and len(loop.axes) != 1:
        raise unsupported(
            "Loop.combine", step.name, "does not combine each item with each", "list the rows as includes"
        )
    extras = _extras(mapping_at(rest, "matrix"))
    params = write_arguments([Argument(name=axis.name, value=axis.values) for axis in loop.axes], extras)
    includes = [write_value(include) for include in loop.includes]
    if not all(isinstance(include, dict) for include in includes):
        raise unsupported("Loop.includes", step.name, "includes what is no mapping", "give each a name and params")
    axes = [axis.name for axis in loop.axes]
    axes += [item["name"] for include in includes for item in include.get("params") or () if "name" in item]
    matrix = {**({"params": params} if params else {}), **({"include": includes} if includes else {})}
    if not matrix:
        raise unsupported("Loop.axes", step.name, "loops over nothing", "leave the loop out")
    filled = {argument.name for argument in step.arguments if _is_item(argument, axes)}
    if filled != set(axes):
        hint = "pass each of them the item of its own name"
        raise unsupported("Loop.axes", step.name, "does not take the items of all axes as parameters", hint)
    return axes, {"matrix": matrix}


def _write_needs(step: Step) -> list[str]:
    names = []
    for need in conjuncts(step.needs):
        if not isinstance(need, Need) or need.outcomes != ENDED:
            hint = "let it need that all of them succeeded or were skipped"
            raise unsupported("Step.needs", step.name, "waits for outcomes that Tekton cannot tell apart", hint)
        names.append(need.step)
    return names


def _write_condition(condition: Value, name: str) -> Any:
    written = write_value(condition) if isinstance(condition, Native) else None
    if not isinstance(written, list):
        raise unsupported("Step.condition", name, "has a condition in another language", "write it as when expressions")
    return written


def write_retry(retry: Retry, name: str) -> int:
    """How often a task is tried again.

    Raises:
        Unsupported: it is no number, or there is more to it.
    """
    refuse_unsupported(retry)
    match retry.limit:
        case Literal(value=int(number)) if not isinstance(number, bool):
            return number
    raise unsupported("Retry.limit", name, "needs a whole number of retries")
