"""How the owner of a workflow edits it: a mixture of edit generators whose weights are learned run by run.

Each generator gives probabilities to atoms, sets of steps that change together. A change is explained by its atoms, and
each atom by the generators in proportion to what they gave it (online expectation maximisation, Cappé and Moulines
2009, with a forgetting factor).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from random import Random
from typing import TypeVar

from couler_plugins.caching.policies.scr.shape import Nodes, Shape

PRIOR = {
    "replay": 0.3,
    "type": 2.2,
    "node-of-type": 0.08,
    "node": 0.02,
    "hot": 0.1,
    "near": 0.02,
    "sources": 0.1,
    "consumers": 0.02,
    "tail": 0.004,
    "some-of-type": 0.06,
}
"""What each generator counts before anything was seen."""

SIZES = {0: 0.5, 1: 3.0, 2: 0.4, 3: 0.15, 4: 0.1, 6: 0.05}
"""What runs with so many atoms at once count before anything was seen."""

FORGET_WEIGHTS, FORGET_TYPES, FORGET_HOT, FORGET_SIZES = 0.98, 0.97, 0.75, 0.99
REPLAYED, FORGET_REPLAY = 24, 0.9
SMOOTHING = 0.25
"""How much the prior of a type counts, as a share of one observation."""
BIN_PRIOR = 3.0

ALL_SOURCES = 0.5
"""The share of new data that replace all sources; else they replace some."""
SAMPLE = 40
"""How many atoms stand for those of a generator that has too many."""

Distribution = dict[Nodes, float]
Name = TypeVar("Name", str, int)


class Pool:
    """What the workflows have in common; a new one starts from it."""

    def __init__(self) -> None:
        self.weights = dict(PRIOR)
        self.sizes = dict(SIZES)
        self.bins = [0.0] * 4

    def start(self) -> tuple[dict[str, float], dict[int, float]]:
        """The weights and sizes that a new workflow starts from: the pooled ones, as strong as the prior."""
        return _scaled(self.weights, sum(PRIOR.values())), _scaled(self.sizes, sum(SIZES.values()))

    def types(self, shape: Shape) -> dict[str, float]:
        """The prior of each type of a workflow: by how often types as deep as it were edited, anywhere."""
        members = [0] * 4
        for place in shape.bins.values():
            members[place] += 1
        total = sum(count for count, there in zip(self.bins, members, strict=True) if there) + BIN_PRIOR
        kinds = len(shape.groups)
        return {
            kind: (self.bins[place] / members[place] + BIN_PRIOR / kinds) / total for kind, place in shape.bins.items()
        }


class EditModel:
    """What was learned of the edits of one workflow."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.weights, self.sizes = pool.start()
        self.types: dict[str, float] = {}
        self.hot: dict[str, float] = {}
        self.changes: deque[frozenset[str]] = deque(maxlen=REPLAYED)

    def atoms(self, shape: Shape) -> Distribution:
        """The probability of each atom to be the next edit, in a fixed order; of large families, that of a sample."""
        weights: Distribution = {}
        for generators in (self._generators(shape), self._samples(shape)):
            for name, distribution in generators.items():
                for atom, probability in distribution.items():
                    weights[atom] = weights.get(atom, 0.0) + self.weights[name] * probability
        return _shares(weights)

    def edits(self) -> dict[int, float]:
        """The probability that a run comes with so many atoms edited at once."""
        return _scaled(self.sizes, 1.0)

    def learn(self, shape: Shape, changed: Nodes) -> None:
        """A run has ended in which these steps are new, or have a new spec; the shape is that after the change."""
        atoms = self._explain(shape, changed)
        for sizes in (self.sizes, self.pool.sizes):
            _decay(sizes, FORGET_SIZES)
            sizes[len(atoms)] = sizes.get(len(atoms), 0.0) + 1.0
        if changed:
            self._weigh(shape, atoms)
            self._remember(shape, changed, atoms)

    def _explain(self, shape: Shape, changed: Nodes) -> list[Nodes]:
        names = frozenset(shape.steps[node] for node in changed)
        return [changed] if changed and names in self.changes else shape.atoms(changed)

    def _weigh(self, shape: Shape, atoms: Iterable[Nodes]) -> None:
        """One step of expectation maximisation for each atom."""
        generators = self._generators(shape)
        for atom in atoms:
            shares = {name: self.weights[name] * given.get(atom, 0.0) for name, given in generators.items()}
            for name, probability in self._some(shape, atom).items():
                shares[name] = shares.get(name, 0.0) + self.weights[name] * probability
            total = sum(shares.values())
            if total > 0:
                for weights in (self.weights, self.pool.weights):
                    for name in weights:
                        weights[name] = FORGET_WEIGHTS * weights[name] + shares.get(name, 0.0) / total

    def _remember(self, shape: Shape, changed: Nodes, atoms: Iterable[Nodes]) -> None:
        _decay(self.types, FORGET_TYPES)
        _decay(self.hot, FORGET_HOT)
        for atom in atoms:
            for kind in dict.fromkeys(shape.types[node] for node in sorted(atom)):
                self.types[kind] = self.types.get(kind, 0.0) + 1.0
                self.pool.bins[shape.bins[kind]] += 1.0
        for node in sorted(changed):
            self.hot[shape.steps[node]] = self.hot.get(shape.steps[node], 0.0) + 1.0
        self.changes.appendleft(frozenset(shape.steps[node] for node in changed))

    def _generators(self, shape: Shape) -> dict[str, Distribution]:
        """What each generator gives each atom; a generator that has nothing to give is left out."""
        positions = shape.positions
        replay: Distribution = {}
        for age, names in enumerate(self.changes):
            if nodes := frozenset(positions[name] for name in names if name in positions):
                replay[nodes] = replay.get(nodes, 0.0) + FORGET_REPLAY**age
        kinds = self._kinds(shape)
        hot = {frozenset((positions[name],)): heat for name, heat in self.hot.items() if name in positions}
        last = [positions[name] for name in self.changes[0] if name in positions] if self.changes else []
        parts: dict[str, Distribution] = {
            "replay": _shares(replay),
            "type": {frozenset(nodes): kinds[kind] for kind, nodes in shape.groups.items()},
            "node-of-type": {
                frozenset((node,)): kinds[kind] / len(nodes) for kind, nodes in shape.groups.items() for node in nodes
            },
            "node": {frozenset((node,)): 1.0 / len(shape) for node in range(len(shape))},
            "hot": _shares(hot),
            "near": _shares({frozenset((node,)): 1.0 for node in sorted(shape.neighbours(last))}),
            "sources": {shape.sources: ALL_SOURCES} if shape.sources else {},
            "consumers": _shares(shape.consumers),
            "tail": _shares(dict.fromkeys(shape.tails, 1.0)),
        }
        return {name: given for name, given in parts.items() if given}

    def _some(self, shape: Shape, atom: Nodes) -> Mapping[str, float]:
        """What the generators that draw some of many steps, each size alike, give an atom."""
        parts = {}
        if len(atom) < len(shape.sources) and atom <= shape.sources:
            parts["sources"] = (1.0 - ALL_SOURCES) * _subset(len(atom), len(shape.sources))
        kinds = {shape.types[node] for node in atom}
        if len(kinds) == 1:
            kind = kinds.pop()
            if len(atom) < len(shape.groups[kind]):
                parts["some-of-type"] = self._kinds(shape)[kind] * _subset(len(atom), len(shape.groups[kind]))
        return parts

    def _samples(self, shape: Shape) -> dict[str, Distribution]:
        """A sample of what those generators draw."""
        pick = Random(len(shape))  # noqa: S311  # the sample of a policy that has to decide alike everywhere
        sources = sorted(shape.sources)
        parts: dict[str, Distribution] = {}
        if len(sources) > 1:
            sampled = _sample([(sources, 1.0)], pick)
            parts["sources"] = {atom: (1.0 - ALL_SOURCES) * share for atom, share in sampled.items()}
        several = [(list(nodes), kind) for kind, nodes in shape.groups.items() if len(nodes) > 1]
        if several:
            kinds = self._kinds(shape)
            parts["some-of-type"] = _sample([(nodes, kinds[kind]) for nodes, kind in several], pick)
        return parts

    def _kinds(self, shape: Shape) -> dict[str, float]:
        """The probability of each type to be edited."""
        prior = self.pool.types(shape)
        weight = SMOOTHING * len(prior)
        total = sum(self.types.get(kind, 0.0) for kind in prior) + weight
        return {kind: (self.types.get(kind, 0.0) + weight * prior[kind]) / total for kind in prior}


def _shares(amounts: Mapping[Nodes, float]) -> Distribution:
    total = sum(amounts.values())
    return {atom: amount / total for atom, amount in amounts.items()}


def _subset(size: int, of: int) -> float:
    """The probability of one subset, where its size is drawn first and may be all but the whole."""
    return 1.0 / ((of - 1) * comb(of, size))


def _sample(groups: Sequence[tuple[Sequence[int], float]], pick: Random) -> Distribution:
    """Subsets of groups that are drawn by weight; sizes are spread evenly."""
    parts: Distribution = {}
    weights = [weight for _, weight in groups]
    for place in range(SAMPLE):
        nodes = pick.choices(groups, weights)[0][0]
        size = 1 + int((place + 0.5) / SAMPLE * (len(nodes) - 1))
        atom = frozenset(pick.sample(nodes, size))
        parts[atom] = parts.get(atom, 0.0) + 1.0 / SAMPLE
    return parts


def _scaled(amounts: Mapping[Name, float], total: float) -> dict[Name, float]:
    scale = total / sum(amounts.values())
    return {name: scale * amount for name, amount in amounts.items()}


def _decay(amounts: dict[Name, float], factor: float) -> None:
    for name in list(amounts):
        amounts[name] *= factor
        if amounts[name] < 1e-9:
            del amounts[name]
