"""What owners say of attempts, in annotations and in rows of the settings, `[[tool.couler.guard.declare]]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import CallSite, Operation, Workflow, parse_quantity
from couler_plugins.options.rows import Row, check_keys
from couler_plugins.rightsizing.rules import is_size, selects

IDEMPOTENT = "couler.io/idempotent"
GUARD = "couler.io/guard"
NEVER = "never"
OF_STEPS = (f"{IDEMPOTENT}.", f"{GUARD}.")
"""How annotations begin that name a step, or a graph and a step."""
WORDS = {"true": True, "false": False}
KEYS: Mapping[str, type | tuple[type, ...]] = {
    "idempotent": bool,
    "guard": str,
    "retries": int,
    "max-timeout": int,
    "max-memory": (str, int, float),
}


class Rule(NamedTuple):
    """What its owner says of the attempts of a step.

    Attributes:
        refusal: why nothing is to be changed; empty where something may be.
        idempotent: whether it may run twice; None where nobody says so.
        retries: how many more attempts there may be; None where that is not said.
        max_timeout: the longest timeout in seconds; None where that is not said.
        max_memory: the most memory of an attempt in bytes; None where that is not said.
    """

    refusal: str = ""
    idempotent: bool | None = None
    retries: int | None = None
    max_timeout: int | None = None
    max_memory: float | None = None


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that `guard` understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    if problems := [problem for row in rows for problem in _problems(row)]:
        raise InvalidInput("; ".join(problems), hint="see docs/guard.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KEYS)
    if not row.content:
        yield f"{row.place}: it says nothing: add idempotent = true"
    if row.content.get("guard", NEVER) != NEVER:
        yield f"{row.place}: 'guard' cannot be {row.content['guard']!r:.40}; write {NEVER}"
    if row.content.get("idempotent") is True and not row.names_steps:
        yield f"{row.place}: 'idempotent' needs a step, a task or an image, and not only wildcards"
    if not is_size("max-memory", row.content.get("max-memory", "1Gi")):
        yield f"{row.place}: 'max-memory' cannot be {row.content['max-memory']!r:.40}; write 64Gi"
    for key, least, most in (("retries", 0, 10), ("max-timeout", 60, 10_000_000)):
        number = row.content.get(key)
        if isinstance(number, int) and not isinstance(number, bool) and not least <= number <= most:
            yield f"{row.place}: {key!r} has to be from {least} to {most}"


class NamedSteps(NamedTuple):
    """The annotations that could name steps of a workflow.

    Attributes:
        full: those that name a graph and a step.
        short: those that name a step alone.
        several: whether a step alone may be that of any of several graphs.
    """

    full: frozenset[str]
    short: frozenset[str]
    several: bool


def named_steps(workflow: Workflow) -> NamedSteps:
    """Return the annotations that could name steps of a workflow."""
    steps = [(graph.name, step.name) for graph in workflow.graphs for step in graph.steps]
    full = frozenset(f"{key}{graph}.{step}" for key in OF_STEPS for graph, step in steps)
    outer = [graph for graph in workflow.graphs if "/" not in graph.name]  # no pipelines inside it
    return NamedSteps(full, frozenset(f"{key}{step}" for key in OF_STEPS for _, step in steps), len(outer) > 1)


def rule_at(
    workflow: Workflow,
    site: CallSite,
    operation: Operation | None,
    annotations: Mapping[str, object],
    task: str,
    rows: Sequence[Row],
    steps: NamedSteps,
) -> Rule:
    """Return what is said of a call.

    `never` counts wherever it stands, and so does `idempotent = false` in a row; else the nearest place does.

    Args:
        workflow: the workflow that it is in.
        site: the call.
        operation: what it calls; None where that is in another workflow.
        annotations: those of what it calls, and of what is around that where it has none of that name.
        task: what its owner calls that.
        rows: the rows of the settings; of two that say the same thing, the first one counts.
        steps: the annotations that could name steps of the workflow.
    """
    names = (f".{site.graph.name}.{site.step.name}", f".{site.step.name}", "") if site.graph else ("",)
    if (lost := _lost(steps, annotations)) is not None:
        return Rule(f"its annotation {lost} names no step, and whoever wrote it meant one")
    is_inside = site.graph is not None and "/" in site.graph.name  # of a pipeline inside another one
    said: dict[str, Any] = {}
    for name in names:
        for key, words in ((IDEMPOTENT + name, WORDS), (GUARD + name, {NEVER: NEVER})):
            if (word := annotations.get(key)) is None:
                continue
            if word not in words:
                return Rule(f"its annotation {key} says {word!r:.40}: write {' or '.join(words)}")
            is_of_one_around = is_inside and name == f".{site.step.name}" and word == "true"
            if not is_of_one_around:
                said.setdefault(key.removesuffix(name), words[str(word)])
    if GUARD in said:
        return Rule(f"its annotation {GUARD} says so")
    content: dict[str, Any] = {}
    for row in rows:
        if selects(row, workflow, task, operation, [site.label] if site.graph else []):
            if row.content.get("guard") == NEVER:
                return Rule(f"{row.place} says so")
            content = {**row.content, **content}
    in_row = content.get("idempotent")
    word = in_row if in_row is False else said.get(IDEMPOTENT, in_row)
    bounds = (content.get("retries"), content.get("max-timeout"), parse_quantity(content.get("max-memory")))
    return Rule("", word, *bounds)


def _lost(steps: NamedSteps, annotations: Mapping[str, object]) -> str | None:
    """Return an annotation of a step that is not there, or that allows what one of several graphs may mean."""
    said = [key for key in annotations if key.startswith(OF_STEPS) and key not in steps.full]
    return next((key for key in said if key not in steps.short or (steps.several and annotations[key] == "true")), None)


def forbid(rule: Rule, others: Iterable[Rule]) -> Rule:
    """Return a rule with what others forbid; what they allow is not taken over."""
    others = [one for one in others if one.refusal or one.idempotent is False]
    if not others:
        return rule
    refusal = next(filter(None, (one.refusal for one in (rule, *others))), "")
    return rule._replace(
        refusal=refusal, idempotent=False if any(one.idempotent is False for one in others) else rule.idempotent
    )


def together(rules: Sequence[Rule]) -> Rule:
    """Return what holds for all calls of one operation: the least that is said of any."""
    words = {rule.idempotent for rule in rules}
    least = (
        min((number for number in numbers if number is not None), default=None)
        for numbers in zip(*(rule[2:] for rule in rules), strict=True)
    )
    idempotent = next((word for word in (False, None, True) if word in words), None)
    return Rule(next((rule.refusal for rule in rules if rule.refusal), ""), idempotent, *least)
