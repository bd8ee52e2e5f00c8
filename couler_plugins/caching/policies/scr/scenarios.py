"""The futures that SCR-EM weighs: scenarios of a workflow's next version, and the keys that each leaves valid."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from couler_plugins.caching.policies.scr.learned import Family, Learned
from couler_plugins.caching.policies.scr.shape import Nodes, Shape

__all__ = ["Scenarios", "certain", "scenarios"]

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
