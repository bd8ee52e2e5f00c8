"""Tasks of a pipeline: what they are given, what they wait for, on what conditions, and for which items.

Sources: `docs/pipelines.md` (also "Using aggregate execution status of all tasks": `Succeeded`, `Completed` where some
were skipped, `Failed`, and `None`, where the run was cancelled or took too long), `docs/matrix.md`. A task that reads a
result of another one does not start where that was skipped; one that is merely ordered after it does.
"""

from __future__ import annotations

import itertools
import json
from math import prod
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import SUCCEEDED, outcome
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.tables import StepSite
from couler_plugins.engine_kit.legalize.values import joined
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
    map_references,
    needed,
    references,
    replace,
)
from couler_tekton.portable.values import data_of, is_text, said
from couler_tekton.variables import spell

FAILED = ("errored", "failed")
MAX_ITEMS = 256
STATUS = "tasks.status"
WHOLE, PARTLY, FAILURE, UNKNOWN = "Succeeded", "Completed", "Failed", "None"


def _is_item(value: Value) -> bool:
    return isinstance(value, Reference) and value.to == "item"


def _asks_outcome(item: object) -> bool:
    """Return whether an input of a when expression is the status of all tasks."""
    return isinstance(item, Reference) and item.to == "run" and item.name == STATUS


def _foreign_reads(site: StepSite) -> list[str]:
    """Return what is read that only Tekton knows."""
    compared = (item for item in references(site.step.condition) if not _asks_outcome(item) and not item.path)
    values = tuple(item.value for item in site.step.arguments if is_text(item.value) or _is_item(item.value))
    return [
        spell(item)
        for item in (*references(values), *compared)
        if not (item.to in ("input", "parameter", "item") or (item.to == "output" and item.step))
        or item.kind == "result"
        or (item.path and item.to != "item")
    ]


def _read(step: Step) -> set[str]:
    return {item.step for item in references((step.arguments, step.condition)) if item.step}


def _questions(step: Step) -> list[Any]:
    """Return what has to hold: mappings with an input, an operator, and values."""
    return data_of(step.condition) if isinstance(step.condition, Native) else []


def _lists(step: Step) -> list[dict[str, Any]]:
    """Return those questions that list what they compare with."""
    return [
        item
        for item in _questions(step)
        if isinstance(item, dict)
        and item.keys() == {"input", "operator", "values"}
        and item["operator"] in ("in", "notin")
        and isinstance(item["values"], list)
        and item["values"]
    ]


def _is_side(value: Any) -> bool:
    if isinstance(value, Reference):
        return not value.path
    return isinstance(value, str) and "'" not in value and "\\" not in value and "\n" not in value


def _outcomes(item: dict[str, Any]) -> set[str]:
    """Return the outcomes of the run in which a question for them is answered by yes."""
    values = {str(value) for value in item["values"]}
    return {WHOLE, PARTLY, FAILURE, UNKNOWN} - values if item["operator"] == "notin" else values


def _outcomes_asked(site: StepSite) -> list[set[str]]:
    return [_outcomes(item) for item in _lists(site.step) if _asks_outcome(item["input"])]


def _others(site: StepSite) -> list[Step]:
    finalizers = site.graph.finalizers if site.graph is not None else ()
    return [step for step in site.steps.values() if step.name not in finalizers]


def _items(axis: Axis) -> list[str]:
    """Return the items of an axis; none where only the run knows them."""
    data = data_of(axis.values) if isinstance(axis.values, Native) else None
    return data if isinstance(data, list) and all(isinstance(item, str) for item in data) else []


def _axes(site: StepSite) -> tuple[Axis, ...]:
    return site.step.loop.axes if site.step.loop is not None else ()


CALLS = (
    Rule(
        "Step.native_extra",
        "has {}",
        lambda site: sorted(said(site.step).keys() - {"description", "displayName", "taskRef", "workspaces"}),
    ),
    Rule(
        "Step.native_extra",
        "uses a part of a workspace",
        lambda site: any("subPath" in item for item in said(site.step).get("workspaces", ())),
        "bind that part in the run",
    ),
    Rule(
        "Step.timeout",
        "has a timeout for each of several attempts",
        lambda site: site.step.timeout is not None and site.step.retry is not None,
    ),
    Rule(
        "Step.arguments",
        "passes {!r}, which is no text",
        lambda site: [
            item.name for item in site.step.arguments if not is_text(item.value) and not _is_item(item.value)
        ],
        "pass texts",
    ),
    Rule("Step.arguments", "reads {}, which only Tekton knows", _foreign_reads),
    Rule(
        "Step.needs",
        "reads a result of a task that may fail",
        lambda site: any(name in site.steps and site.steps[name].tolerates for name in _read(site.step)),
    ),
    Rule(
        "Step.condition",
        "has a when expression in CEL",
        lambda site: any(
            not isinstance(item, dict) or item.keys() != {"input", "operator", "values"}
            for item in _questions(site.step)
        ),
        "write it as input and values",
    ),
    Rule(
        "Step.condition",
        "compares with the items of an array",
        lambda site: any(
            isinstance(item, dict) and "values" in item and item not in _lists(site.step)
            for item in _questions(site.step)
        ),
        "list the values",
    ),
    Rule(
        "Step.condition",
        "compares a text that is put together, or has quotes in it",
        lambda site: (
            not all(
                _is_side(value)
                for item in _lists(site.step)
                if not _asks_outcome(item["input"])
                for value in (item["input"], *item["values"])
            )
        ),
    ),
    Rule(
        "Step.condition",
        "reads the status of the others, of which one may fail: Tekton says Failed then, although the run succeeds",
        lambda site: _outcomes_asked(site) and any(other.tolerates for other in _others(site)),
        "let it find that out itself",
    ),
    Rule(
        "Step.condition",
        "asks whether all tasks ran, or whether some were skipped",
        lambda site: (
            any((WHOLE in item) is not (PARTLY in item) for item in _outcomes_asked(site))
            and any(other.condition is not None for other in _others(site))
        ),
        f"ask for {WHOLE} and {PARTLY}",
    ),
    Rule(
        "Step.condition",
        "has a condition that others cannot tell",
        lambda site: any(item.isdisjoint((WHOLE, FAILURE)) for item in _outcomes_asked(site)),
        "leave the task out",
    ),
    Rule(
        "Loop.includes",
        "has further combinations in its matrix",
        lambda site: site.step.loop and site.step.loop.includes,
        "list them all",
    ),
    Rule(
        "Loop.axes",
        "loops over {!r}, which is only known at run time",
        lambda site: [axis.name for axis in _axes(site) if not _items(axis)],
        "list the items in the matrix itself",
    ),
    Rule(
        "Loop.axes",
        f"loops over more than {MAX_ITEMS} combinations",
        lambda site: prod(len(_items(axis)) for axis in _axes(site)) > MAX_ITEMS,
    ),
    Rule(
        "Loop.axes",
        "loops over texts with quotes, backslashes or newlines",
        lambda site: "\\" in json.dumps([_items(axis) for axis in _axes(site)], ensure_ascii=False),
        "leave quotes, backslashes and newlines out of the items",
    ),
)


def portable_step(step: Step, graph: Graph) -> Step:
    """Return a task without what only Tekton does with it; it breaks no rule."""
    loop, arguments = _loop(step)
    changed_step = replace(
        step,
        arguments=map_references(arguments, lambda reference: replace(reference, native="")),
        condition=_condition(step),
        loop=loop,
        native_extra=None,
        tolerates=FAILED if step.tolerates else (),
    )
    return replace(changed_step, needs=_needs(changed_step, graph))


def _needs(step: Step, graph: Graph) -> Needs | None:
    """Return what a task waits for: those that it reads from have succeeded, the others may have been skipped."""
    tolerant = {other.name for other in graph.steps if other.tolerates}
    read = _read(step)
    needs: list[Needs] = [Need(step=name) for name in sorted(read)]
    for need in needed(step.needs):
        if need.step not in read:
            more = FAILED if need.step in tolerant else ()
            needs.append(Need(step=need.step, outcomes=tuple(sorted({"skipped", "succeeded", *more}))))
    return all_of(needs)


def _condition(step: Step) -> Expression | None:
    """Return the when expressions of a task, in CEL over texts; None where they hold in any case."""
    parts: list[str | Reference | Template] = []
    for item in _lists(step):
        question = _of_outcome(_outcomes(item)) if _asks_outcome(item["input"]) else _question(item)
        parts += [" && " if parts and question else "", *question]
    return Expression(language="cel", parts=joined(parts)) if any(parts) else None


def _of_outcome(outcomes: set[str]) -> list[str | Reference]:
    """Return a question for the outcome of the run; nothing where it holds in any case."""
    if {WHOLE, FAILURE} <= outcomes:
        return []
    return [outcome(), f" {'==' if WHOLE in outcomes else '!='} '{SUCCEEDED}'"]


def _question(item: dict[str, Any]) -> list[str | Reference]:
    is_negated = item["operator"] == "notin"
    compared, *among = (
        replace(value, native="") if isinstance(value, Reference) else f"'{value}'"
        for value in (item["input"], *item["values"])
    )
    if len(among) == 1:
        return [compared, " != " if is_negated else " == ", among[0]]
    listed = (piece for value in among for piece in (", ", value))
    return ["!(" if is_negated else "(", compared, " in [", *itertools.islice(listed, 1, None), "])"]


def _loop(step: Step) -> tuple[Loop | None, tuple[Argument, ...]]:
    """Return the loop over the combinations of a matrix, and what the task is given."""
    if step.loop is None:
        return None, step.arguments
    names = [axis.name for axis in step.loop.axes]
    single = len(names) == 1
    rows = itertools.product(*map(_items, step.loop.axes))
    items = [row[0] if single else dict(zip(names, row, strict=True)) for row in rows]
    arguments = tuple(
        replace(item, value=Reference(to="item", name="" if single else item.name)) if _is_item(item.value) else item
        for item in step.arguments
    )
    return Loop(axes=(Axis(name="item", values=Native.of(items)),)), arguments
