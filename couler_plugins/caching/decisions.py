"""Why each call is cached, is not, or would be after a declaration: what `couler explain` shows of caching."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, SourcePlace
from couler_plugins.ir import External, Scalar, Step, Workflow
from couler_plugins.plan import Decision, Outcome

NAME = "cache"

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
    objections = [*more, *declared.objections, *missing]
    if not objections:  # only what runs before it is not declared
        objections = [msgspec.structs.replace(item, remedy=UPSTREAM, place=None) for item in verdict.objections]
    return judge(objections)


def judge(objections: Iterable[Objection]) -> Judgement:
    """Return what these objections come to: `never` where one has no remedy."""
    objections_ordered = ordered(objections)
    return Judgement("declarable" if all(item.remedy for item in objections_ordered) else "never", objections_ordered)


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


def part_decision(workflow: Workflow, whole: str) -> tuple[Objection, Decision]:
    """Return why a part of a split workflow keeps the keys that it has and gets no others: of each call, and of all.

    A key covers all that a step comes after, by data or by order. A part says that it comes after another one as a
    whole, or nothing of it: its keys would be other ones than those of the whole, or would miss a change.
    """
    what = "it was split" if whole == workflow.label else f"it is a part of {whole}"
    reason = f"{what}, and steps before its own are in other parts (rule part): put cache before split in the pipeline"
    return Objection("part", what), Decision(optimizer=NAME, workflow=workflow.label, reason=reason)


def copy_decision(copy: Workflow) -> Decision:
    """Return why there is a new workflow."""
    reason = "calls in these files refer to the copy; the original stays as it is for all others"
    return Decision(optimizer=NAME, workflow=copy.label, action="make a cached copy", reason=reason)


def decision_of(
    verdict: Verdict,
    workflow: Workflow,
    subject: str,
    ctx: Context,
    *,
    step: Step | None,
    judgement: Judgement,
    changed: bool,
    unchanged: str = "it is cached already",
    advice: str = "",
    notes: Iterable[str] = (),
    figures: Iterable[tuple[str, Scalar]] = (),
    affects: Sequence[str] = (),
) -> Decision:
    """Return the decision on a call of an operation.

    Args:
        verdict: what was found about it.
        workflow, subject, ctx, step, judgement, affects: see `decision_on`.
        changed: whether it is cached in another way than before.
        unchanged: the reason where it is cached as before.
        advice: the reason where it is not cached; that of the verdict unless given.
        notes: what its owner should know of how it is cached.
        figures: more of them where it is cached.
    """
    objection = verdict.objection
    assert verdict.facts is not None
    if objection is not None:
        pure = f"worth caching if it is pure: add {objection.remedy}"
        reasons = [advice or (pure if verdict.declarable else objection.advice)]
        figures = ()
    else:
        said = f"{verdict.declared} says that it is pure" if changed else unchanged
        reasons = [said, *notes, *verdict.facts.material.warnings]
        figures = [*([] if verdict.max_age is None else [("reused for seconds", verdict.max_age)]), *figures]
    return decision_on(
        workflow,
        subject,
        ctx,
        step=step,
        judgement=judgement,
        objection=objection,
        reasons=reasons,
        action=("cache" if objection is None else "stop caching") if changed else "",
        figures=figures,
        affects=affects,
        warnings=verdict.warnings,
        waived=verdict.waived,
    )


def decision_on(
    workflow: Workflow,
    subject: str,
    ctx: Context,
    *,
    step: Step | None,
    judgement: Judgement,
    reasons: Iterable[str],
    objection: Objection | None = None,
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
        judgement: what becomes of it.
        reasons: why, each in half a sentence.
        objection: the one that decides against caching it.
        action, figures, affects, warnings, waived, document: see `Decision`.
    """
    profile = ctx.profile(workflow, subject)
    notes = [*([] if objection is None else [("rule", objection.rule)]), *figures]
    if profile.seconds is not None:
        notes.append(("seconds saved by a hit", round(profile.seconds, 3)))
    if profile.output_bytes is not None:
        notes.append(("bytes of a result", profile.output_bytes))
    return Decision(
        optimizer=NAME,
        workflow=workflow.label,
        subject=subject,
        action=action,
        reason="; ".join(dict.fromkeys(filter(None, reasons))),
        figures=tuple(notes),
        affects=tuple(dict.fromkeys(name for name in affects if name and name != subject)),
        document=document,
        verdict=judgement.outcome,
        calls="" if step is None else called_by(step),
        objections=judgement.objections,
        warnings=tuple(warnings) if judgement.outcome != "never" else (),
        waived=tuple(waived) if judgement.outcome != "never" else (),
        place=None if step is None else SourcePlace.of(step.source),
    )
