"""How steps may end other than well, although their graph does not fail."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import AnyOf, Need, Needs, conjuncts
from couler_plugins.ir.walk import references

__all__ = ["EMPTY", "Ends", "may_be_unmet", "quiet_ends", "strictly_needed"]

EMPTY = "empty"
"""The end of a loop without items: skipped, for those that wait for it; its outputs are taken as there."""

Ends = Mapping[str, frozenset[str]]


def quiet_ends(view: GraphView, only: Collection[str] | None = None) -> Ends:
    """The outcomes, besides success, with which each step may end while its graph does not fail.

    Args:
        view: the graph.
        only: look at these steps alone, and take what they need from others as met.
    """
    steps = {step.name: step for step in view.graph.steps}
    ends: dict[str, frozenset[str]] = {}
    for name in view.order():
        if only is not None and name not in only:
            continue
        step = steps[name]
        found = set(step.tolerates)
        if step.condition is not None:
            found.add("skipped")
        if step.loop is not None and any(references(step.loop)):
            found.add(EMPTY)
        sure = strictly_needed(step.needs)
        unread = any(ends.get(read, frozenset()) - {EMPTY} for read in view.reads[name] if read not in sure)
        if unread or any(may_be_unmet(need, ends) for need in conjuncts(step.needs)):
            found.add("omitted")
        ends[name] = frozenset(found)
    return ends


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


def strictly_needed(needs: Needs | None) -> set[str]:
    """The steps that have succeeded wherever `needs` hold."""
    return {need.step for need in conjuncts(needs) if isinstance(need, Need) and need.outcomes == ("succeeded",)}
