"""The verdict on each call site, for `couler explain`: cached, cached after a declaration, or never; and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, SourcePlace
from couler_plugins.hookspecs.verdicts import Verdict
from couler_plugins.ir import External, Scalar, Step, Workflow
from couler_plugins.plan import Decision, Outcome

__all__ = ["CACHED", "NATIVE", "Judgement", "called_by", "decision_on", "judge", "judgement_on", "ordered"]

NATIVE = frozenset({"cached-by-owner", "copy", "importer"})
"""Rules about what is cached as it is: by its owner, by its engine, or as a copy that we made."""
UPSTREAM = "a declaration for each step that runs before it"


class Judgement(NamedTuple):
    """What becomes of a call site.

    Attributes:
        outcome: cached, cached after a declaration, never cached, or not known here.
        objections: all that is against caching it, those that no declaration takes away first.
    """

    outcome: Outcome
    objections: tuple[Objection, ...] = ()


CACHED = Judgement("cached")


def judgement_on(verdict: Verdict, declared: Verdict, more: Iterable[Objection] = ()) -> Judgement:
    """Return what becomes of a call site.

    Args:
        verdict: on the call as it stands.
        declared: on the call if all that owners could declare were declared.
        more: what else is against it.
    """
    if verdict.objection is None and not more:
        return CACHED
    if verdict.objection is not None and verdict.objection.rule in NATIVE:
        return CACHED
    missing = [item for item in verdict.objections if item.rule == "not-declared"]
    found = [*more, *declared.objections, *missing]
    if not found:  # only what runs before it is not declared
        found = [msgspec.structs.replace(item, remedy=UPSTREAM, place=None) for item in verdict.objections]
    return judge(found)


def judge(objections: Iterable[Objection]) -> Judgement:
    """Return what these objections come to: `never` where one has no remedy."""
    found = ordered(objections)
    return Judgement("declarable" if all(item.remedy for item in found) else "never", found)


def ordered(objections: Iterable[Objection]) -> tuple[Objection, ...]:
    """Return the different objections, those that no declaration takes away first."""
    different: dict[tuple[str, str], Objection] = {}
    for item in objections:  # one declaration may be missing for two reasons
        different.setdefault((item.rule, item.remedy or item.reason), item)
    return tuple(sorted(different.values(), key=lambda item: bool(item.remedy)))


def called_by(step: Step) -> str:
    """Return what a step calls, as decisions name it."""
    call = step.call
    return call.label if isinstance(call, External) else getattr(call, "name", "") or "(dynamic)"


def decision_on(
    workflow: Workflow,
    subject: str,
    ctx: Context,
    *,
    step: Step | None,
    judgement: Judgement,
    reason: str,
    action: str = "",
    figures: Iterable[tuple[str, Scalar]] = (),
    affects: Sequence[str] = (),
    warnings: Sequence[Objection] = (),
    waived: Sequence[str] = (),
    document: int | None = None,
) -> Decision:
    """Return a decision of the optimizer `cache`, with what past runs say of the step.

    Args:
        workflow: the workflow.
        subject: the step, or the operation.
        ctx: whose profiles say what caching would save.
        step: the call site; None where the decision is about an operation.
        judgement: what was found about it.
        reason, action, figures, affects, warnings, waived, document: see `Decision`.
    """
    profile = ctx.profile(workflow, subject)
    told = list(figures)
    if profile.seconds is not None:
        told.append(("seconds saved by a hit", round(profile.seconds, 3)))
    if profile.output_bytes is not None:
        told.append(("bytes of a result", profile.output_bytes))
    return Decision(
        optimizer="cache",
        workflow=workflow.label,
        subject=subject,
        action=action,
        reason=reason,
        figures=tuple(told),
        affects=tuple(dict.fromkeys(name for name in affects if name and name != subject)),
        document=document,
        verdict=judgement.outcome,
        calls="" if step is None else called_by(step),
        objections=judgement.objections,
        warnings=tuple(warnings) if judgement.outcome != "never" else (),
        waived=tuple(waived) if judgement.outcome != "never" else (),
        place=None if step is None else SourcePlace.of(step.source),
    )
