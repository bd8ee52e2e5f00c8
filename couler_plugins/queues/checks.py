"""Checks of a table beyond the types of its values: references, amounts, and what Kueue's webhooks refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.ir.quantities import MEBIBYTE, parse_quantity
from couler_plugins.queues.table import GPU, Amounts, Cohort, Table, TableFile, Team

MANAGER = "manager"
"""The name of the cluster in which pods wait, where there are several that run them."""
SYSTEM = ("kube-system", "kueue-system")
SMALLEST = 1e-9
"""The largest weight that Kueue takes for none."""


class Problem(NamedTuple):
    """What is wrong with a key of a row, and what to do."""

    table: str
    row: int
    key: str
    message: str
    hint: str


def read_table(path: Path) -> Table:
    """Return a table without problems.

    Raises:
        InvalidInput: it cannot be read, or has a problem; the first one.
    """
    table, errors = check_table(path)
    if errors:
        raise errors[0]
    return table


def check_table(path: Path) -> tuple[Table, list[InvalidInput]]:
    """Return a table and all that is wrong with it.

    Raises:
        InvalidInput: it cannot be read, or a value is not of its type.
    """
    file = TableFile(path)
    return file.table, [file.error(*problem) for problem in _problems(file.table)]


def _problems(table: Table) -> Iterator[Problem]:
    for name in ("clusters", "flavors", "cohorts", "teams", "priorities"):
        yield from _twice(name, "name", [(one.name,) for one in getattr(table, name)])
    yield from _cluster_problems(table)
    yield from _cohort_problems(table)
    yield from _team_problems(table)
    yield from _quota_problems(table)


def _twice(table: str, key: str, names: Iterable[tuple[str, ...]]) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for row, name in enumerate(names):
        if seen.setdefault(name, row) != row:
            text = " and ".join(filter(None, name))
            yield Problem(table, row, key, f"{text!r} is there twice", "remove one of the two rows, or rename it")


def _unknown(table: str, row: int, key: str, name: str, kind: str, names: Iterable[str]) -> Iterator[Problem]:
    if name and name not in (those := [*names]):
        hint = (
            f"{closest(name, those)} add a row [[{kind}]] with that name, or name one of {', '.join(those) or 'none'}"
        )
        yield Problem(table, row, key, f"there is no {name!r} among the {kind}", hint.strip())


def _cluster_problems(table: Table) -> Iterator[Problem]:
    for row, cluster in enumerate(table.clusters if table.is_multi else ()):
        if not cluster.kubeconfig:
            hint = "name the Secret in the namespace of Kueue that has it under the key `kubeconfig`"
            yield Problem("clusters", row, "name", f"{cluster.name!r} has no kubeconfig, so none can reach it", hint)
        if cluster.name == MANAGER:
            yield Problem("clusters", row, "name", f"{MANAGER!r} is the cluster before all others", "rename it")


def _cohort_problems(table: Table) -> Iterator[Problem]:
    parents = {cohort.name: cohort.parent for cohort in table.cohorts}
    for row, cohort in enumerate(table.cohorts):
        yield from _unknown("cohorts", row, "parent", cohort.parent, "cohorts", parents)
        yield from _weight_problems("cohorts", row, cohort, cohort.parent, "parent")
        above, path = cohort.parent, {cohort.name}
        while above and above not in path:
            path.add(above)
            above = parents.get(above, "")
        if above == cohort.name:
            message = f"{cohort.name!r} is inside itself: Kueue admits nothing of it"
            yield Problem("cohorts", row, "parent", message, "remove one `parent` of the circle")


def _weight_problems(table: str, row: int, member: Team | Cohort, around: str, key: str) -> Iterator[Problem]:
    if member.weight is not None and not around:
        message = f"the weight of {member.name!r} counts for nothing without a {key}"
        yield Problem(table, row, "weight", message, f"add {key} = …, or remove the weight")
    elif member.weight is not None and 0 < member.weight <= SMALLEST:
        yield Problem(table, row, "weight", f"{member.weight:g} is too small", "write 0, or a larger weight")


def _team_problems(table: Table) -> Iterator[Problem]:
    cohorts = {cohort.name: cohort.parent for cohort in table.cohorts}
    places = [(space, team.local_queue, row) for row, team in enumerate(table.teams) for space in team.namespaces]
    users = {(space, queue): row for space, queue, row in reversed(places)}
    for space, queue, row in places:
        if users[space, queue] != row:
            message = (
                f"the namespace {space!r} has a queue {queue!r} of {table.teams[users[space, queue]].name!r} already"
            )
            yield Problem("teams", row, "namespaces", message, "give one of the two another `queue`")
        if space in SYSTEM:
            message = f"Kueue leaves {space!r} alone, and refuses to be set otherwise"
            yield Problem("teams", row, "namespaces", message, "run workflows in a namespace of their own")
    for row, team in enumerate(table.teams):
        yield from _unknown("teams", row, "cohort", team.cohort, "cohorts", cohorts)
        yield from _weight_problems("teams", row, team, team.cohort, "cohort")
        if len({*team.namespaces}) < len(team.namespaces):
            yield Problem("teams", row, "namespaces", "a namespace is there twice", "name it once")
        if not team.cohort and not any(quota.team == team.name for quota in table.quotas):
            hint = f'add a row [[quotas]] with team = "{team.name}", or name a cohort'
            yield Problem("teams", row, "name", f"{team.name!r} may use nothing: no quota is its own", hint)


def _quota_problems(table: Table) -> Iterator[Problem]:
    around = {("team", team.name): team.cohort for team in table.teams}
    around |= {("cohort", cohort.name): cohort.parent for cohort in table.cohorts}
    names = [cluster.name for cluster in table.clusters]
    yield from _twice("quotas", "flavor", [(one.team or one.cohort, one.flavor, one.cluster) for one in table.quotas])
    for row, quota in enumerate(table.quotas):
        yield from _unknown("quotas", row, "flavor", quota.flavor, "flavors", [one.name for one in table.flavors])
        yield from _unknown("quotas", row, "team", quota.team, "teams", [one.name for one in table.teams])
        yield from _unknown("quotas", row, "cohort", quota.cohort, "cohorts", [one.name for one in table.cohorts])
        yield from _unknown("quotas", row, "cluster", quota.cluster, "clusters", names)
        if bool(quota.team) == bool(quota.cohort):
            yield Problem("quotas", row, "team", "it is of one team or of one cohort", "write either team or cohort")
        if table.is_multi and not quota.cluster:
            hint = f"add cluster = …: one of {', '.join(names)}"
            yield Problem("quotas", row, "flavor", "there are several clusters, and it names none", hint)
        if not quota.amounts:
            yield Problem(
                "quotas", row, "flavor", "it is a quota of nothing", 'add cpu = 8, memory = "32Gi" or gpu = 1'
            )
        has_parent = bool(around.get(("team", quota.team) if quota.team else ("cohort", quota.cohort)))
        for key in ("amounts", "borrow", "lend"):
            amounts: Amounts = getattr(quota, key)
            yield from _amount_problems(row, key, amounts)
            if key != "amounts" and amounts and not has_parent:
                message = f"{key!r} counts for nothing, as {quota.team or quota.cohort!r} is in no cohort"
                yield Problem("quotas", row, key, message, f"name its cohort, or remove {key!r}")
            for name in amounts.keys() - quota.amounts.keys():
                hint = f'add "{name}" = 0 to the row itself'
                yield Problem("quotas", row, key, f"{key!r} has {name!r}, and the quota has not", hint)
        for name, most in quota.lend.items() if quota.team else ():
            if (parse_quantity(most) or 0) > (parse_quantity(quota.amounts.get(name)) or 0):
                yield Problem("quotas", row, "lend", f"it lends more of {name!r} than it has", "lend at most the quota")


def _amount_problems(row: int, key: str, amounts: Amounts) -> Iterator[Problem]:
    for name, amount in amounts.items():
        number = parse_quantity(amount)
        place = {GPU: "gpu"}.get(name, name) if key == "amounts" else key
        if number is None:
            hint = "write 8 or 500m for cores, 32Gi for memory, 4 for GPUs"
            yield Problem("quotas", row, place, f"{amount!r:.40} is no amount of {name}", hint)
        elif (name == "pods" or "/" in name) and number != int(number):
            yield Problem("quotas", row, place, f"{amount!r:.40} of {name} is no whole number", "write a whole number")
        elif name in ("memory", "ephemeral-storage") and 0 < number < MEBIBYTE:
            yield Problem("quotas", row, place, f"{amount!r:.40} of {name} are bytes", f"write {amount!s:.20}Gi")
