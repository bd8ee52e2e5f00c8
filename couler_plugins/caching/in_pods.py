"""Caching where pods look results up and keep them by themselves, since the engine keeps nothing.

What a step depends on is in its key by value: its parameters, and the files that its owner declares, by their content.
What it merely comes after has to have a key that is known now; that is a constant in what its pod is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.rules import call_objections
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, PodCaching
from couler_plugins.ir import Graph, Literal, Scalar, Step, Workflow, callables
from couler_plugins.plan import Decision

__all__ = ["apply_in_pods", "copy_decision", "verdicts_in"]

NO_STORE = Objection(
    "no-store", "its engine keeps no results: add via=wrapper,store=s3://bucket/cache,image=…", "storage"
)
LATE = Objection(
    "lineage", "what it comes after is only known at run time, and none of its parameters tells", "storage"
)
UNKNOWN = Objection("unknown-callee", "what it calls is not known")


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
    final = {place: _judged(verdict, facet, wrapper) for place, verdict in verdicts_in(facet, assume_pure=assume_pure)}
    admitted = {place: verdict for place, verdict in final.items() if verdict.objection is None}
    found = facet.wrapped(admitted, wrapper)
    decisions = [
        _decision(workflow, place, final[place], facet, ctx, changed=place in found.changed) for place in final
    ]
    decisions += _others(workflow, facet, final)
    return found.workflow, found.added, decisions


def copy_decision(copy: Workflow) -> Decision:
    """Why there is a new object."""
    reason = "calls in these files refer to it; what it is a copy of stays as it is, for all others"
    return Decision(optimizer="cache", workflow=copy.label, action="make a cached copy", reason=reason)


def verdicts_in(facet: PodCaching, *, assume_pure: bool) -> Iterator[tuple[Place, Verdict]]:
    """What is found about each call, whatever keeps the results; for a library of operations, about each of these.

    Args:
        facet: what the engine knows of the workflow.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    bare = facet.bare
    analysis = Analysis(bare, facet, assume_pure=assume_pure, fingerprints=True)
    for place, verdict in analysis.verdicts.items():
        refusal = facet.call_objection(place)
        yield place, verdict if refusal is None else _refused(verdict, refusal)
    if bare.library and not bare.graphs:
        for operation in bare.operations:
            place, verdict = ("", operation.name), analysis.from_outside(operation)
            refusal = facet.call_objection(place)
            yield place, verdict if refusal is None else _refused(verdict, refusal)


def _refused(verdict: Verdict, objection: Objection) -> Verdict:
    return msgspec.structs.replace(verdict, objection=objection, declarable=False)


def _judged(verdict: Verdict, facet: PodCaching, wrapper: Wrapper | None) -> Verdict:
    """A verdict with what stands against keeping the result in a store of ours."""
    if verdict.objection is not None:
        return verdict
    assert verdict.facts is not None
    if not all(isinstance(value, Literal) for value in verdict.handed):
        return _refused(verdict, LATE)
    found = NO_STORE if wrapper is None else facet.store_objection(verdict.facts.operation, wrapper)
    return verdict if found is None else _refused(verdict, found)


def _decision(
    workflow: Workflow, place: Place, verdict: Verdict, facet: PodCaching, ctx: Context, *, changed: bool
) -> Decision:
    assert verdict.facts is not None
    subject = "/".join(place) if place[0] else verdict.facts.operation.name
    figures: list[tuple[str, Scalar]] = []
    action = ""
    if verdict.objection is not None:
        action = "stop caching" if changed else ""
        reason = verdict.objection.reason
        if verdict.declarable:
            reason = f"worth caching if it is pure: add {facet.how_to_declare(verdict.facts.operation)}"
        figures.append(("rule", verdict.objection.rule))
    else:
        action = "cache" if changed else ""
        reason = f"{verdict.declared} says that it is pure" if changed else "it is cached already"
        reason = "; ".join(dict.fromkeys((reason, *verdict.facts.material.warnings)))
        figures += [("reused for seconds", verdict.max_age)] if verdict.max_age is not None else []
    seconds = ctx.profile(workflow, subject).seconds
    if seconds is not None:
        figures.append(("seconds saved by a hit", round(seconds, 3)))
    return Decision(
        optimizer="cache",
        workflow=workflow.label,
        subject=subject,
        action=action,
        reason=reason,
        figures=tuple(figures),
    )


def _others(workflow: Workflow, facet: PodCaching, seen: Mapping[Place, Verdict]) -> Iterator[Decision]:
    """Decisions on the calls that reach nothing that is known."""
    bare = facet.bare
    by_name = callables(bare)
    places: list[tuple[Place, Step]] = [
        ((graph.name, step.name), step) for graph in bare.graphs for step in graph.steps
    ]
    places += [(("", bare.entry.name), bare.entry)] if bare.entry is not None else []
    for place, step in places:
        if place in seen or isinstance(by_name.get(getattr(step.call, "name", "")), Graph):
            continue
        found = facet.call_objection(place) or next(call_objections(step), UNKNOWN)
        yield Decision(
            optimizer="cache",
            workflow=workflow.label,
            subject="/".join(part for part in place if part),
            reason=found.reason,
            figures=(("rule", found.rule),),
        )
