"""Tasks of a pipeline: what they are given, what they wait for, on what conditions, and for which items.

Sources: `docs/pipelines.md`, `docs/matrix.md`. A task that reads a result of another one does not start where that was
skipped; one that is merely ordered after it does.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

from couler_plugins.ir import (
    Argument,
    Axis,
    Expression,
    Graph,
    Loop,
    Native,
    Need,
    Needs,
    Reference,
    Step,
    Template,
    Value,
    all_of,
    needed,
    references,
    replace,
)
from couler_tekton.converting.outcomes import asks_outcome, outcome_asked
from couler_tekton.converting.refusing import refuse
from couler_tekton.converting.values import changed, data_of, is_text
from couler_tekton.structures import write_structure
from couler_tekton.variables import spell

__all__ = ["KNOWN", "portable_step"]

KNOWN = frozenset({"description", "displayName", "workspaces"})
FAILED = ("errored", "failed")
MAX_ITEMS = 256


def portable_step(step: Step, graph: Graph) -> Step:
    """A task without what only Tekton does with it.

    Raises:
        Unsupported: it has something that counts, and that other engines do not have.
    """
    rest = {} if step.native_extra is None else write_structure(step.native_extra, spell)
    rest.pop("taskRef", None)
    if unknown := sorted(rest.keys() - KNOWN):
        raise refuse("Step.native_extra", step.name, f"has {unknown[0]}")
    if step.timeout is not None and step.retry is not None:
        raise refuse("Step.timeout", step.name, "has a timeout for each of several attempts")
    loop, arguments = _loop(step)
    for argument in arguments:
        if not is_text(argument.value) and not _is_item(argument.value):
            raise refuse("Step.arguments", step.name, f"passes {argument.name!r}, which is no text", "pass texts")
    passed_arguments = tuple(Argument(name=item.name, value=changed(item.value, _instead(step))) for item in arguments)
    condition = None if step.condition is None else _condition(step, graph)
    changed_step = replace(
        step,
        arguments=passed_arguments,
        condition=condition,
        loop=loop,
        native_extra=None,
        tolerates=FAILED if step.tolerates else (),
    )
    return replace(changed_step, needs=_needs(changed_step, graph))


def _is_item(value: Value) -> bool:
    return isinstance(value, Reference) and value.to == "item"


def _instead(step: Step) -> Any:
    def instead(reference: Reference) -> Reference:
        is_plain = reference.to in ("input", "parameter", "item") or (reference.to == "output" and reference.step)
        is_part = reference.path and reference.to != "item"
        if not is_plain or reference.kind == "result" or is_part:
            raise refuse("Step.arguments", step.name, f"reads {spell(reference)}, which only Tekton knows")
        return replace(reference, native="")

    return instead


def _needs(step: Step, graph: Graph) -> Needs | None:
    """What a task waits for: those that it reads from have to have succeeded, the others may have been skipped."""
    tolerant = {other.name for other in graph.steps if other.tolerates}
    read = {item.step for item in references((step.arguments, step.condition)) if item.step}
    needs: list[Needs] = [Need(step=name) for name in sorted(read)]
    for need in needed(step.needs):
        if need.step not in read:
            more = FAILED if need.step in tolerant else ()
            needs.append(Need(step=need.step, outcomes=tuple(sorted({"skipped", "succeeded", *more}))))
    if read & tolerant:
        raise refuse("Step.needs", step.name, "reads a result of a task that may fail")
    return all_of(needs)


def _condition(step: Step, graph: Graph) -> Expression | None:
    """The when expressions of a task, in CEL over texts; None where they hold in any case."""
    assert isinstance(step.condition, Native)
    parts: list[str | Reference | Template] = []
    for item in data_of(step.condition):
        if not isinstance(item, dict) or item.keys() != {"input", "operator", "values"}:
            raise refuse("Step.condition", step.name, "has a when expression in CEL", "write it as input and values")
        if item["operator"] not in ("in", "notin") or not isinstance(item["values"], list) or not item["values"]:
            raise refuse("Step.condition", step.name, "compares with the items of an array", "list the values")
        is_negated = item["operator"] == "notin"
        if asks_outcome(item["input"]):
            question = outcome_asked(step, graph, item["values"], is_negated=is_negated)
        else:
            left_side, *among = [_side(value, step) for value in (item["input"], *item["values"])]
            question = _question(left_side, among, is_negated=is_negated)
        parts += [" && " if parts and question else "", *question]
    return Expression(language="cel", parts=tuple(_joined(parts))) if any(parts) else None


def _question(left_side: str | Reference, among: list[str | Reference], *, is_negated: bool) -> list[str | Reference]:
    if len(among) == 1:
        return [left_side, " != " if is_negated else " == ", among[0]]
    parts: list[str | Reference] = ["!(" if is_negated else "(", left_side, " in ["]
    for number, value in enumerate(among):
        parts += [", " if number else "", value]
    return [*parts, "])"]


def _joined(parts: list[Any]) -> list[Any]:
    result: list[Any] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return result


def _side(value: Any, step: Step) -> str | Reference:
    """One text of a condition: a string of CEL, or a reference."""
    if isinstance(value, Reference) and not value.path:
        reference = changed(value, _instead(step))
        assert isinstance(reference, Reference)
        return reference
    if isinstance(value, str) and "'" not in value and "\\" not in value and "\n" not in value:
        return f"'{value}'"
    raise refuse("Step.condition", step.name, "compares a text that is put together, or has quotes in it")


def _loop(step: Step) -> tuple[Loop | None, tuple[Argument, ...]]:
    """The loop over the combinations of a matrix, and what the task is given."""
    if step.loop is None:
        return None, step.arguments
    if step.loop.includes:
        raise refuse("Loop.includes", step.name, "has further combinations in its matrix", "list them all")
    lists = []
    for axis in step.loop.axes:
        data = data_of(axis.values) if isinstance(axis.values, Native) else None
        if not isinstance(data, list) or not data or not all(isinstance(item, str) for item in data):
            hint = "list the items in the matrix itself"
            raise refuse("Loop.axes", step.name, f"loops over {axis.name!r}, which only the run knows", hint)
        lists.append(data)
    rows = list(itertools.islice(itertools.product(*lists), MAX_ITEMS + 1))
    if len(rows) > MAX_ITEMS:
        raise refuse("Loop.axes", step.name, f"loops over more than {MAX_ITEMS} combinations")
    if "\\" in json.dumps(rows, ensure_ascii=False):
        hint = "leave quotes, backslashes and newlines out of the items"
        raise refuse("Loop.axes", step.name, "loops over texts with quotes, backslashes or newlines", hint)
    names = [axis.name for axis in step.loop.axes]
    single = len(names) == 1
    items = [row[0] if single else dict(zip(names, row, strict=True)) for row in rows]
    arguments = tuple(
        Argument(name=item.name, value=_item(item.name, single)) if _is_item(item.value) else item
        for item in step.arguments
    )
    return Loop(axes=(Axis(name="item", values=Native.of(items)),)), arguments


def _item(name: str, single: bool) -> Reference:
    return Reference(to="item") if single else Reference(to="item", name=name)
