"""What pods do in one world or another: the same wherever the same is run."""

from __future__ import annotations

from adapters.airflow.generated.argo_runs import Leaf, Outcome
from adapters.argo.interpret import digest

__all__ = ["outcome_of"]

LISTS = ('["a", 5, {"sleep": 1, "k": true}]', "[]", "no list", '[1, [2, "x"]]', '["{{ params }}", "{%"]')
"""What pods print that speak of JSON."""
WORDS = ("heads", "tails", "true", "5", "20", "even")


def outcome_of(leaf: Leaf, world: int) -> Outcome:
    """How a pod ends; in world 0 all of them end well."""
    number = int(digest(leaf, world), 16)
    words = LISTS if "json" in f"{leaf.command}{leaf.script}" else WORDS
    return Outcome(world == 0 or number % 3 > 0, lambda name: words[int(digest(leaf, world, name), 16) % len(words)])
