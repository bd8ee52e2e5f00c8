"""Caching on engines whose workers look results up by themselves: they are asked, and told why not."""

from __future__ import annotations

from couler_plugins.caching.calls import Place
from couler_plugins.caching.outcomes import Judgement, decision_on, ordered
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Request, WorkerCaching
from couler_plugins.ir import Directive, Scalar, Step, Workflow, replace_steps, with_directive
from couler_plugins.plan import Decision

__all__ = ["ask_workers"]

ASKED = Directive(kind="cache")


def ask_workers(
    workflow: Workflow, facet: WorkerCaching, ctx: Context, *, assume_pure: bool
) -> tuple[Workflow, list[Decision]]:
    """Return the workflow with the steps asked that workers look at (the same object where nothing changes), and why.

    Where workers would cache nothing at all, the first decision says so, without a verdict.
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
    decisions = []
    if ctx.explains and (changed or asked) and (missing := facet.settings_objection) is not None:
        decisions.append(
            Decision(optimizer="cache", workflow=workflow.label, reason=missing.advice, objections=(missing,))
        )
    decisions += [
        _decide(workflow, place, steps[place], request, ctx, new=place in changed)
        for place, request in requests.items()
    ]
    return (replace_steps(workflow, changed) if changed else workflow), decisions


def _decide(workflow: Workflow, place: Place, step: Step, request: Request, ctx: Context, *, new: bool) -> Decision:
    verdict = request.verdict
    against = ordered(request.objections or request.doubts)
    figures: list[tuple[str, Scalar]] = []
    if request.objections:
        reasons = [item.advice if verdict == "declarable" else item.reason for item in against]
        figures.append(("rule", against[0].rule))
    else:
        reasons = [f"{request.declared} says that it is pure" if new else "its worker looks already"]
        reasons += [f"decided when it runs: {item.reason}" for item in against]
    reasons += [request.note] if request.note else []
    return decision_on(
        workflow,
        "/".join(place),
        ctx,
        step=step,
        judgement=Judgement(verdict, against),
        reason="; ".join(reasons),
        action="" if not new else "cache" if verdict in ("cached", "run-time") else "check in the worker",
        figures=figures,
        waived=request.waived,
    )
