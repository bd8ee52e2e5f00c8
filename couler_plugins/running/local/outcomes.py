"""What the outcomes of steps come to: whether others may start, and how a loop has ended."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.hookspecs.local import Ended, Outcome
from couler_plugins.ir import AllOf, AnyOf, Need, Needs, Not

__all__ = ["met", "together"]


def met(needs: Needs | None, ended: Mapping[str, Ended]) -> bool:
    """Whether a step may start, once all that it needs have ended."""
    match needs:
        case None:
            return True
        case Need():
            return _fits(ended[needs.step], needs.outcomes)
        case Not():
            return not met(needs.need, ended)
        case AllOf():
            return all(met(need, ended) for need in needs.needs)
        case AnyOf():
            return any(met(need, ended) for need in needs.needs)


def _fits(ended: Ended, outcomes: tuple[str, ...]) -> bool:
    every = ended.every or (ended,)
    result: set[str] = {ended.outcome}
    if any(item.outcome == "succeeded" for item in every):
        result.add("any-succeeded")
    if all(item.outcome == "failed" for item in every):
        result.add("all-failed")
    return bool(result & set(outcomes))


def together(every: list[Ended]) -> Outcome:
    """How a step ended that ran for several items; for none it was skipped."""
    outcomes = {item.outcome for item in every} or {"skipped"}
    if len(outcomes) == 1:
        return outcomes.pop()
    bad = [item.outcome for item in every if item.bad]
    return bad[0] if bad else "succeeded"
