"""Caching on engines whose workers look results up by themselves: they are asked, and told why not."""

from __future__ import annotations

from couler_plugins.caching.calls import Place
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, Request, WorkerCaching
from couler_plugins.ir import Directive, Scalar, Workflow, replace_steps, with_directive
from couler_plugins.plan import Decision

__all__ = ["ask_workers"]

ASKED = Directive(kind="cache")


def ask_workers(
    workflow: Workflow, facet: WorkerCaching, ctx: Context, *, assume_pure: bool
) -> tuple[Workflow, list[Decision]]:
    """Return the workflow with the steps asked that workers look at (the same object where nothing changes), and why.

    What was asked before stays: a step that is asked again is not asked anew.
    """
    requests = facet.requests(assume_pure=assume_pure, explains=ctx.explains)
    steps = {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}
    asked = {place for place, step in steps.items() if ASKED in step.directives}
    changed = {
        place: with_directive(steps[place], ASKED)
        for place, request in requests.items()
        if request.asked and place not in asked
    }
    decisions = [_decide(workflow, place, request, ctx, new=place in changed) for place, request in requests.items()]
    return (replace_steps(workflow, changed) if changed else workflow), decisions


def _decide(workflow: Workflow, place: Place, request: Request, ctx: Context, *, new: bool) -> Decision:
    subject = "/".join(place)
    verdict = request.verdict
    figures: list[tuple[str, Scalar]] = [("verdict", verdict)]
    match verdict:
        case "cached" | "run-time":
            reasons = [f"{request.declared} says that it is pure" if new else "its worker looks already"]
        case "declarable":
            reasons = ["it would be cached after a declaration"]
        case _:
            reasons = []
    for item in sorted(request.objections, key=lambda item: bool(item.remedy)):
        remedy = f": declare {item.remedy}" if verdict == "declarable" else ""
        reasons.append(f"{item.reason}{_place(item)}{remedy}")
    if verdict == "run-time":
        reasons += [f"decided when it runs: {item.reason}" for item in request.doubts]
    reasons += [request.note] if request.note else []
    if request.objections:
        figures.append(("rules", ", ".join(dict.fromkeys(item.rule for item in request.objections))))
    seconds = ctx.profile(workflow, subject).seconds
    if seconds is not None:
        figures.append(("seconds saved by a hit", round(seconds, 3)))
    return Decision(
        optimizer="cache",
        workflow=workflow.label,
        subject=subject,
        action="cache" if new and verdict in ("cached", "run-time") else "",
        reason="; ".join(reasons),
        figures=tuple(figures),
    )


def _place(objection: Objection) -> str:
    place = objection.place
    return f" ({place.file}:{place.line})" if place is not None and place.line is not None else ""
