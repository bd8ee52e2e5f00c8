"""Caching on engines whose workers look results up by themselves: they are asked, and told why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from couler_plugins.caching.calls import Place
from couler_plugins.caching.outcomes import CACHED, Judgement, decision_on, judge
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Request, WorkerCaching
from couler_plugins.ir import Directive, Scalar, Step, Workflow, replace_steps, with_directive
from couler_plugins.plan import Decision

__all__ = ["ask_workers"]

ASKED = Directive(kind="cache")


def ask_workers(
    workflow: Workflow, facet: WorkerCaching, ctx: Context, *, assume_pure: bool
) -> tuple[Workflow, list[Decision]]:
    """The workflow with every step asked that may be cached (the same object where nothing changes), and why.

    What was asked before stays: a step that is asked again is not asked anew.
    """
    requests = facet.requests(assume_pure=assume_pure)
    steps = {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}
    asked = {place for place, step in steps.items() if ASKED in step.directives}
    changed = {
        place: with_directive(steps[place], ASKED)
        for place, request in requests.items()
        if request.objection is None and place not in asked
    }
    decisions = list(_decisions(workflow, steps, requests, changed.keys(), ctx))
    return (replace_steps(workflow, changed) if changed else workflow), decisions


def _decisions(
    workflow: Workflow,
    steps: Mapping[Place, Step],
    requests: Mapping[Place, Request],
    changed: Iterable[Place],
    ctx: Context,
) -> Iterator[Decision]:
    new = set(changed)
    for place, request in requests.items():
        subject = "/".join(place)
        figures: list[tuple[str, Scalar]] = []
        if request.objection is None:
            said = f"{request.declared} says that it is pure" if place in new else "it is cached already"
            reason = f"{said}; {request.note}" if request.note else said
        else:
            reason = f"worth caching if it is pure: {request.advice}" if request.advice else request.objection.reason
            figures.append(("rule", request.objection.rule))
        yield decision_on(
            workflow,
            subject,
            ctx,
            step=steps[place],
            judgement=_judgement(request),
            reason=reason,
            action="cache" if place in new else "",
            figures=figures,
        )


def _judgement(request: Request) -> Judgement:
    if request.objection is None:
        return CACHED
    return judge([msgspec.structs.replace(request.objection, remedy=request.advice or request.objection.remedy)])
