"""Why each step is cached, or is not: what `couler explain` shows of caching."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Caching
from couler_plugins.ir import Argument, Call, Directive, Operation, Scalar, Step, Workflow, callables
from couler_plugins.plan import Decision

__all__ = ["decide", "part_decision"]

Cached = tuple[tuple[Directive, ...], tuple[Argument, ...]]
"""How a call is cached: the request that holds for it, and the lineage that it hands over."""

NAME = "cache"


def part_decision(workflow: Workflow, whole: str) -> Decision:
    """Why a part of a workflow that was split keeps the keys that it has, and gets no others.

    A key covers all that a step comes after, by data or by order. A part says that it comes after another one as a
    whole, or nothing of it: its keys would be other ones than those of the whole, or would miss a change.
    """
    what = "it was split" if whole == workflow.label else f"it is a part of {whole}"
    reason = (
        f"{what}, and what its steps come after is in other parts (rule part): put cache before split in the pipeline"
    )
    return Decision(optimizer=NAME, workflow=workflow.label, reason=reason)


def decide(
    old: Workflow,
    new: Workflow,
    facet: Caching,
    ctx: Context,
    verdicts: Mapping[Place, Verdict],
    outside: Mapping[str, Verdict],
) -> list[Decision]:
    """A decision for each call, and for each operation of a library that nothing in it calls.

    Args:
        old: the workflow as it came in.
        new: the workflow as it goes out.
        facet: what its engine knows.
        ctx: whose profiles say what caching would save.
        verdicts: what was found about each call.
        outside: what was found about operations that only others can call.
    """
    before, after = _cached(old), _cached(new)
    called = {place: step.call.name for place, step in _steps(new).items() if isinstance(step.call, Call)}
    decisions = []
    if new is not old:
        reason = "what the keys cover stands in the document, so that lint finds a key that is out of date"
        count = sum(1 for directives, _ in after.values() if directives)
        figures = (("steps cached", count), ("steps", len(after)))
        decisions.append(Decision(optimizer=NAME, workflow=old.label, action="cache", reason=reason, figures=figures))
    for place, verdict in verdicts.items():
        changed = before.get(place) != after.get(place)
        names = [_operation(verdict), called.get(place, "")] if changed else []
        subject = "/".join(place) if place[0] else _operation(verdict)
        decisions.append(_decision(old, subject, verdict, changed=changed, affects=names, facet=facet, ctx=ctx))
    was, now = ({item.name: item.directives for item in workflow.operations} for workflow in (old, new))
    for name, verdict in outside.items():
        changed = was.get(name) != now.get(name)
        decisions.append(_decision(old, name, verdict, changed=changed, affects=[], facet=facet, ctx=ctx))
    return decisions


def _decision(
    workflow: Workflow,
    subject: str,
    verdict: Verdict,
    *,
    changed: bool,
    affects: list[str],
    facet: Caching,
    ctx: Context,
) -> Decision:
    figures: list[tuple[str, Scalar]] = []
    if verdict.objection is not None:
        action = "stop caching" if changed else ""
        reason = verdict.objection.reason
        if verdict.declarable and verdict.facts is not None:
            reason = f"worth caching if it is pure: add {facet.how_to_declare(verdict.facts.operation)}"
        figures.append(("rule", verdict.objection.rule))
    else:
        action = "cache" if changed else ""
        reason = (
            f"{verdict.declared} says that it is pure" if changed else "it is cached already, its key is up to date"
        )
        figures += [("reused for seconds", verdict.max_age)] if verdict.max_age is not None else []
        figures += [("results a run", verdict.entries)] if verdict.entries else []
        figures += [("values of steps before it", len(verdict.handed))] if verdict.handed else []
        if verdict.facts is not None:
            notes = [verdict.choice] if verdict.choice else []
            if verdict.wrapper:
                notes.append("its command is wrapped, since the engine's own cache cannot keep its results")
                notes.append(facet.wrapper_note(verdict.facts.operation, int(dict(verdict.wrapper)["timeout"])))
            warnings = dict.fromkeys(verdict.facts.material.warnings)
            reason = "; ".join(filter(None, [reason, *notes, *warnings]))
    profile = ctx.profile(workflow, subject)
    if profile.seconds is not None:
        figures.append(("seconds saved by a hit", round(profile.seconds, 3)))
    if profile.output_bytes is not None:
        figures.append(("bytes of a result", profile.output_bytes))
    return Decision(
        optimizer=NAME,
        workflow=workflow.label,
        subject=subject,
        action=action,
        reason=reason,
        figures=tuple(figures),
        affects=tuple(dict.fromkeys(name for name in affects if name and name != subject)),
    )


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
