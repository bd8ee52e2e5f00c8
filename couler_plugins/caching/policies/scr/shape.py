"""The shape of one version of a workflow: its steps, their types, and who needs whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from couler_plugins.documents.mappings import by_key
from couler_plugins.runs import Run
from couler_plugins.runs.order import children_of

Nodes = frozenset[int]
"""A set of steps, by their positions in a shape."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A version of a workflow without its specs. Parents come before their children.

    Attributes:
        steps: the names.
        types: the type of each step.
        parents: the positions of each step's parents.
    """

    steps: tuple[str, ...]
    types: tuple[str, ...]
    parents: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, run: Run, previous: Shape | None = None) -> Shape:
        """The shape of a run; `previous` itself where that is the same, so that what it has derived is kept."""
        steps = tuple(ran.step for ran in run.steps)
        types = tuple(ran.type for ran in run.steps)
        parents = tuple(tuple(dict.fromkeys(ran.parents)) for ran in run.steps)
        if previous is not None and (previous.steps, previous.types, previous.parents) == (steps, types, parents):
            return previous
        return cls(steps, types, parents)

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each step by its name."""
        return {step: node for node, step in enumerate(self.steps)}

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The positions of each step's children, in order."""
        return tuple(map(tuple, children_of(self.parents)))

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """How many steps the longest way from a source to each step has before it."""
        depths: list[int] = []
        for parents in self.parents:
            depths.append(1 + max((depths[parent] for parent in parents), default=-1))
        return tuple(depths)

    @cached_property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """The positions of the steps of each type, types in the order of their first steps."""
        groups = by_key((kind, node) for node, kind in enumerate(self.types))
        return {kind: tuple(nodes) for kind, nodes in groups.items()}

    @cached_property
    def sources(self) -> Nodes:
        """The steps without parents."""
        return frozenset(node for node, parents in enumerate(self.parents) if not parents)

    @cached_property
    def consumers(self) -> dict[Nodes, int]:
        """Each set that is all children of a step, with the number of steps of which it is."""
        consumers: dict[Nodes, int] = {}
        for children in self.children:
            if children:
                nodes = frozenset(children)
                consumers[nodes] = consumers.get(nodes, 0) + 1
        return consumers

    @cached_property
    def tails(self) -> tuple[Nodes, ...]:
        """For each depth above zero, the steps that lie as deep or deeper."""
        levels: list[list[int]] = [[] for _ in range(1 + max(self.depths, default=0))]
        for node, depth in enumerate(self.depths):
            levels[depth].append(node)
        tails: list[Nodes] = []
        below: Nodes = frozenset()
        for level in reversed(levels[1:]):
            below = below.union(level)
            tails.append(below)
        return tuple(reversed(tails))

    @cached_property
    def bins(self) -> dict[str, int]:
        """Which quarter of the depth each type lies in, by the mean of its steps."""
        deepest = max(self.depths, default=0) or 1
        return {
            kind: min(3, int(4 * sum(self.depths[node] for node in nodes) / (len(nodes) * deepest)))
            for kind, nodes in self.groups.items()
        }

    def neighbours(self, nodes: Iterable[int]) -> Nodes:
        """The parents and children of these steps that are not among them."""
        among = frozenset(nodes)
        near = {other for node in among for other in (*self.parents[node], *self.children[node])}
        return frozenset(near) - among

    def atoms(self, changed: Nodes) -> list[Nodes]:
        """A change set as few simple edits: some of the sources; else whole types, some of a type, and single steps."""
        if changed <= self.sources and changed:
            return [changed]
        atoms: list[Nodes] = []
        if self.sources <= changed:
            atoms.append(self.sources)
            changed -= self.sources
        atoms += [some for nodes in self.groups.values() if (some := changed.intersection(nodes))]
        return atoms
