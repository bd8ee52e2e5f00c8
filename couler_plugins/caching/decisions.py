"""Why each step is cached, or is not: what `couler explain` shows of caching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.outcomes import decision_on, judgement_on
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Caching, Objection
from couler_plugins.hookspecs.verdicts import Verdict
from couler_plugins.ir import Argument, Call, Directive, Operation, Scalar, Step, Workflow, callables
from couler_plugins.plan import Decision

__all__ = ["Judged", "decide", "part_decision"]

Cached = tuple[tuple[Directive, ...], tuple[Argument, ...]]
"""How a call is cached: the request that holds for it, and the lineage that it hands over."""

NAME = "cache"


class Judged(NamedTuple):
    """What was found about a workflow.

    Attributes:
        verdicts: about each call of an operation.
        outside: about calls of each operation of a library from other workflows.
        declared: about each call, if all that owners could declare were declared.
        declared_outside: the same about calls of an operation from other workflows.
    """

    verdicts: Mapping[Place, Verdict]
    outside: Mapping[str, Verdict]
    declared: Mapping[Place, Verdict]
    declared_outside: Callable[[Operation], Verdict]


def part_decision(workflow: Workflow, whole: str) -> tuple[Objection, Decision]:
    """Return why a part of a split workflow keeps the keys that it has and gets no others: of each call, and of all.

    A key covers all that a step comes after, by data or by order. A part says that it comes after another one as a
    whole, or nothing of it: its keys would be other ones than those of the whole, or would miss a change.
    """
    what = "it was split" if whole == workflow.label else f"it is a part of {whole}"
    reason = (
        f"{what}, and what its steps come after is in other parts (rule part): put cache before split in the pipeline"
    )
    return Objection("part", what), Decision(optimizer=NAME, workflow=workflow.label, reason=reason)


def decide(
    old: Workflow, new: Workflow, facet: Caching, ctx: Context, judged: Judged
) -> tuple[list[Decision], dict[str, Decision]]:
    """Return a decision for each call, and by name one for each operation of a library that others can call.

    Args:
        old: the workflow as it came in.
        new: the workflow as it goes out.
        facet: what its engine knows.
        ctx: whose profiles say what caching would save.
        judged: what was found about it.
    """
    before, after, steps = _cached(old), _cached(new), _steps(old)
    called = {place: step.call.name for place, step in _steps(new).items() if isinstance(step.call, Call)}
    decisions = []
    if new is not old:
        count = sum(1 for directives, _ in after.values() if directives)
        reason = "`couler lint` warns if a cached step is edited afterwards"
        figures = (("steps cached", count), ("steps", len(after)))
        decisions.append(Decision(optimizer=NAME, workflow=old.label, action=NAME, reason=reason, figures=figures))
    for place, verdict in judged.verdicts.items():
        changed = before.get(place) != after.get(place)
        names = [_operation(verdict), called.get(place, "")] if changed else []
        subject = "/".join(place) if place[0] else _operation(verdict)
        told = _Told(old, subject, steps[place], verdict, judged.declared[place], changed, names)
        decisions.append(_decision(told, facet, ctx))
    was, now = ({item.name: item.directives for item in workflow.operations} for workflow in (old, new))
    outside: dict[str, Decision] = {}
    for name, verdict in judged.outside.items():
        assert verdict.facts is not None
        declared = judged.declared_outside(verdict.facts.operation)
        told = _Told(old, name, None, verdict, declared, was.get(name) != now.get(name), [])
        outside[name] = _decision(told, facet, ctx)
    inside = {_operation(verdict) for verdict in judged.verdicts.values()}
    decisions += [decision for name, decision in outside.items() if name not in inside]
    return decisions, outside


class _Told(NamedTuple):
    """What a decision is made of; see `decide`."""

    workflow: Workflow
    subject: str
    step: Step | None
    verdict: Verdict
    declared: Verdict
    changed: bool
    affects: list[str]


def _decision(told: _Told, facet: Caching, ctx: Context) -> Decision:
    verdict, facts = told.verdict, told.verdict.facts
    figures: list[tuple[str, Scalar]] = []
    if verdict.objection is not None:
        action = "stop caching" if told.changed else ""
        reason = verdict.objection.advice
        if verdict.declarable:
            reason = f"worth caching if it is pure: add {verdict.objection.remedy}"
        figures.append(("rule", verdict.objection.rule))
    else:
        action = NAME if told.changed else ""
        reason = (
            f"{verdict.declared} says that it is pure"
            if told.changed
            else "it is cached already, its key is up to date"
        )
        figures += [("reused for seconds", verdict.max_age)] if verdict.max_age is not None else []
        figures += [("results per run", verdict.entries)] if verdict.entries else []
        figures += [("values from earlier steps", len(verdict.handed))] if verdict.handed else []
        if facts is not None:
            reason = "; ".join(filter(None, [reason, *_notes(verdict, facet), *dict.fromkeys(facts.material.warnings)]))
    return decision_on(
        told.workflow,
        told.subject,
        ctx,
        step=told.step,
        judgement=judgement_on(verdict, told.declared),
        reason=reason,
        action=action,
        figures=figures,
        affects=told.affects,
        warnings=verdict.warnings,
        waived=verdict.waived,
    )


def _notes(verdict: Verdict, facet: Caching) -> Iterator[str]:
    """What the owner should know of how it is cached."""
    yield verdict.choice
    if verdict.wrapper and verdict.facts is not None:
        yield "its command is wrapped, since the engine's own cache cannot keep its results"
        yield facet.wrapper_note(verdict.facts.operation, int(dict(verdict.wrapper)["timeout"]))


def _operation(verdict: Verdict) -> str:
    return verdict.facts.operation.name if verdict.facts is not None else ""


def _steps(workflow: Workflow) -> dict[Place, Step]:
    steps = {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}
    return steps if workflow.entry is None else {**steps, ("", workflow.entry.name): workflow.entry}


def _cached(workflow: Workflow) -> dict[Place, Cached]:
    """How each call of an operation is cached; without requests where it is not."""
    by_name = callables(workflow)
    found: dict[Place, Cached] = {}
    for place, step in _steps(workflow).items():
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Operation):
            directives = tuple(item for item in (*step.directives, *callee.directives) if item.kind == NAME)
            handed = tuple(argument for argument in step.arguments if argument.name.startswith(LINEAGE))
            found[place] = directives, handed
    return found
