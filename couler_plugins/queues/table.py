"""The table of clusters, flavours, teams, quotas and weights that Kueue's objects are made from: a TOML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from typing import Literal as OneOf

import msgspec

from couler_plugins.errors import InvalidInput, closest, restating

HINT = "see docs/queue.md"
GPU = "nvidia.com/gpu"
"""The resource that `gpu` stands for."""
RESOURCES = ("cpu", "memory", "gpu", "ephemeral-storage", "pods")
"""The resources without a slash in their names, in the order in which they are written."""
PLACE = re.compile(r"(?P<text>.*) - at `\$\.(?P<table>\w+)(?:\[(?P<row>\d+)\])?(?:\.(?P<key>[\w-]+))?.*`")
KEBAB = "kebab"
NAME = "names have lower-case letters, digits and `-`, and at most 63 characters"
TAINT = "a taint is KEY=VALUE:NoSchedule or KEY=VALUE:NoExecute"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z", max_length=63)]
"""A DNS label: what is stricter of a name and of the value of a label."""
_VALUE, _PREFIX = r"([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)", r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)"
Label = Annotated[str, msgspec.Meta(pattern=rf"^{_VALUE}?\Z", max_length=63)]
LabelKey = Annotated[str, msgspec.Meta(pattern=rf"^{_PREFIX}?{_VALUE}\Z", max_length=316)]
Taint = Annotated[str, msgspec.Meta(pattern=rf"^{_PREFIX}?{_VALUE}(={_VALUE}?)?:(NoSchedule|NoExecute)\Z")]
Amount = int | float | str
Amounts = dict[LabelKey, Amount]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename=KEBAB, forbid_unknown_fields=True):
    """One row of the table."""


class Cluster(_Row, frozen=True, kw_only=True):
    """A cluster that runs pods.

    Attributes:
        name: its name, and that of its MultiKueueCluster.
        kubeconfig: the Secret with its kubeconfig, in the namespace of Kueue's controller; empty for a single cluster.
    """

    name: Name
    kubeconfig: Name | OneOf[""] = ""


class Flavor(_Row, frozen=True, kw_only=True):
    """A kind of nodes.

    Attributes:
        name: its name, and that of its ResourceFlavor.
        labels: the labels of these nodes; Kueue admits at most 8.
        taints: their taints, `KEY=VALUE:EFFECT`, which the pods of the queue get tolerations for.
    """

    name: Name
    labels: Annotated[dict[LabelKey, Label], msgspec.Meta(max_length=8)] = {}
    taints: Annotated[tuple[Taint, ...], msgspec.Meta(max_length=8)] = ()


class Cohort(_Row, frozen=True, kw_only=True):
    """Teams that lend each other what they do not use.

    Attributes:
        name: its name.
        parent: the cohort that it is in, if any.
        weight: its share among the members of its parent.
    """

    name: Name
    parent: str = ""
    weight: Weight | None = None


class Team(_Row, frozen=True, kw_only=True):
    """A user or a team: a ClusterQueue, and a LocalQueue in each of its namespaces.

    Attributes:
        name: its name.
        namespaces: those that its pods are in.
        queue: the name that workflows use; empty where that is the team's.
        cohort: the cohort that it is in, if any.
        weight: its share of what its cohort has beyond the quotas of members.
        reclaim: whose pods are deleted to get back what was lent: Kueue's `reclaimWithinCohort`.
        preempt: whose pods of its own are deleted for others: Kueue's `withinClusterQueue`.
    """

    name: Name
    namespaces: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]
    queue: Name | OneOf[""] = ""
    cohort: str = ""
    weight: Weight | None = None
    reclaim: OneOf["Never", "LowerPriority", "Any"] = "Never"
    preempt: OneOf["Never", "LowerPriority", "LowerOrNewerEqualPriority"] = "Never"

    @property
    def local_queue(self) -> str:
        """Return the name that workflows use."""
        return self.queue or self.name


class Quota(_Row, frozen=True, kw_only=True):
    """What a team or a cohort has of one flavour.

    Attributes:
        team, cohort: whose it is; one of the two. What a cohort has is shared by weight.
        flavor: the flavour.
        cluster: where there are several clusters, the one that has it.
        amounts: by resource.
        borrow: the most that is borrowed beyond that, by resource; without a limit where it is not said.
        lend: the most that is lent, by resource; all where it is not said.
    """

    flavor: str
    team: str = ""
    cohort: str = ""
    cluster: str = ""
    amounts: Amounts
    borrow: Amounts = {}
    lend: Amounts = {}


class Priority(_Row, frozen=True, kw_only=True):
    """A WorkloadPriorityClass: of the pods that wait in a queue, those of the largest value start first."""

    name: Name
    value: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
    description: Annotated[str, msgspec.Meta(max_length=2048)] = ""


class Table(_Row, frozen=True, kw_only=True):
    """All rows; with several clusters, pods wait in a further one, the manager, which sends them to one of these."""

    teams: Annotated[tuple[Team, ...], msgspec.Meta(min_length=1)]
    flavors: Annotated[tuple[Flavor, ...], msgspec.Meta(min_length=1, max_length=64)]
    quotas: Annotated[tuple[Quota, ...], msgspec.Meta(min_length=1)]
    clusters: Annotated[tuple[Cluster, ...], msgspec.Meta(max_length=20)] = ()
    cohorts: tuple[Cohort, ...] = ()
    priorities: tuple[Priority, ...] = ()

    @property
    def is_multi(self) -> bool:
        """Return whether there are several clusters, and a manager before them."""
        return len(self.clusters) > 1


class TableFile:
    """A file with a table, and where its rows are.

    Args:
        path: the file.

    Raises:
        InvalidInput: it cannot be read, is no TOML, or a row has a key or a value that there is not.
    """

    def __init__(self, path: Path) -> None:
        import tomllib

        self._path = path
        with restating((OSError, UnicodeDecodeError), "the table cannot be read", file=str(path), hint=HINT):
            self._text = path.read_text(encoding="utf-8-sig")
        with restating(tomllib.TOMLDecodeError, "this is no TOML", file=str(path), hint=HINT):
            data = tomllib.loads(self._text)
        for row in data["quotas"] if isinstance(data.get("quotas"), list) else ():
            if isinstance(row, dict):
                _gather_amounts(row)
        try:
            self.table = msgspec.convert(data, Table)
        except msgspec.ValidationError as error:
            raise self._error(str(error)) from error

    def error(self, table: str, row: int, key: str, message: str, hint: str) -> InvalidInput:
        """Return what is wrong with a row, counted from 0, as an error with its line."""
        named = f"[[{table}]]: {message}"
        return InvalidInput(named, file=str(self._path), line=self._line(table, row, key), hint=hint)

    def _error(self, text: str) -> InvalidInput:
        """Return an error of msgspec as one of ours."""
        match = PLACE.fullmatch(text)
        if match is None:
            unknown = re.search("unknown field `(.*)`", text)
            more = closest(unknown[1], Table.__struct_encode_fields__) if unknown else ""
            names = ", ".join(Table.__struct_encode_fields__)
            text = re.sub("Object missing required field `(.*)`", r"[[\1]] is missing", text)
            return InvalidInput(text, file=str(self._path), hint=f"{more} its tables are {names}; {HINT}".strip())
        table, key = match["table"], match["key"] or ""
        kind = {"quotas": Quota, "teams": Team, "flavors": Flavor, "clusters": Cluster}.get(table)
        kind = kind or {"cohorts": Cohort, "priorities": Priority}.get(table)
        unknown = re.search("unknown field `(.*)`", match["text"])
        hint, reason = HINT, match["text"]
        if unknown is not None and kind is not None:
            keys = [*(name for name in kind.__struct_encode_fields__ if name != "amounts")]
            keys += RESOURCES if table == "quotas" else ()
            hint = f"{closest(unknown[1], keys)} its keys are {', '.join(keys)}".strip()
            key = unknown[1]
        elif "matching regex" in reason:
            form = TAINT if key == "taints" else NAME
            hint, reason = f"{form}; {HINT}", "Kubernetes would not take it"
        what = f"{key!r}: {reason}" if key else reason
        return self.error(table, int(match["row"] or 0), key, what, hint)

    def _line(self, table: str, row: int, key: str) -> int | None:
        """Return the line of a key, or else of the row that it is to be in."""
        headers = [*re.finditer(rf"^[ \t]*\[\[[ \t]*{table}[ \t]*\]\]", self._text, re.MULTILINE)]
        if row >= len(headers):
            return None
        start = headers[row].start()
        end = next(
            (one.start() for one in re.finditer(r"^[ \t]*\[\[", self._text, re.MULTILINE) if one.start() > start), None
        )
        line = re.compile(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t.=]", re.MULTILINE) if key else None
        match = line.search(self._text[:end], headers[row].end()) if line else None
        return self._text.count("\n", 0, match.start() if match else start) + 1


def _gather_amounts(row: dict[str, Any]) -> None:
    """Put the amounts of a quota under one key, and write the names of resources in full."""
    amounts = {key: row.pop(key) for key in [*row] if key in RESOURCES or "/" in key}
    row["amounts"] = _in_full(amounts)
    for key in ("borrow", "lend"):
        if isinstance(row.get(key), dict):
            row[key] = _in_full(row[key])


def _in_full(amounts: Mapping[str, Any]) -> dict[str, Any]:
    return {GPU if name == "gpu" else name: amount for name, amount in amounts.items()}
