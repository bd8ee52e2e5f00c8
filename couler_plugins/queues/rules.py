"""What owners say of queues in rows of the settings, `[[tool.couler.queue.declare]]`, and what a queue can hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.ir import Container, Literal, Scalar, parse_quantity
from couler_plugins.options.rows import Row, check_keys
from couler_plugins.queues.checks import read_table
from couler_plugins.queues.optimizer import NAME, NAMES, Queue
from couler_plugins.queues.shares import Share, Shares, amount_text

NEVER = "never"
KEYS = {"queue": str, "priority": str}
Figures = tuple[tuple[str, Scalar], ...]


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that `queue` understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    if problems := [problem for row in rows for problem in _problems(row)]:
        raise InvalidInput("; ".join(problems), hint="see docs/queue.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KEYS)
    if not row.content:
        yield f'{row.place}: it says nothing: add queue = "never"'
    for key in ("queue", "priority"):
        if isinstance(name := row.content.get(key, NEVER), str) and NAME.fullmatch(name) is None:
            yield f"{row.place}: {key!r} cannot be {name!r:.80}; {NAMES}"


class Room:
    """What the queues of a table can hold.

    Args:
        options: the options of the optimizer; without a table, all queues hold anything.

    Raises:
        InvalidInput: the table cannot be read, has a problem, or lacks the queue or the priority.
    """

    def __init__(self, options: Queue) -> None:
        self._file = options.table
        self._shares: list[Share] = []
        self._priorities: set[str] = set()
        if not options.table:
            return
        table = read_table(Path(options.table))
        clusters = [cluster.name for cluster in table.clusters] or [""]
        self._shares = [share for cluster in clusters for share in Shares(table, cluster).shares()]
        self._priorities = {one.name for one in table.priorities}
        names = {"queue": {share.queue for share in self._shares}, "priority": self._priorities}
        for key, name in (("queue", options.name_), ("priority", options.priority)):
            if name and name not in names[key]:
                hint = f"{closest(name, names[key])} it has {', '.join(sorted(names[key])) or 'none'}".strip()
                raise InvalidInput(f"there is no {key} {name!r} in this table", file=options.table, hint=hint)

    def missing(self, priority: str) -> str:
        """Return why pods cannot have a priority; empty where they can, and where there is no table."""
        is_known = not (self._file and priority) or priority in self._priorities
        return "" if is_known else f"{self._file} has no priority {priority!r}"

    def objection(self, queue: str, namespace: str, demand: Counter[str]) -> tuple[str, Figures]:
        """Return why a pod would wait for ever, with figures; an empty text where it may start some day.

        Args:
            queue: the name of the queue.
            namespace: where the pod is; empty where that is not said.
            demand: what it asks for, by resource.
        """
        mine = [one for one in self._shares if one.queue == queue and (not namespace or namespace in one.namespaces)]
        if not self._file:
            return "", ()
        if not mine:
            return f"{self._file} has no queue {queue!r}{f' for the namespace {namespace!r}' if namespace else ''}", ()
        if not any(demand.values()):
            return "", ()
        places: dict[tuple[str, str], dict[str, float]] = {}
        for one in mine:
            places.setdefault((one.cluster, one.flavor), {})[one.resource] = one.most
        lacks = [
            next((name for name, amount in demand.items() if amount > most.get(name, 0.0)), "")
            for most in places.values()
        ]
        if not all(lacks):
            return "", ()
        name = lacks[0]
        figures = (
            ("resource", name),
            ("asked for", amount_text(name, demand[name])),
            ("at most in the queue", amount_text(name, max(most.get(name, 0.0) for most in places.values()))),
        )
        return f"it would wait for ever: it asks for more {name} than {queue!r} can ever have", figures


def demand_of(containers: Sequence[Container]) -> Counter[str]:
    """Return what a pod asks for as Kueue counts it: all its containers together, or the largest that goes before.

    What only the run knows counts as nothing.
    """
    before, beside = Counter[str](), Counter[str]()
    for container in containers:
        pairs = {**dict(container.limits), **dict(container.requests)}
        values = {name: value.value for name, value in pairs.items() if isinstance(value, Literal)}
        amounts = {name: parse_quantity(value) or 0.0 for name, value in values.items()}
        if container.role == "init":
            before |= Counter(amounts)
        else:
            beside.update(amounts)
    return before | beside
