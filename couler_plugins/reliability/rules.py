"""What owners say of attempts, in annotations and in rows of the settings, `[[tool.couler.guard.declare]]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Call, CallSite, External, Operation, Workflow, call_sites, callables, parse_quantity
from couler_plugins.options.rows import Row, check_keys
from couler_plugins.plan import Plan
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


NamedSteps = Mapping[bool, Set[str]]
"""The annotations that could name steps of a workflow: those that may allow something, and those that may forbid it."""
Target = tuple[int, str]
"""A workflow, by its identity, and a graph or an operation of it."""


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


def named_steps(workflow: Workflow) -> NamedSteps:
    """Return the annotations that could name steps of a workflow."""
    steps = [(graph.name, step.name) for graph in workflow.graphs for step in graph.steps]
    names = {f"{key}{graph}.{step}" for key in OF_STEPS for graph, step in steps}
    both = names | {f"{key}{step}" for key in OF_STEPS for _, step in steps}
    # Beside pipelines inside it, there is one graph that a step alone may be in.
    return {True: both if sum("/" not in graph.name for graph in workflow.graphs) < 2 else names, False: both}


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
        return Rule(f"its annotation {lost} names no step of this workflow")
    is_inside = site.graph is not None and "/" in site.graph.name  # of a pipeline inside another one
    said: dict[str, Any] = {}
    for name in names:
        for key, words in ((IDEMPOTENT + name, WORDS), (GUARD + name, {NEVER: NEVER})):
            if (word := annotations.get(key)) is None:
                continue
            if word not in words:
                return Rule(f"its annotation {key} says {word!r:.40}: write {' or '.join(words)}")
            if not (is_inside and name == f".{site.step.name}" and word == "true"):  # it is of one around
                said.setdefault(key.removesuffix(name), words[str(word)])
    if GUARD in said:
        return Rule(f"its annotation {GUARD} says so")
    content: dict[str, Any] = {}
    for row in rows:
        if selects(row, workflow, task, operation, [site.label] if site.graph else []):
            if row.content.get("guard") == NEVER:
                return Rule(f"{row.place} says so")
            content = {**row.content, **content}
    word = content.get("idempotent") is not False and said.get(IDEMPOTENT, content.get("idempotent"))
    bounds = (content.get("retries"), content.get("max-timeout"), parse_quantity(content.get("max-memory")))
    return Rule("", word, *bounds)


def _lost(steps: NamedSteps, annotations: Mapping[str, object]) -> str | None:
    """Return an annotation of a step that is not there, or that allows what one of several graphs may mean."""
    return next(
        (key for key in annotations if key.startswith(OF_STEPS) and key not in steps[annotations[key] == "true"]), None
    )


def together(rules: Sequence[Rule]) -> Rule:
    """Return what holds for all calls of one operation: the least that is said of any."""
    least = (
        min((number for number in numbers if number is not None), default=None)
        for numbers in zip(*(rule[2:] for rule in rules), strict=True)
    )
    idempotent = next((word for word in (False, None, True) if any(rule.idempotent is word for rule in rules)), None)
    return Rule(next((rule.refusal for rule in rules if rule.refusal), ""), idempotent, *least)


def forbid(rule: Rule, others: Iterable[Rule]) -> Rule:
    """Return a rule with what others forbid; what they allow is not taken over."""
    least = together([rule, *others])
    return rule._replace(refusal=least.refusal, idempotent=rule.idempotent if least.idempotent is not False else False)


def find_refusals(plan: Plan, judge: Callable[[Workflow, CallSite], Rule]) -> Mapping[Target, Rule]:
    """Return what callers forbid, by what they reach in other objects of the plan, directly or through others.

    Args:
        plan: all workflows.
        judge: returns what a workflow itself says of a call into another one.
    """
    sites = by_key(
        ((id(workflow), site.graph.name if site.graph is not None else None), (workflow, site))
        for workflow in plan.workflows
        for site in call_sites(workflow)
    )

    def callees(workflow: Workflow, site: CallSite) -> Iterator[Target]:
        call = site.step.call
        if isinstance(call, Call):
            yield id(workflow), call.name
        elif isinstance(call, External):
            for library in plan.libraries.candidates(workflow, call):  # of which an entry runs the handlers as well
                yield from ((id(library), name) for name in ([call.name] if site.graph else callables(library)))

    said: dict[tuple[bool, Target], str] = {}

    def onward(node: tuple[bool, Target]) -> Iterator[tuple[bool, Target]]:
        ahead = ((node[0], target) for pair in sites.get(node[1], ()) for target in callees(*pair))
        return (one for one in ahead if one not in said)

    for workflow, site in (
        pair for pairs in sites.values() for pair in pairs if isinstance(pair[1].step.call, External)
    ):
        if targets := list(callees(workflow, site)):
            rule = judge(workflow, site)
            starts = [
                (kind, one)
                for kind, counts in ((True, rule.refusal), (False, rule.idempotent is False))
                if counts
                for one in targets
                if (kind, one) not in said
            ]
            said |= dict.fromkeys(
                reached(starts, onward), f"a caller keeps it as it is, {workflow.label}: {rule.refusal}"
            )
    return {one: Rule(said.get((True, one), ""), False if (False, one) in said else None) for _, one in said}
