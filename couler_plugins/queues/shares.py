"""What teams may use: their quotas, and what they can borrow of others.

Source: `pkg/cache/scheduler/resource_node.go` of Kueue 0.17 (`potentialAvailable`, `accumulateFromChild`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from couler_plugins.ir.quantities import MEBIBYTE, cpu_text, memory_text, parse_quantity
from couler_plugins.queues.table import GPU, RESOURCES, Cohort, Table, Team

Pair = tuple[str, str]
"""A flavour and a resource."""
ORDER = [GPU if name == "gpu" else name for name in RESOURCES]


class Limits(NamedTuple):
    """What a team or a cohort has of one resource of one flavour, in cores, bytes or pieces.

    Attributes:
        quota: its own.
        borrow: the most that it borrows beyond that; None where nothing limits it.
        lend: the most that it lends; None where that is all.
    """

    quota: float = 0.0
    borrow: float | None = None
    lend: float | None = None


class Share(NamedTuple):
    """What a team may use of one resource of one flavour.

    Attributes:
        cluster: where; empty where the table names no cluster.
        team: whose.
        namespaces: where its pods are.
        queue: the name that workflows use.
        flavor, resource: of what.
        quota: what is its own.
        most: what it can have at most, with all that it may borrow.
        weight: its share of what several want to borrow.
    """

    cluster: str
    team: str
    namespaces: tuple[str, ...]
    queue: str
    flavor: str
    resource: str
    quota: float
    most: float
    weight: float


class Shares:
    """The quotas of one cluster, or of all of them together.

    Args:
        table: the table.
        cluster: the cluster; empty for all.
    """

    def __init__(self, table: Table, cluster: str = "") -> None:
        self._table, self._cluster = table, cluster
        self._cohorts = {cohort.name: cohort for cohort in table.cohorts}

    @cached_property
    def limits(self) -> dict[str, dict[Pair, Limits]]:
        """Return what each team and cohort has; cohorts are named with a slash in front."""
        limits: dict[str, dict[Pair, Limits]] = defaultdict(dict)
        for quota in self._table.quotas:
            if self._cluster and quota.cluster not in ("", self._cluster):
                continue
            mine = limits[quota.team or f"/{quota.cohort}"]
            for resource, amount in quota.amounts.items():
                pair = (quota.flavor, resource)
                old = mine.get(pair, Limits(0.0, 0.0, 0.0))
                borrow, lend = (parse_quantity(terms.get(resource, "")) for terms in (quota.borrow, quota.lend))
                mine[pair] = Limits(
                    old.quota + (parse_quantity(amount) or 0.0), _sum(old.borrow, borrow), _sum(old.lend, lend)
                )
        return limits

    def pairs(self, member: Team | Cohort) -> list[Pair]:
        """Return what a team has or can borrow, or what a cohort itself has, in the order of the table."""
        if isinstance(member, Cohort):
            owners = [f"/{member.name}"]
        else:
            owners = [member.name, *(self._members(self._top(member.cohort)) if member.cohort else ())]
        mine = {pair for owner in owners for pair in self.limits.get(owner, ())}
        flavors = [flavor.name for flavor in self._table.flavors if any(flavor.name == one for one, _ in mine)]
        names = {resource for _, resource in mine}
        resources = [name for name in ORDER if name in names] + sorted(names - {*ORDER})
        return [(flavor, resource) for flavor in flavors for resource in resources]

    def shares(self) -> Iterator[Share]:
        """Return what each team may use of each flavour that is there."""
        for team in self._table.teams:
            for flavor, resource in self.pairs(team):
                quota, most = self.of(team, (flavor, resource)).quota, self.most(team, (flavor, resource))
                weight = 1.0 if team.weight is None else team.weight
                if most:
                    names = (team.namespaces, team.local_queue, flavor, resource)
                    yield Share(self._cluster, team.name, *names, quota, most, weight)

    def of(self, member: Team | Cohort, pair: Pair) -> Limits:
        """Return what a team or a cohort has itself."""
        name = f"/{member.name}" if isinstance(member, Cohort) else member.name
        return self.limits.get(name, {}).get(pair, Limits())

    def most(self, member: Team | Cohort, pair: Pair) -> float:
        """Return the most that a member may have at a time, if no other one uses anything."""
        limits, tree = self.of(member, pair), self._tree(member, pair)
        around = member.parent if isinstance(member, Cohort) else member.cohort
        if not around:
            return tree
        most = tree - self._lendable(member, pair) + self.most(self._cohorts[around], pair)
        return most if limits.borrow is None else min(most, tree + limits.borrow)

    def _tree(self, member: Team | Cohort, pair: Pair) -> float:
        """Return what a member has with what its own members lend."""
        own = self.of(member, pair).quota
        if isinstance(member, Team):
            return own
        members: list[Team | Cohort] = [team for team in self._table.teams if team.cohort == member.name]
        members += [cohort for cohort in self._table.cohorts if cohort.parent == member.name]
        return own + sum(self._lendable(one, pair) for one in members)

    def _lendable(self, member: Team | Cohort, pair: Pair) -> float:
        tree, lend = self._tree(member, pair), self.of(member, pair).lend
        return tree if lend is None else min(tree, lend)

    def _top(self, cohort: str) -> str:
        while self._cohorts[cohort].parent:
            cohort = self._cohorts[cohort].parent
        return cohort

    def _members(self, cohort: str) -> Iterator[str]:
        """Return the cohort, and all teams and cohorts inside of it."""
        yield f"/{cohort}"
        yield from (team.name for team in self._table.teams if team.cohort == cohort)
        for inner in self._table.cohorts:
            if inner.parent == cohort:
                yield from self._members(inner.name)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def amount_text(resource: str, amount: float) -> str:
    """Return an amount as Kubernetes writes it: `500m`, `32Gi`, `4`."""
    if amount and amount % MEBIBYTE == 0 and resource in ("memory", "ephemeral-storage"):
        return memory_text(amount)
    return str(int(amount)) if amount == int(amount) else cpu_text(amount)
