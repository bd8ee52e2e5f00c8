"""Caching in a library, whose operations other workflows can call as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from couler_plugins.caching.calls import Place, directive_of, with_calls
from couler_plugins.caching.keys import digest
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import (
    Call,
    Literal,
    Operation,
    Value,
    Workflow,
    call_sites,
    fresh_name,
    replace,
    replace_callables,
)

NO_LINEAGE: tuple[Value, ...] = (Literal(value=digest([])),)
"""What a call of a private copy hands over that has nothing before it: without it, nobody else can call the copy."""
MIXED = Objection("uncached-caller", "a step of its own library calls it too, and must not be cached")


def cached_library(
    bare: Workflow, from_outside: Callable[[Operation], Verdict], verdicts: Mapping[Place, Verdict], copies: set[str]
) -> tuple[Workflow, dict[str, Verdict]]:
    """The library with directives on operations, which hold for calls from anywhere.

    Where calls from outside may not be cached, or a call inside differs from them, the calls inside that may be get a
    private copy.

    Args:
        bare: the library, stripped.
        from_outside: tells what is found about calls of an operation from other workflows.
        verdicts: what was found about each call inside.
        copies: operations that are private copies already.

    Returns:
        The library, and what was found about calls of its operations from outside.
    """
    places = by_key(
        (verdict.facts.operation.name, place) for place, verdict in verdicts.items() if verdict.facts is not None
    )
    handling = _called_by_handlers(bare)
    names = {item.name for item in (*bare.graphs, *bare.operations)}
    changed: dict[str, Operation] = {}
    added: list[Operation] = []
    calls: dict[Place, str] = {}
    handing: dict[Place, Verdict] = {}
    outside: dict[str, Verdict] = {}
    for operation in bare.operations:
        inside = places.get(operation.name, [])
        if operation.name not in copies:
            verdict = from_outside(operation)
            # A call inside that is not cached needs the operation as it is; one that hands over more gets a copy.
            uncached = operation.name in handling or any(verdicts[place].objections for place in inside)
            if not verdict.objections and uncached:
                verdict = msgspec.structs.replace(verdict, objections=(MIXED,))
            outside[operation.name] = verdict
            if not verdict.objections:
                changed[operation.name] = replace(operation, directives=(directive_of(verdict),))
                inside = [place for place in inside if not _the_same(verdict, verdicts[place])]
        handing |= {place: _with_lineage(verdicts[place]) for place in inside if not verdicts[place].objections}
        groups = by_key((directive_of(handing[place]), place) for place in inside if place in handing)
        in_place = operation.name in copies and len(groups) == 1 and all(place in handing for place in inside)
        for directive, members in groups.items():
            name = operation.name if in_place else fresh_name(f"{operation.name}-cache", names)
            names.add(name)
            cached = replace(operation, name=name, directives=(directive,))
            if in_place:
                changed[name] = cached
            else:
                added.append(cached)
            calls.update(dict.fromkeys(members, name))
    directives = {place: directive_of(verdict) for place, verdict in handing.items()}
    library = replace_callables(bare, changed, added)
    return with_calls(library, {**verdicts, **handing}, directives, calls), outside


def _called_by_handlers(library: Workflow) -> set[str]:
    """What runs on events, for its effect, and so is never to be a hit."""
    steps = {id(step) for graph in library.graphs for step in graph.steps} | {id(library.entry)}
    calls = [site.step.call for site in call_sites(library) if id(site.step) not in steps]
    return {call.name for call in calls if isinstance(call, Call)}


def _the_same(outside: Verdict, inside: Verdict) -> bool:
    """Whether a call inside may use what is cached for all."""
    return not inside.lineages and directive_of(inside) == directive_of(outside)


def _with_lineage(verdict: Verdict) -> Verdict:
    return verdict if verdict.lineages else msgspec.structs.replace(verdict, lineages=NO_LINEAGE)
