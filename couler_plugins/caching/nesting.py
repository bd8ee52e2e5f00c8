"""What a graph that a step calls knows of what is before it and around it."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.before import Found, handed_by_value
from couler_plugins.caching.keys import digest
from couler_plugins.caching.verdicts import Scope
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.verdicts import Lineage, Verdict
from couler_plugins.ir import Argument, Reference, Step

__all__ = ["GLOBAL", "inner_scope"]

GLOBAL = "parameter"
"""The kind of reference that means the same in every graph of a run."""


def inner_scope(
    step: Step,
    found: Found,
    scope: Scope,
    verdicts: Mapping[str, Verdict],
    items: int | None,
    *,
    identified: bool = False,
) -> Scope:
    """The scope of the graph that a step calls.

    Args:
        step: the call.
        found: what is before it in its own graph.
        scope: what is before that graph.
        verdicts: what was found about the steps of that graph so far.
        items: how often the step runs for its loop; None where only the run knows.
        identified: whether the engine tells artifacts from one another by itself, as it does values.
    """
    runs = None if items is None or scope.runs is None else items * scope.runs
    if found.objection is not None:
        return Scope(blocked=found.objection, runs=runs)
    before = found.untold if identified else found.producers
    ordered = tuple(producer for producer in before if not producer.artifact)
    if any(leaf.to != GLOBAL for producer in ordered for leaf in producer.lineage.leaves):
        reason = f"what runs before {step.name!r} cannot be named inside of its graph"
        return Scope(blocked=Objection("unknown-producer", reason), runs=runs)
    carried = {item.name: handed_by_value(step, item.name, identified=identified) for item in step.arguments}
    unknown = {
        repr(name): frozenset(port for port, handed in carried.items() if name in handed.steps) for name in found.cut
    }
    for label in found.cut_outside:
        inputs = scope.unknown[label]
        unknown[label] = frozenset(port for port, handed in carried.items() if handed.inputs & inputs)
    artifacts = {item.name: _handed(item, scope, verdicts) for item in step.arguments if item.kind == "artifact"}
    return Scope(unknown=unknown, producers=ordered, artifacts=artifacts, runs=runs)


def _handed(argument: Argument, scope: Scope, verdicts: Mapping[str, Verdict]) -> Lineage | None:
    """The lineage of an artifact that a call hands into a graph, if it means the same in there."""
    source = argument.value
    if not isinstance(source, Reference):
        return None
    if source.to == "input":
        return scope.artifacts.get(source.name)
    made = verdicts[source.step].made if source.step in verdicts else None
    if made is None or any(leaf.to != GLOBAL for leaf in made.leaves):
        return None
    return Lineage(digest(["output", source.name, made.digest]), made.leaves)
