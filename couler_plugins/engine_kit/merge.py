"""One three-way merge: what changed between two written versions of an object, carried over into what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from couler_plugins import ir
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import part_at
from couler_plugins.documents.rewriting import same_data

N = TypeVar("N", bound=ir.Callable | ir.Step)
T = TypeVar("T")


class Sources:
    """Where the nodes of one version were read that written objects stand for.

    Args:
        documents: what was read, by number.
        shared: the `id` of each node that both versions have; these are written as what they were read from.

    Attributes:
        documents: as above.
        written: an object for each place that a node was read from.
        fresh: the `id` of each object that stands for a node which was read nowhere.
        ordered: the `id` of each mapping whose keys come in the order in which they are written.
    """

    def __init__(self, documents: Mapping[int, Any] | None = None, shared: set[int] | None = None) -> None:
        self.documents = documents or {}
        self._shared = shared or set()
        self.written: dict[ir.Source, Any] = {}
        self.fresh: set[int] = set()
        self.ordered: set[int] = set()
        self._natives: dict[int, ir.Source] = {}
        self._by_id: dict[int, ir.Source] = {}
        self._alive: list[Any] = []

    def native(self, node: ir.Callable | ir.Step) -> Any:
        """Return what a node was read from."""
        source = node.source or ()
        native = part_at(self.documents, source)
        self._natives[id(native)] = source
        return native

    def write(self, node: N, write: Callable[[N], Any]) -> Any:
        """Return what a node was read from where both versions have it, and else what is written for it."""
        is_shared = id(node) in self._shared and node.source is not None
        return self.native(node) if is_shared else self.note(write(node), node.source)

    def note(self, written: T, source: ir.Source | None) -> T:
        """Remember where the node was read that this stands for, and return it."""
        self._alive.append(written)
        if source is None:
            self.fresh.add(id(written))
        else:
            self.written[source] = written
            self._by_id[id(written)] = source
        return written

    def note_made(self, written: T, source: ir.Source | None) -> T:
        """Remember what was read that this is made from, unlike what is written for a node, and return it."""
        self._natives[id(written)] = source or ()
        self._alive.append(written)
        return written

    def of(self, written: Any, before: Sources) -> ir.Source | None:
        """Return the place that was remembered, if something is written for it before as well, or it is native."""
        source = self._by_id.get(id(written))
        return source if source in before.written else self._natives.get(id(written))


class Merge:
    """Merges what changed between two written versions into what was read; all else stays verbatim.

    Args:
        before: the sources of what would be written for what was read.
        after: the sources of what is to be written.

    Attributes:
        origins: for objects of the result, by their `id`, the path in their document of what they were made from.
    """

    def __init__(self, before: Sources, after: Sources) -> None:
        self._before = before
        self._after = after
        self._alive: list[Any] = []
        self.origins: dict[int, Path] = {}

    def merged(self, native: Any, before: Any, after: Any, source: ir.Source) -> Any:
        """`native`, changed where `after` differs from `before`; the same object where they do not differ.

        A node that was read elsewhere is made from that, and one that was read nowhere is new. Other items of a list
        are made from that of the same name or value.

        Args:
            native: what was read; None where nothing was.
            before: what would be written for that.
            after: what is to be written.
            source: where `native` was read.
        """
        if (own := self._after.of(after, self._before)) is not None:
            native, source = part_at(self._after.documents, own), own
            before = self._before.written.get(own, native)
        result = native
        if not _is_same(before, after):
            match native, before, after:
                case dict(), dict(), dict():
                    result = self._mapping(native, before, after, source)
                case list(), list(), list() if len(native) == len(before):
                    result = self._list(native, before, after, source)
                case _, _, dict():
                    return {key: self.merged(None, None, content, source) for key, content in after.items()}
                case _, _, list():
                    return [self.merged(None, None, content, source) for content in after]
                case _:
                    return after
        if isinstance(result, dict):
            self.origins[id(result)] = source[1:]
            self._alive.append(result)
        return result

    def _mapping(self, native: dict[str, Any], before: Any, after: Any, source: ir.Source) -> dict[str, Any]:
        result = {}
        for key, content in native.items():
            if key in after:
                old, new = before.get(key), after[key]
                result[key] = content if old is new else self.merged(content, old, new, (*source, key))
            elif key not in before:
                result[key] = content
        for key, content in after.items():
            if key not in native and not (key in before and _is_same(before[key], content)):
                result[key] = self.merged(None, None, content, source)
        if len(result) == len(native) and all(result.get(key) is content for key, content in native.items()):
            return native
        if id(after) in self._after.ordered:
            return {key: result[key] for key in (*after, *result) if key in result}
        return result

    def _list(self, native: list[Any], before: list[Any], after: list[Any], source: ir.Source) -> list[Any]:
        places: dict[object, int] = {}
        result = []
        for number, item in enumerate(after):
            place: int | None = number
            if number < len(before) and item is before[number] is native[number]:
                result.append(item)
                continue
            if self._after.of(item, self._before) is not None or id(item) in self._after.fresh:
                place = None
            elif number >= len(before) or not _is_alike(before[number], item):
                places = places or {_label(before[place]): place for place in reversed(range(len(before)))}
                place = places.get(_label(item))
            if place is None:
                result.append(self.merged(None, None, item, source))
            else:
                result.append(self.merged(native[place], before[place], item, (*source, place)))
        same = len(result) == len(native) and all(one is two for one, two in zip(result, native, strict=True))
        return native if same else result


def _is_same(old: Any, new: Any) -> bool:
    return old is new or (old == new and (type(old) is type(new) is str or same_data(old, new)))


def _is_alike(old: Any, new: Any) -> bool:
    return old is new or _label(old) == _label(new)


def _label(item: Any) -> object:
    """What an item of a list is known by: a mapping by its name, all else by its value."""
    name = item.get("name") if isinstance(item, dict) else None
    return ("name", name) if isinstance(name, str) else msgspec.json.encode(item, order="sorted")


def nodes_of(workflow: ir.Workflow) -> Iterator[ir.Callable | ir.Step]:
    """Yield the graphs, operations and steps of a workflow."""
    yield from (*workflow.graphs, *workflow.operations)
    for graph in workflow.graphs:
        yield from graph.steps


def shared_nodes(old: ir.Workflow, new: ir.Workflow) -> set[int]:
    """Return the `id` of each graph, operation and step that two versions of a workflow have."""
    return set(map(id, nodes_of(old))) & set(map(id, nodes_of(new)))


def with_part(data: Any, path: Path, content: Any) -> Any:
    """Return `data` with what is under a path replaced; everything beside the path stays the same object."""
    if not path:
        return content
    key, inner = path[0], with_part(data[path[0]], path[1:], content)
    if inner is data[key]:
        return data
    if isinstance(data, list):
        return [inner if number == key else item for number, item in enumerate(data)]
    return {**data, key: inner}
