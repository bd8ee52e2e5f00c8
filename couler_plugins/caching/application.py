"""Takes out of a workflow what caching added before, and puts in what the verdicts allow."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place, directive_of, is_cache, is_private, with_calls
from couler_plugins.caching.choice import Limit, choose
from couler_plugins.caching.decisions import Judged, decide
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.libraries import cached_library
from couler_plugins.caching.shards import ShardFill
from couler_plugins.caching.wrapping import wrapped
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Caching, Objection, SourcePlace
from couler_plugins.hookspecs.verdicts import Verdict, Wrapper
from couler_plugins.ir import Argument, Call, Step, Workflow, map_steps, replace, replace_callables
from couler_plugins.plan import Decision

__all__ = ["apply", "stripped"]

NOT_ASKED = Objection("not-asked", "the engine's own cache is not asked for", "storage")
FULL = Objection("full", "what one run adds could fill more than half of a shard of the engine's cache", "storage")


def apply(
    workflow: Workflow,
    facet: Caching,
    ctx: Context,
    *,
    assume_pure: bool,
    circular: bool,
    limit: Limit | None,
    wrapper: Wrapper | None,
    memoizes: bool,
) -> tuple[Workflow, list[Decision], dict[str, Decision]]:
    """The workflow with everything cached that may be (the same object where nothing changes), and the decisions.

    The decisions are those on its calls, then by name those on calls of its operations from other workflows.

    What caching itself added before is taken out first, so that every key is computed anew.

    Args:
        workflow: the workflow.
        facet: what its engine knows.
        ctx: what optimizers may ask for.
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
        limit: the capacity to choose for; None where all that may be cached is.
        wrapper: what keeps results that the engine's own cache cannot keep, or does not; None for nothing.
        memoizes: whether the engine's own cache keeps results.
    """
    bare = stripped(facet.without_traces(workflow))
    unkept = None if memoizes else facet.needs_rights or NOT_ASKED
    analysis = Analysis(bare, facet, assume_pure=assume_pure, circular=circular, unkept=unkept)
    declared = Analysis(bare, facet, circular=circular, declared=True, like=analysis)

    def kept(found: Mapping[Place, Verdict]) -> dict[Place, Verdict]:
        admitted = _admitted(found, facet)
        return admitted if wrapper is None else wrapped(admitted, facet, wrapper)

    verdicts = kept(analysis.verdicts)
    if limit is not None:
        verdicts = choose(bare, verdicts, facet, ctx, limit)
    outside: dict[str, Verdict] = {}
    if workflow.library:
        copies = {item.name for item in workflow.operations if any(map(is_private, item.directives))}
        new, outside = cached_library(bare, analysis, verdicts, copies)
    else:
        asked = {place: directive_of(verdict) for place, verdict in verdicts.items() if not verdict.objections}
        new = with_calls(bare, verdicts, asked, {})
    new = workflow if new == workflow else new
    could = kept(declared.verdicts) if ctx.explains else verdicts
    judged = Judged(verdicts, outside, could, declared.from_outside)
    return new, *decide(workflow, new, facet, ctx, judged)


def stripped(workflow: Workflow) -> Workflow:
    """The workflow without anything that caching adds."""
    cached = {item.name for item in workflow.operations if any(map(is_cache, item.directives))}

    def bare_step(step: Step) -> Step:
        asked = any(map(is_cache, step.directives))
        if not asked and not (isinstance(step.call, Call) and step.call.name in cached):
            return step  # an owner may have a parameter of that name
        arguments = tuple(argument for argument in step.arguments if not _is_ours(argument))
        directives = tuple(item for item in step.directives if not is_cache(item))
        same = len(arguments) == len(step.arguments) and len(directives) == len(step.directives)
        return step if same else replace(step, arguments=arguments, directives=directives)

    changed = {
        operation.name: replace(
            operation, directives=tuple(item for item in operation.directives if not is_cache(item))
        )
        for operation in workflow.operations
        if operation.name in cached
    }
    bare = map_steps(workflow, bare_step)
    return replace_callables(bare, changed) if changed else bare


def _is_ours(argument: Argument) -> bool:
    return argument.kind == "parameter" and (argument.name == LINEAGE or argument.name.startswith(f"{LINEAGE}-"))


def _admitted(verdicts: Mapping[Place, Verdict], facet: Caching) -> dict[Place, Verdict]:
    """The verdicts, those refused whose results could fill more than half of a shard; the first of them come first."""
    fill = None if facet.shards is None else ShardFill(facet.shards.number, facet.shards.bytes // 2)
    admitted = dict(verdicts)
    for place, verdict in verdicts.items():
        if verdict.objections or verdict.facts is None or fill is None:
            continue
        refusal: Objection | None = None
        if verdict.entries is None:
            bound = facet.how_to_bound(verdict.facts.operation)
            reason = "only the run knows how many results it adds"
            where = SourcePlace.of(verdict.facts.operation.source)
            refusal = Objection("uncounted", reason, "storage", bound, place=where)
        elif not fill.admits(verdict.entries, verdict.facts.material.entry_bytes):
            refusal = FULL
        if refusal is not None:
            admitted[place] = msgspec.structs.replace(verdict, objections=(refusal,))
    return admitted
