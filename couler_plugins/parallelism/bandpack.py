"""Clusters of steps that wait for each other anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from couler_plugins.hookspecs.budget import Budget
from couler_plugins.hookspecs.dag import Dag


@dataclass(frozen=True)
class Clusters:
    """Sets of steps in bands: every edge between two clusters leads to a higher band.

    Attributes:
        members: of each cluster, its steps, sorted; clusters by band.
        bands: of each cluster, its band.
    """

    members: list[list[int]]
    bands: list[int]


def bandpack(dag: Dag, budget: Budget) -> Clusters:
    """Joins each step with all predecessors of the highest band among them, where that fits; else opens a band.

    Sizes count every read from outside anew, and every step that is read: more than a cluster takes in the end.
    O(V + E), nearly.
    """
    up = list(range(len(dag)))
    band = [0] * len(dag)
    size, count, pods = list(dag.bytes), list(dag.steps), list(dag.pods)
    limit_bytes, limit_steps, limit_pods = budget.limits
    limit_bytes -= dag.wrapper
    imports, exports, weights = dag.imports, dag.exports, dag.weights
    shares = list(map(frozenset, dag.shares)) if weights else []
    for step, above in enumerate(dag.parents):
        if dag.children[step]:
            size[step] += exports[step]
        if not above:
            continue
        roots = []
        highest = 0
        for parent in above:
            root = parent
            while up[root] != root:
                up[root] = up[up[root]]
                root = up[root]
            roots.append(root)
            if band[root] > highest:
                highest = band[root]
        together = {root for root in roots if band[root] == highest}
        new_bytes = size[step] + sum(map(size.__getitem__, together))
        for parent, root in zip(above, roots, strict=True):
            if root not in together:
                new_bytes += imports[parent]
        pieces: frozenset[int] = frozenset()
        if weights:
            pieces = shares[step].union(*(shares[root] for root in together))
            new_bytes += sum(map(weights.__getitem__, pieces))
        new_count = count[step] + sum(map(count.__getitem__, together))
        new_pods = pods[step] + sum(map(pods.__getitem__, together))
        if new_bytes <= limit_bytes and new_count <= limit_steps and new_pods <= limit_pods:
            root = max(together, key=count.__getitem__)
            for other in together:
                up[other] = root
            up[step] = root
            size[root], count[root], pods[root] = new_bytes, new_count, new_pods
            if weights:
                size[root] -= sum(map(weights.__getitem__, pieces))
                shares[root] = pieces
        else:
            band[step] = highest + 1
            size[step] += sum(map(imports.__getitem__, above))
    return _gathered(up, band)


def _gathered(up: Sequence[int], band: Sequence[int]) -> Clusters:
    members: dict[int, list[int]] = {}
    for step in range(len(up)):
        root = step
        while up[root] != root:
            root = up[root]
        members.setdefault(root, []).append(step)
    roots = sorted(members, key=band.__getitem__)
    return Clusters([members[root] for root in roots], [band[root] for root in roots])
