"""Tasks of a pipeline: what they are given, what they wait for, on what conditions, and for which items.

Sources: `docs/pipelines.md` (also "Using aggregate execution status of all tasks": `Succeeded`, `Completed` where some
were skipped, `Failed`, and `None`, where the run was cancelled or took too long), `docs/matrix.md`. A task that reads a
result of another one does not start where that was skipped; one that is merely ordered after it does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from couler_plugins.engine_kit.legalize.conditions import SUCCEEDED, memberships, outcome
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.tables import StepSite
from couler_plugins.engine_kit.legalize.values import data_of, joined
from couler_plugins.ir import (
    Expression,
    Graph,
    Literal,
    Native,
    Need,
    Needs,
    Operation,
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
from couler_tekton.portable.loops import LOOPS, with_loop
from couler_tekton.portable.values import is_of_run, is_text, said
from couler_tekton.variables import spell

FAILED = ("errored", "failed")
STATUS = "tasks.status"
WHOLE, PARTLY, FAILURE, UNKNOWN = "Succeeded", "Completed", "Failed", "None"


def _is_item(value: Value) -> bool:
    return isinstance(value, Reference) and value.to == "item"


def _asks_outcome(item: object) -> bool:
    """Return whether an input of a when expression is the status of all tasks."""
    return isinstance(item, Reference) and item.to == "run" and item.name == STATUS


def _foreign_reads(site: StepSite) -> list[str]:
    """Return what is read that only Tekton knows."""
    compared = (item for item in references(site.step.condition) if not _asks_outcome(item) and is_text(item))
    declared = {port.name for port in site.graph.inputs} if site.graph is not None else set()
    values = tuple(item.value for item in site.step.arguments if is_text(item.value) or _is_item(item.value))
    return [
        spell(item)
        for item in (*references(values), *compared)
        if not (
            item.to in ("parameter", "item")
            or (item.to == "input" and item.name in declared)
            or (item.to == "output" and item.step)
            or is_of_run(item)
        )
        or item.kind == "result"
        or (item.path and item.to != "item" and not is_of_run(item))
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
        return is_text(value)
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


CALLS = (
    Rule(
        "Step.native_extra",
        "has {}",
        lambda site: sorted(said(site.step).keys() - {"description", "displayName", "taskRef", "workspaces"}),
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
        "has a when expression in CEL that is more than comparisons of texts",
        lambda site: any(
            not isinstance(item, dict)
            or (item.keys() != {"input", "operator", "values"} and memberships(_in_cel(item)) is None)
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
    *LOOPS,
)


FOREVER = ("0", "0s", "0h0m0s")
"""Timeouts that never end a task."""


def portable_step(step: Step, graph: Graph, callee: Graph | Operation) -> Step:
    """Return a task without what only Tekton does with it; it breaks no rule."""
    loop, arguments = with_loop(step, callee)
    changed_step = replace(
        step,
        arguments=map_references(arguments, lambda reference: replace(reference, native="")),
        condition=_condition(step),
        loop=loop,
        timeout=None if isinstance(step.timeout, Literal) and str(step.timeout.value) in FOREVER else step.timeout,
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
    for item in _questions(step):
        if "cel" in item:
            question: Sequence[Any] = _in_cel(item).parts
        else:
            question = _of_outcome(_outcomes(item)) if _asks_outcome(item["input"]) else _question(item)
        parts += [" && " if parts and question else "", *question]
    return Expression(language="cel", parts=joined(parts)) if any(parts) else None


def _in_cel(item: dict[str, Any]) -> Expression:
    """Return a question in CEL, in which texts that the run fills in are values: they stand in quotes in Tekton."""
    value = item.get("cel")
    parts: list[Any] = list(value.parts) if isinstance(value, Template) else [value]
    for number in range(1, len(parts) - 1):
        before, after = parts[number - 1], parts[number + 1]
        if isinstance(parts[number], Reference) and isinstance(before, str) and isinstance(after, str):
            quote = before[-1:]
            if quote in ("'", '"') and after.startswith(quote):
                parts[number - 1], parts[number + 1] = before[:-1], after[1:]
                parts[number] = replace(parts[number], native="")
    return Expression(language="cel", parts=tuple(f"({part})" if len(parts) == 1 else part for part in parts))


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
