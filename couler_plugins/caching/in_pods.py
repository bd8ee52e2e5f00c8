"""Caching where pods look results up and keep them by themselves, since the engine keeps nothing.

What a step depends on is in its key by value: its parameters, and the files that its owner declares, by their content.
What it merely comes after has to have a key that is known now; that is a constant in what its pod is told.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.outcomes import Judgement, decision_on, judgement_on
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, PodCaching
from couler_plugins.hookspecs.verdicts import Verdict, Wrapper
from couler_plugins.ir import Literal, Scalar, Step, Workflow, call_sites
from couler_plugins.plan import Decision

__all__ = ["apply_in_pods", "copy_decision", "verdicts_in"]

NO_STORE = Objection(
    "no-store",
    "its engine keeps no results",
    "storage",
    "-p 'cache{via=wrapper,store=s3://bucket/cache,image=…}'",
)
LATE = Objection(
    "lineage", "what it comes after is only known at run time, and none of its parameters tells", "storage"
)
CALLED_HERE = "called-here"
"""The rule about an operation whose callers in these files are cached instead of it."""


def apply_in_pods(
    workflow: Workflow, facet: PodCaching, ctx: Context, wrapper: Wrapper | None, *, assume_pure: bool
) -> tuple[Workflow, tuple[Workflow, ...], list[Decision]]:
    """The workflow with everything cached that may be, what is new beside it, and why.

    It is the same object where nothing changes. What caching added before is taken out first.

    Args:
        workflow: the workflow.
        facet: what its engine knows.
        ctx: whose profiles say what caching would save.
        wrapper: what the pods are told; None where nothing says which store to use.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    analysis = _analysis(facet, assume_pure=assume_pure)
    final = {place: _judged(verdict, facet, wrapper) for place, verdict in _verdicts(facet, analysis)}
    could = _verdicts(facet, _analysis(facet, declared=True, like=analysis)) if ctx.explains else ()
    declared = final | {place: _judged(verdict, facet, wrapper) for place, verdict in could}
    admitted = {place: verdict for place, verdict in final.items() if not verdict.objections}
    found = facet.wrapped(admitted, wrapper)
    sites = {("" if site.graph is None else site.graph.name, site.step.name): site for site in call_sites(workflow)}
    decisions = []
    for place, verdict in final.items():
        assert verdict.facts is not None
        site = sites.get(place)
        subject = verdict.facts.operation.name if site is None else site.label
        step = None if site is None else site.step
        judgement = judgement_on(_uncalled(verdict), _uncalled(declared[place]))
        decisions.append(_decision(workflow, subject, step, verdict, judgement, ctx, changed=place in found.changed))
    return found.workflow, found.added, decisions


def copy_decision(copy: Workflow) -> Decision:
    """Why there is a new object."""
    reason = "calls in these files refer to it; what it is a copy of stays as it is, for all others"
    return Decision(optimizer="cache", workflow=copy.label, action="make a cached copy", reason=reason)


def verdicts_in(facet: PodCaching, *, assume_pure: bool = False) -> Iterator[tuple[Place, Verdict]]:
    """What is found about each call, whatever keeps the results; for a library of operations, about each of these.

    Args:
        facet: what the engine knows of the workflow.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    return _verdicts(facet, _analysis(facet, assume_pure=assume_pure))


def _analysis(
    facet: PodCaching, *, assume_pure: bool = False, declared: bool = False, like: Analysis | None = None
) -> Analysis:
    return Analysis(facet.bare, facet, assume_pure=assume_pure, fingerprints=True, declared=declared, like=like)


def _verdicts(facet: PodCaching, analysis: Analysis) -> Iterator[tuple[Place, Verdict]]:
    bare = analysis.workflow
    found = list(analysis.verdicts.items())
    if bare.library and not bare.graphs:
        found += [(("", operation.name), analysis.from_outside(operation)) for operation in bare.operations]
    for place, verdict in found:
        refusal = facet.call_objection(place)
        yield place, verdict if refusal is None else _refused(verdict, refusal)


def _refused(verdict: Verdict, objection: Objection) -> Verdict:
    return msgspec.structs.replace(verdict, objections=(objection, *verdict.objections), declarable=False)


def _uncalled(verdict: Verdict) -> Verdict:
    """The verdict as if nothing here called the operation."""
    objections = tuple(item for item in verdict.objections if item.rule != CALLED_HERE)
    return msgspec.structs.replace(verdict, objections=objections)


def _judged(verdict: Verdict, facet: PodCaching, wrapper: Wrapper | None) -> Verdict:
    """A verdict with what stands against keeping the result in a store of ours, where nothing stands against reuse."""
    if any(not item.remedy and item.rule != CALLED_HERE for item in verdict.objections):
        return verdict
    assert verdict.facts is not None
    found = NO_STORE if wrapper is None else facet.store_objection(verdict.facts.operation, wrapper)
    if not all(isinstance(value, Literal) for value in verdict.handed):
        found = LATE
    if found is None:
        return verdict
    return msgspec.structs.replace(verdict, objections=(*verdict.objections, found))


def _decision(
    workflow: Workflow,
    subject: str,
    step: Step | None,
    verdict: Verdict,
    judgement: Judgement,
    ctx: Context,
    *,
    changed: bool,
) -> Decision:
    figures: list[tuple[str, Scalar]] = []
    if verdict.objection is not None:
        action = "stop caching" if changed else ""
        reason = verdict.objection.advice
        if verdict.declarable:
            reason = f"worth caching if it is pure: add {verdict.objection.remedy}"
        figures.append(("rule", verdict.objection.rule))
    else:
        assert verdict.facts is not None
        action = "cache" if changed else ""
        reason = f"{verdict.declared} says that it is pure" if changed else "it is cached already"
        reason = "; ".join(dict.fromkeys((reason, *verdict.facts.material.warnings)))
        figures += [("reused for seconds", verdict.max_age)] if verdict.max_age is not None else []
    return decision_on(
        workflow,
        subject,
        ctx,
        step=step,
        judgement=judgement,
        reason=reason,
        action=action,
        figures=figures,
        warnings=verdict.warnings,
        waived=verdict.waived,
    )
