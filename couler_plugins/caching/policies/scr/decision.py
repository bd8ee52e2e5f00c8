"""One decision of SCR-EM: from the candidates and the history to the keys that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from couler_plugins.caching.policies.scr.choice import Artifact, Choice
from couler_plugins.caching.policies.scr.choose import choose
from couler_plugins.caching.policies.scr.cost import Expected
from couler_plugins.caching.policies.scr.learned import Family, Learned
from couler_plugins.caching.policies.scr.model import EditModel
from couler_plugins.caching.policies.scr.scenarios import Scenarios, certain, scenarios
from couler_plugins.caching.policies.scr.shape import Shape
from couler_plugins.runs import Candidate, History, LoadCost, Run

__all__ = ["decide"]

FADE = 0.8
"""What an artifact that no scenario needs is worth, for each run since it was last a part of one."""


def decide(candidates: Sequence[Candidate], capacity: int, history: History) -> Set[str]:
    """The keys of the candidates that are worth keeping, at most `capacity` bytes of them."""
    learned = history.view(Learned)
    by_key = {candidate.key: candidate for candidate in candidates}
    families = _families(learned, history.live)
    rates = sum(family.rate for family in families)
    futures = [(family, scenarios(family, learned), _sinks(family.shape), family.rate / rates) for family in families]
    futures += [(family, certain(family), pending, 1.0) for family, pending in _pending(learned, history.live)]
    costs = []
    places: dict[str, list[tuple[int, int, int]]] = {}
    for owner, (family, future, wanted, weight) in enumerate(futures):
        costs.append(_expected(family, future, wanted, weight, by_key, history.load))
        for node, masks in enumerate(future.masks):
            for key, mask in masks.items():
                if key in by_key:
                    places.setdefault(key, []).append((owner, node, mask))
    artifacts = {key: Artifact(one.bytes, tuple(places.get(key, ()))) for key, one in by_key.items()}
    choice = Choice(artifacts, costs, capacity)
    groups = dict.fromkeys(group for family in families for group in _groups(family, places))
    choose(choice, [*((key,) for key in places), *groups])
    _fill(choice, candidates, learned, history.load)
    return frozenset(choice.kept)


def _families(learned: Learned, live: Iterable[Run]) -> list[Family]:
    """The workflows, each as it ran last; a run that goes on is the last version."""
    families = dict(learned.families)
    for run in live:
        families[run.family] = _version(families.get(run.family), learned, run)
    return list(families.values())


def _version(family: Family | None, learned: Learned, run: Run) -> Family:
    """A workflow as it is in a run that goes on."""
    shape = Shape.of(run, family.shape if family else None)
    family = family or Family(EditModel(learned.pool), shape, rate=1.0)
    specs, keys = tuple(ran.spec for ran in run.steps), tuple(ran.key for ran in run.steps)
    return replace(family, shape=shape, specs=specs, keys=keys)


def _pending(learned: Learned, live: Iterable[Run]) -> Iterator[tuple[Family, list[bool]]]:
    """The rest of each run that goes on, with the steps that it ends in."""
    for run in live:
        family = _version(learned.families.get(run.family), learned, run)
        sinks = _sinks(family.shape)
        yield family, [sink and ran.fate == "pending" for sink, ran in zip(sinks, run.steps, strict=True)]


def _sinks(shape: Shape) -> list[bool]:
    return [not children for children in shape.children]


def _expected(
    family: Family,
    future: Scenarios,
    wanted: Sequence[bool],
    weight: float,
    by_key: Mapping[str, Candidate],
    load: LoadCost,
) -> Expected:
    """The expected cost of a workflow, with nothing kept."""
    seconds, sizes = dict(family.seconds), dict(family.sizes)
    for step, key in zip(family.shape.steps, family.keys, strict=True):
        if one := by_key.get(key):
            sizes[step] = float(one.bytes)
            if one.seconds is not None:
                seconds[step] = one.seconds
    loading = [load.seconds(int(size)) for size in _figures(family.shape, sizes, 0.0)]
    weights = [weight * share for share in future.weights]
    return Expected(family.shape, weights, _figures(family.shape, seconds, 1.0), loading, wanted)


def _figures(shape: Shape, weights: Mapping[str, float], otherwise: float) -> list[float]:
    """A figure for each step; where it is not known, the mean of its type, else that of the workflow."""
    every = _mean([weights[step] for step in shape.steps if step in weights], otherwise)
    means = {
        kind: _mean([weights[shape.steps[node]] for node in nodes if shape.steps[node] in weights], every)
        for kind, nodes in shape.groups.items()
    }
    return [weights.get(step, means[kind]) for step, kind in zip(shape.steps, shape.types, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _groups(family: Family, places: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """What is worth trying together: the children of a step, a whole type."""
    keys, shape = family.keys, family.shape
    for nodes in (*shape.children, *shape.groups.values()):
        group = tuple(dict.fromkeys(keys[node] for node in nodes if keys[node] in places))
        if len(group) > 1:
            yield group


def _fill(choice: Choice, candidates: Iterable[Candidate], learned: Learned, load: LoadCost) -> None:
    """The rest of the bytes, which cost nothing: first what took longest to make for its size, weighed down by age.

    What nobody knows the time of comes last, by its last use.
    """
    ranked: list[tuple[bool, float, str]] = []
    for one in candidates:
        if one.bytes <= choice.room and one.key not in choice.kept:
            seconds = _recompute_seconds(one, learned)
            if seconds is None:
                ranked.append((True, -one.used, one.key))
            elif seconds > load.seconds(one.bytes):
                age = learned.runs - learned.last.get(one.key, 0)
                ranked.append((False, -(FADE**age) * seconds / max(one.bytes, 1), one.key))
    for _, _, key in sorted(ranked):
        if choice.artifacts[key].size <= choice.room and choice.gain((key,)) >= 0:
            choice.add((key,))


def _recompute_seconds(one: Candidate, learned: Learned) -> float | None:
    """What making an artifact and all that it is made from takes; None where nothing of that is known.

    A result of unknown time counts as the mean of the others.
    """
    results = [learned.results.get(key) for key in learned.ancestry(one.key) if key != one.key]
    above = [result.seconds for result in results if result is not None]
    seconds_of = [seconds for seconds in (one.seconds, *above) if seconds is not None]
    return sum(seconds_of) / len(seconds_of) * (1 + len(above)) if seconds_of else None
