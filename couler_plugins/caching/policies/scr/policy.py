"""SCR-EM: keeps what makes the next run cheapest on average over scenarios of a learned edit model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.caching.policies.scr.choice import Artifact, Choice
from couler_plugins.caching.policies.scr.choose import choose
from couler_plugins.caching.policies.scr.cost import Expected
from couler_plugins.caching.policies.scr.learned import Family, Learned
from couler_plugins.caching.policies.scr.scenarios import scenarios
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History, LoadCost

__all__ = ["Scr"]

FADE = 0.8


@dataclass(frozen=True)
class Scr:
    """Scenario choice under a learned edit model (SCR-EM).

    What a workflow's owner will change next is a mixture of edit generators that is learned run by run. From it come
    weighted scenarios of the next run; the artifacts kept are those that make it cheapest on average.
    """

    name: ClassVar[str] = "scr"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The keys that are worth keeping; together they take at most `capacity` bytes."""
        sizes = {candidate.key: candidate.bytes for candidate in candidates}
        if capacity is None or sum(sizes.values()) <= capacity:
            return frozenset(sizes)
        learned = history.view(Learned)
        families = [family for family in learned.families.values() if family.keys]
        total = sum(family.rate for family in families)
        costs, places = [], dict[str, list[tuple[int, int, int]]]()
        for owner, family in enumerate(families):
            futures = scenarios(family, learned)
            costs.append(_expected(family, [weight * family.rate / total for weight in futures.weights], history.load))
            for node, masks in enumerate(futures.masks):
                for key, mask in masks.items():
                    if key in sizes:
                        places.setdefault(key, []).append((owner, node, mask))
        artifacts = {key: Artifact(size, tuple(places.get(key, ()))) for key, size in sizes.items()}
        choice = Choice(artifacts, costs, capacity)
        groups = [group for family in families for group in _groups(family, places)]
        choose(choice, [*((key,) for key in places), *groups])
        _fill(choice, candidates, learned, history.load)
        return frozenset(choice.kept)

    def online(self) -> CachePolicy:
        """In the middle of a run: GDSF with the cost of the subtree."""
        from couler_plugins.caching.policies.gdsf import GdsfSubtree

        return GdsfSubtree()


def _expected(family: Family, weights: Sequence[float], load: LoadCost) -> Expected:
    """The expected cost of a workflow, with nothing kept."""
    seconds = _known(family, family.seconds, 1.0)
    sizes = _known(family, {step: float(size) for step, size in family.bytes.items()}, 0.0)
    sinks = [not children for children in family.shape.children]
    return Expected(family.shape, weights, seconds, [load.seconds(int(size)) for size in sizes], sinks)


def _known(family: Family, known: Mapping[str, float], otherwise: float) -> list[float]:
    """A figure for each step; where it is not known, the mean of its type, else that of the workflow."""
    shape = family.shape
    means = {
        kind: _mean([known[shape.steps[node]] for node in nodes if shape.steps[node] in known])
        for kind, nodes in shape.groups.items()
    }
    every = _mean([known[step] for step in shape.steps if step in known])
    return [
        next(value for value in (known.get(step), means[kind], every, otherwise) if value is not None)
        for step, kind in zip(shape.steps, shape.types, strict=True)
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _groups(family: Family, places: Mapping[str, object]) -> list[tuple[str, ...]]:
    """What is worth trying together: the children of a step, a whole type."""
    keys, shape = family.keys, family.shape
    groups: dict[tuple[str, ...], None] = {}
    for nodes in (*shape.children, *shape.groups.values()):
        group = tuple(dict.fromkeys(keys[node] for node in nodes if keys[node] in places))
        if len(group) > 1:
            groups[group] = None
    return list(groups)


def _fill(choice: Choice, candidates: Iterable[Candidate], learned: Learned, load: LoadCost) -> None:
    """The rest of the bytes: what took longest to make for its size, weighed down by age; nothing that loads slower."""
    ranked = []
    for candidate in candidates:
        if candidate.key not in choice.kept and candidate.bytes <= choice.room:
            known = (learned.results.get(key) for key in learned.ancestry(candidate.key))
            seconds = sum((result.seconds or 0.0) for result in known if result)
            age = learned.runs - learned.last.get(candidate.key, 0)
            if seconds > load.seconds(candidate.bytes):
                ranked.append((-(FADE**age) * seconds / max(candidate.bytes, 1), candidate.key))
    for _, key in sorted(ranked):
        if choice.artifacts[key].size <= choice.room:
            if choice.gain((key,)) >= 0:
                choice.add((key,))
