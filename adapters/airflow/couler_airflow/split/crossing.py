"""What crosses into a part: the tasks that need proxies there, the keys that are read, and who waits for them all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from couler_airflow.split.ancestry import Ancestry
from couler_airflow.split.reads import Reads
from couler_airflow.split.texts import is_elsewhere
from couler_airflow.trigger_rules import DEFAULT, needs_of
from couler_plugins.ir import Graph, Step, needed, references

__all__ = ["Crossing"]


class Crossing:
    """What the tasks of a DAG read of each other.

    Args:
        graph: the DAG, lifted.
        reads: what its tasks read beside what they are handed.
        owners: which part each task is in.
    """

    def __init__(self, graph: Graph, reads: Reads, owners: Mapping[str, str]) -> None:
        self._reads = reads
        self._owners = owners
        self._in_loop: dict[str, list[tuple[str, str]]] = {}
        for region in graph.regions:
            read = [(item.step, item.name) for item in references(region.loop) if item.to == "output"]
            for name in region.steps if read else ():
                self._in_loop.setdefault(name, []).extend(read)
        joins = [step for step in graph.steps if step.needs == needs_of(DEFAULT, _waits(step), ())]
        odd = len(joins) < len(graph.steps)  # else nothing runs after what was skipped
        self._joining = {name for step in joins if len(_waits(step)) > 1 for name in _waits(step)} if odd else set()
        self._ancestry = Ancestry(graph, self._joining)

    def read_by(self, step: Step) -> set[str]:
        """The tasks whose results a task reads, in whatever way."""
        return {name for name, _ in (*self._handed(step), *self._reads.code.get(step.name, ()))}

    def into(self, steps: Iterable[Step], own: Collection[str]) -> tuple[dict[str, set[str]], set[str]]:
        """The proxies of a part, with the keys of what they hand on, and the tasks that wait for all of them.

        Args:
            steps: the tasks of the part.
            own: their ids.
        """
        keys: dict[str, set[str]] = {}
        gated: set[str] = set()
        for step in steps:
            waits = _waits(step)
            here = waits.union(own)
            texts = self._reads.texts.get(step.name, ())
            pulled = {(name, call.key) for call in texts for name in call.tasks if name not in waits}
            read = {*self._handed(step)} - pulled | {*self._reads.code.get(step.name, ())}
            for call in texts:
                if not is_elsewhere(call.tasks, here, self._owners):
                    read.update((name, call.key) for name in call.tasks)
            for name in waits.difference(own):
                keys.setdefault(name, set())
            for name, key in read:
                if name not in own and name in self._owners:
                    keys.setdefault(name, set()).add(key)
                    if name not in waits:
                        gated.add(step.name)
        return keys, gated

    def first(self, steps: Iterable[Step], proxies: Collection[str]) -> dict[str, set[str]]:
        """By proxy, the proxies that end before it, where the same task waits for both.

        That task is skipped where one that it waits for was skipped, and fails where one failed: what ended first
        counts, and what comes before another one has always ended first.
        """
        readers: dict[str, set[str]] = {}
        for step in steps:
            there = _waits(step).intersection(proxies, self._joining)
            for name, earlier in self._ancestry.among(there):
                readers.setdefault(name, set()).update(earlier)
        return readers

    def _handed(self, step: Step) -> Iterator[tuple[str, str]]:
        """What a task is handed: in its arguments and templates, and by the loops of its groups."""
        for reference in references((step.arguments, step.loop)):
            if reference.to == "output":
                yield reference.step, reference.name
        yield from self._in_loop.get(step.name, ())


def _waits(step: Step) -> set[str]:
    return {need.step for need in needed(step.needs)}
