"""One decision of SCR-EM: the scenarios of the next version, and the keys that are kept of the candidates."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random

from couler_plugins.caching.policies.scr.choice import Artifact, Choice
from couler_plugins.caching.policies.scr.choose import choose
from couler_plugins.caching.policies.scr.cost import Expected
from couler_plugins.caching.policies.scr.learned import Family, Learned
from couler_plugins.caching.policies.scr.model import EditModel
from couler_plugins.caching.policies.scr.shape import Nodes, Shape
from couler_plugins.runs import Candidate, History, LoadCost, Run

# The futures that SCR-EM weighs: scenarios of a workflow's next version, and the keys that each leaves valid.

HEAVIEST, SAMPLED, UNIONS, RETURNS = 80, 80, 40, 32
Edit = tuple[Nodes, float]
"""What is edited, and how likely that is."""
Future = tuple[Mapping[str, str], list[Edit]]
"""The specs that differ from the last version's, and what may be edited then."""


@dataclass(frozen=True)
class Scenarios:
    """Weighted versions of a workflow's next run. Scenario j is bit j of a mask.

    Attributes:
        weights: the probability of each; together 1.
        masks: for each step, the keys made before that it may have then, with the scenarios in which it has them.
    """

    weights: tuple[float, ...]
    masks: tuple[Mapping[str, int], ...]


def scenarios(family: Family, learned: Learned) -> Scenarios:
    """The scenarios of a workflow: edits of its last version, undone changes, and edits of earlier versions."""
    atoms = sorted(family.model.atoms(family.shape).items(), key=lambda item: (-item[1], len(item[0]), sorted(item[0])))
    change = 1.0 - family.model.edits().get(0, 0.0)
    returned = change * family.comebacks.returned
    fresh = [(nodes, (1.0 - returned) * weight) for nodes, weight in _fresh(family, atoms)]
    futures = [({}, fresh), *_undone(family, change * family.comebacks.undone), *_returned(family, atoms, returned)]
    masks: list[dict[str, int]] = [{} for _ in family.keys]
    weights: list[float] = []
    for specs, edits in futures:
        valid = _unedited(family.shape, [nodes for nodes, _ in edits])
        for node, (key, mask) in enumerate(zip(_keys(family, learned, specs), valid, strict=True)):
            if key is not None and mask:
                masks[node][key] = masks[node].get(key, 0) | mask << len(weights)
        weights += [weight for _, weight in edits]
    total = sum(weights)
    return Scenarios(tuple(weight / total for weight in weights), tuple(masks))


def certain(family: Family) -> Scenarios:
    """The one scenario in which nothing is edited any more: that of a run that goes on."""
    return Scenarios((1.0,), tuple({key: 1} for key in family.keys))


def _unedited(shape: Shape, edits: Sequence[Nodes]) -> list[int]:
    """For each step, after which of these edits its key is the same, as bits."""
    dirty = [0] * len(shape)
    for place, nodes in enumerate(edits):
        for node in nodes:
            dirty[node] |= 1 << place
    everywhere = (1 << len(edits)) - 1
    for node, parents in enumerate(shape.parents):
        for parent in parents:
            dirty[node] |= dirty[parent]
    return [everywhere & ~mask for mask in dirty]


def _fresh(family: Family, atoms: Sequence[Edit]) -> list[Edit]:
    """What may be edited to what was never seen: nothing, one atom, or several. The heaviest atoms come first."""
    sizes = family.model.edits()
    one, several = sizes.get(1, 0.0), {size: share for size, share in sizes.items() if size > 1}
    edits: list[Edit] = [(frozenset(), sizes.get(0, 0.0))]
    edits += [(atom, one * probability) for atom, probability in atoms[:HEAVIEST]]
    rest = atoms[HEAVIEST:]
    if len(rest) <= SAMPLED:
        edits += [(atom, one * probability) for atom, probability in rest]
    else:
        mass = sum(probability for _, probability in rest)
        edits += [(atom, one * mass / SAMPLED) for atom in _systematic(rest, SAMPLED)]
    pick = Random(len(atoms))  # noqa: S311  # the sample of a policy that has to decide alike everywhere
    marks = list(accumulate(probability for _, probability in atoms))
    for place in range(UNIONS if several and atoms else 0):
        size = _at(several, (place + 0.5) / UNIONS)
        parts = [atoms[min(bisect_left(marks, pick.random() * marks[-1]), len(atoms) - 1)][0] for _ in range(size)]
        edits.append((frozenset().union(*parts), sum(several.values()) / UNIONS))
    return edits


def _at(shares: Mapping[int, float], quantile: float) -> int:
    """The size at a quantile of sizes with shares."""
    sizes = sorted(shares)
    marks = list(accumulate(shares[size] for size in sizes))
    return sizes[min(bisect_left(marks, quantile * marks[-1]), len(sizes) - 1)]


def _systematic(atoms: Sequence[Edit], count: int) -> Iterator[Nodes]:
    """A sample in which each atom is as often as its weight says, to within one (systematic sampling)."""
    marks = list(accumulate(probability for _, probability in atoms))
    for place in range(count):
        mark = (place + 0.5) / count * marks[-1]
        yield atoms[min(bisect_left(marks, mark), len(atoms) - 1)][0]


def _undone(family: Family, weight: float) -> Iterator[Future]:
    """Each of the last changes put back."""
    shares = family.comebacks.changes(len(family.changes))
    for change, share in zip(family.changes, shares, strict=True):
        yield change.before, [(frozenset(), weight * share)]


def _returned(family: Family, atoms: Sequence[Edit], weight: float) -> Iterator[Future]:
    """Each of the known versions as it was, and with an atom edited, of which there are the more the likelier it is."""
    shares = family.comebacks.versions(len(family.tips), len(family.versions))
    edited = family.comebacks.edited
    pick = Random(len(atoms))  # noqa: S311  # the sample of a policy that has to decide alike everywhere
    marks = [round(RETURNS * mark) for mark in accumulate(shares, initial=0.0)]
    each = weight * edited * sum(shares) / (marks[-1] or 1)
    nodes, odds = [atom for atom, _ in atoms], [probability for _, probability in atoms]
    for version, share, start, end in zip(family.known_versions(), shares, marks, marks[1:], strict=False):
        drawn = pick.choices(nodes, odds, k=end - start) if end > start and nodes else []
        yield version, [(frozenset(), weight * (1.0 - edited) * share), *((atom, each) for atom in drawn)]


def _keys(family: Family, learned: Learned, specs: Mapping[str, str]) -> list[str | None]:
    """The key of each step if its spec were as `specs` says, else as it is; None where nothing was made under it."""
    shape = family.shape
    keys: list[str | None] = list(family.keys)
    back = {
        node
        for step, spec in specs.items()
        if (node := shape.positions.get(step)) is not None and spec != family.specs[node]
    }
    for node in range(min(back, default=len(keys)), len(keys)):
        parents = shape.parents[node]
        if node in back or not back.isdisjoint(parents):
            back.add(node)
            above = tuple([key for parent in parents if (key := keys[parent]) is not None])
            recipe = shape.steps[node], specs.get(shape.steps[node], family.specs[node]), above
            keys[node] = learned.recipes.get(recipe) if len(above) == len(parents) else None
    return keys


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
