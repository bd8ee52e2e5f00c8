"""Order of steps that use the same tables and models: that of the program, where it makes a difference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate, chain


class Order:
    """What the steps so far have read and written."""

    def __init__(self) -> None:
        self._writers: dict[str, str] = {}
        self._readers: dict[str, list[str]] = {}
        self._views: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, dict[str, None]] = {}

    def waits(self, reads: Collection[str], writes: Collection[str] = ()) -> tuple[str, ...]:
        """Return the steps that have to end before a step reads and writes some tables.

        It waits for who wrote what it reads, and for who wrote or read what it writes.
        """
        targets = self._same(writes)
        sources = self._same((*self._behind(reads), *_schemas(reads, writes)))
        before = [self._writers[name] for name in (*sources, *targets) if name in self._writers]
        before += [step for name in targets for step in self._readers.get(name, ())]
        return tuple(dict.fromkeys(before))

    def add(self, step: str, reads: Collection[str], writes: Collection[str] = (), *, view: bool = False) -> None:
        """Note what a step reads and writes.

        Args:
            step: its name.
            reads, writes: the names of tables.
            view: whether it writes a view: who reads that reads all that the view does, at that time.
        """
        before = [name for view_name in self._same(writes) for name in self._views.get(view_name, ())]
        sources = (*self._behind((*reads, *before)), *_schemas(reads, writes))
        for name in (*sources, *writes):
            self._names.setdefault(name.rpartition(".")[2], {})[name] = None
        for name in sources:
            self._readers.setdefault(name, []).append(step)
        for name in writes:
            self._writers[name] = step
            self._readers[name] = []
            self._views.pop(name, None)
            if view:
                self._views[name] = tuple(reads)

    def _behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """Tables, and those that are behind views among them."""
        result = dict.fromkeys(names)
        waiting = list(result)
        while waiting:
            seen = self._same([waiting.pop()])
            behind = [name for view in seen for name in self._views.get(view, ()) if name not in result]
            result |= dict.fromkeys(behind)
            waiting += behind
        return tuple(result)

    def _same(self, names: Iterable[str]) -> list[str]:
        """What may be the same tables: names that differ in a schema that one of the two leaves out."""
        pairs = ((name, other) for name in names for other in self._names.get(name.rpartition(".")[2], ()))
        return [other for name, other in pairs if f".{other}".endswith(f".{name}") or f".{name}".endswith(f".{other}")]


def _schemas(*names: Iterable[str]) -> Iterator[str]:
    """The schemas of tables: who uses a table waits for who makes its schema."""
    for name in chain(*names):
        yield from accumulate(name.split(".")[:-1], "{}.{}".format)
