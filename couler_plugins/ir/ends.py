"""How steps may end other than well, although their graph does not fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import AnyOf, Need, Needs, conjuncts
from couler_plugins.ir.walk import references
from couler_plugins.ir.workflow import Step

__all__ = ["EMPTY", "Ends", "by_itself", "may_be_unmet", "quiet_ends", "strictly_needed", "with_omitted"]

EMPTY = "empty"
"""The end of a loop without items: skipped, for those that wait for it; its outputs are taken as there."""

Ends = Mapping[str, frozenset[str]]


def quiet_ends(view: GraphView, place: Callable[[str], str] = lambda name: "") -> Ends:
    """The outcomes, besides success, with which each step may end while its graph does not fail.

    Args:
        view: the graph.
        place: where each step is; what a step needs from elsewhere is taken as met.
    """
    steps = {step.name: step for step in view.graph.steps}
    ends: dict[str, dict[str, frozenset[str]]] = {}
    for name in view.order():
        here = ends.setdefault(place(name), {})
        here[name] = with_omitted(by_itself(steps[name]), conjuncts(steps[name].needs), view.reads[name], here)
    return {name: found for here in ends.values() for name, found in here.items()}


def by_itself(step: Step) -> frozenset[str]:
    """How a step may end other than well if what it waits for is there."""
    outcomes = set(step.tolerates)
    if step.condition is not None:
        outcomes.add("skipped")
    if step.loop is not None and any(references(step.loop)):
        outcomes.add(EMPTY)
    return frozenset(outcomes)


def with_omitted(outcomes: frozenset[str], needs: Iterable[Needs], reads: Iterable[str], ends: Ends) -> frozenset[str]:
    """`outcomes`, and `omitted` where a step with these needs may wait in vain; what is not in `ends` ends well."""
    parts = tuple(needs)
    sure = strictly_needed(parts)
    unread = any(ends.get(read, frozenset()) - {EMPTY} for read in reads if read not in sure)
    return outcomes | {"omitted"} if unread or any(may_be_unmet(need, ends) for need in parts) else outcomes


def may_be_unmet(needs: Needs, ends: Ends) -> bool:
    """Whether `needs` may not hold although nothing failed; what is not in `ends` ends well."""
    match needs:
        case Need():
            accepted = {*needs.outcomes, EMPTY} if "skipped" in needs.outcomes else set(needs.outcomes)
            return "succeeded" not in accepted or not accepted.issuperset(ends.get(needs.step, ()))
        case AnyOf():
            return all(may_be_unmet(need, ends) for need in needs.needs)
        case _:  # a negation, or a conjunction inside a disjunction
            return True


def strictly_needed(parts: Iterable[Needs]) -> set[str]:
    """The steps that have succeeded wherever all of these hold."""
    return {need.step for need in parts if isinstance(need, Need) and need.outcomes == ("succeeded",)}
