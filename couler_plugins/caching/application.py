"""Puts verdicts into a workflow: directives, the parameters that carry lineages, private copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.decisions import decide
from couler_plugins.caching.keys import LINEAGE, lineage_names
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Caching, Objection
from couler_plugins.ir import (
    Argument,
    Call,
    Directive,
    Operation,
    Step,
    Workflow,
    clone_callable,
    fresh_name,
    map_steps,
    replace,
    replace_callables,
    with_directive,
)
from couler_plugins.plan import Decision

__all__ = ["apply", "stripped"]

FULL = Objection("full", "what one run adds would fill more than half of its shard of the engine's cache", "storage")

Place = tuple[str, str]


def apply(
    workflow: Workflow, facet: Caching, ctx: Context, *, assume_pure: bool, circular: bool
) -> tuple[Workflow, list[Decision]]:
    """The workflow with everything cached that may be (the same object where nothing changes), and the decisions.

    What caching itself added before is taken out first, so that every key is computed anew.

    Args:
        workflow: the workflow.
        facet: what its engine knows.
        ctx: what optimizers may ask for.
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
    """
    bare = stripped(workflow)
    analysis = Analysis(bare, facet, assume_pure=assume_pure, circular=circular)
    verdicts = _admitted(analysis.verdicts, facet)
    directives = {place: _directive(verdict) for place, verdict in verdicts.items() if verdict.objection is None}
    if workflow.library:
        private = {item.name for item in workflow.operations if any(_lineage(item) for item in item.directives)}
        new, outside = _in_library(bare, analysis, verdicts, directives, private)
    else:
        new, outside = _with_calls(bare, verdicts, directives, {}), {}
    new = workflow if new == workflow else new
    return new, decide(workflow, new, facet, ctx, verdicts, outside)


def stripped(workflow: Workflow) -> Workflow:
    """The workflow without anything that caching adds."""
    cached = {item.name for item in workflow.operations if any(map(_is_cache, item.directives))}

    def bare_step(step: Step) -> Step:
        asked = any(map(_is_cache, step.directives))
        if not asked and not (isinstance(step.call, Call) and step.call.name in cached):
            return step  # an owner may have a parameter of that name
        arguments = tuple(argument for argument in step.arguments if not _is_ours(argument))
        directives = tuple(item for item in step.directives if not _is_cache(item))
        same = len(arguments) == len(step.arguments) and len(directives) == len(step.directives)
        return step if same else replace(step, arguments=arguments, directives=directives)

    changed = {
        operation.name: replace(
            operation, directives=tuple(item for item in operation.directives if not _is_cache(item))
        )
        for operation in workflow.operations
        if operation.name in cached
    }
    bare = map_steps(workflow, bare_step)
    return replace_callables(bare, changed) if changed else bare


def _is_cache(directive: Directive) -> bool:
    return directive.kind == "cache"


def _is_ours(argument: Argument) -> bool:
    return argument.kind == "parameter" and (argument.name == LINEAGE or argument.name.startswith(f"{LINEAGE}-"))


def _admitted(verdicts: Mapping[Place, Verdict], facet: Caching) -> dict[Place, Verdict]:
    """The verdicts, those refused whose results would not fit into half of their shard; a shard fills up in order."""
    used: dict[str, int] = {}
    admitted = dict(verdicts)
    for place, verdict in verdicts.items():
        if verdict.objection is not None or verdict.facts is None or facet.shard_bytes is None:
            continue
        refusal: Objection | None = None
        if verdict.entries is None:
            bound = facet.how_to_bound(verdict.facts.operation)
            refusal = Objection("uncounted", f"only the run knows how many results it adds: add {bound}", "storage")
        else:
            shard = facet.shard(verdict.facts.spec)
            total = used.get(shard, 0) + verdict.entries * verdict.facts.material.entry_bytes
            refusal = FULL if total > facet.shard_bytes // 2 else None
            used[shard] = used.get(shard, 0) if refusal else total
        if refusal is not None:
            admitted[place] = msgspec.structs.replace(verdict, objection=refusal)
    return admitted


def _directive(verdict: Verdict) -> Directive:
    """The request for the engine: what to cache, for how long, and how many parameters carry the lineage."""
    assert verdict.facts is not None
    options: dict[str, Any] = {"max-age": "" if verdict.max_age is None else f"{verdict.max_age}s"}
    options["spec"] = verdict.facts.spec
    if verdict.handed:
        options["lineage"] = len(verdict.handed)
    return Directive(kind="cache", options=tuple(sorted(options.items())))


def _lineage(directive: Directive) -> bool:
    """Whether only calls that hand over a lineage can use what the directive is on."""
    return _is_cache(directive) and bool(dict(directive.options).get("lineage"))


def _with_calls(
    workflow: Workflow,
    verdicts: Mapping[Place, Verdict],
    directives: Mapping[Place, Directive],
    calls: Mapping[Place, str],
) -> Workflow:
    """The workflow with the cached calls handing over their lineages.

    Args:
        workflow: the workflow, stripped.
        verdicts: what was found about each call.
        directives: the requests, by call; only calls in `calls` and in here change.
        calls: what some of them are to call instead, whose own directives then hold.
    """

    def changed(place: Place, step: Step) -> Step:
        if place not in directives:
            return step
        values = verdicts[place].handed
        if values:
            names = lineage_names(len(values))
            added = [Argument(name=name, value=value) for name, value in zip(names, values, strict=True)]
            parameters = [argument for argument in step.arguments if argument.kind == "parameter"]
            artifacts = [argument for argument in step.arguments if argument.kind == "artifact"]
            step = replace(step, arguments=(*parameters, *added, *artifacts))
        if place in calls:
            same = isinstance(step.call, Call) and step.call.name == calls[place]
            return step if same else replace(step, call=Call(name=calls[place]))
        return with_directive(step, directives[place])

    graphs = []
    for graph in workflow.graphs:
        steps = tuple(changed((graph.name, step.name), step) for step in graph.steps)
        same = all(new is old for new, old in zip(steps, graph.steps, strict=True))
        graphs.append(graph if same else replace(graph, steps=steps))
    entry = workflow.entry and changed(("", workflow.entry.name), workflow.entry)
    return replace(workflow, graphs=tuple(graphs), entry=entry)


def _in_library(
    bare: Workflow,
    analysis: Analysis,
    verdicts: Mapping[Place, Verdict],
    directives: Mapping[Place, Directive],
    private: set[str],
) -> tuple[Workflow, dict[str, Verdict]]:
    """The library with directives on operations, which hold for calls from anywhere.

    Where a call from outside may not be cached, or differs from one inside, the latter gets a copy of its own.

    Args:
        bare: the library, stripped.
        analysis: of it.
        verdicts: what was found about each call inside.
        directives: the requests, by call.
        private: operations that are such copies already.

    Returns:
        The library, and what was found about operations that nothing inside calls.
    """
    places: dict[str, list[Place]] = {}
    for place, verdict in verdicts.items():
        if verdict.facts is not None:
            places.setdefault(verdict.facts.operation.name, []).append(place)
    changed: dict[str, Operation] = {}
    calls: dict[Place, str] = {}
    outside: dict[str, Verdict] = {}
    library = bare
    for operation in bare.operations:
        inside = places.get(operation.name, [])
        asked = dict.fromkeys(directives[place] for place in inside if place in directives)
        own = next(iter(asked), None)
        if operation.name not in private:
            verdict = analysis.from_outside(operation)
            own = _directive(verdict) if verdict.objection is None else None
            if not inside:
                outside[operation.name] = verdict
        if any(directives.get(place) != own for place in inside):
            own = None
        names = {own: operation.name} if own is not None else {}
        for directive in asked:
            if directive not in names:
                names[directive] = fresh_name(
                    f"{operation.name}-cache", {*changed, *(x.name for x in library.operations)}
                )
                library = clone_callable(library, operation.name, names[directive])
        changed.update(
            {name: replace(operation, name=name, directives=(directive,)) for directive, name in names.items()}
        )
        calls.update({place: names[directives[place]] for place in inside if place in directives})
    return _with_calls(replace_callables(library, changed), verdicts, directives, calls), outside
