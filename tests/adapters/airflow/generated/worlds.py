"""What pods do in one world or another: the same wherever the same is run."""

from __future__ import annotations

from adapters.airflow.generated.argo_runs import Leaf, Outcome
from adapters.argo.interpret import digest

__all__ = ["outcome_of"]

WORDS = ("heads", "tails", "true", "5", "20", "even")


def outcome_of(leaf: Leaf, world: int) -> Outcome:
    """How a pod ends; in world 0 all of them end well."""
    number = int(digest(leaf, world), 16)
    return Outcome(world == 0 or number % 3 > 0, lambda name: WORDS[int(digest(leaf, world, name), 16) % len(WORDS)])
