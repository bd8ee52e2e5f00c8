"""What leads to what inside one graph. Barriers are junctions: m + n links rather than m × n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, pairwise
from typing import Literal, NamedTuple

from couler_plugins.ir import Graph, GraphView, Operation, needed
from couler_plugins.viz.diagrams.labels import outcomes

__all__ = ["End", "Link", "links"]

End = str | int
"""A step, by its name, or a junction, by its number in the graph."""


class Link(NamedTuple):
    """The end waits for the start (`order`), or reads from it (`data`); the label is empty in the usual case."""

    start: End
    end: End
    kind: Literal["order", "data"] = "order"
    label: str = ""


def links(graph: Graph, by_name: Mapping[str, Graph | Operation]) -> Iterator[Link]:
    """All links: first those of barriers (between stages and before finalizers), then those of needs and of data.

    Two steps are linked once, as `order` where they are both. Linear in the size of the graph.
    """
    names = {step.name for step in graph.steps}
    labels = {(need.step, step.name): outcomes(need) for step in graph.steps for need in needed(step.needs)}
    seen: set[tuple[End, End]] = set()
    for link in _barriers(graph, names):
        seen.add((link.start, link.end))
        yield link
    for edge in GraphView(graph, by_name).edges():
        pair = (edge.before, edge.after)
        if edge.before in names and pair not in seen:
            seen.add(pair)
            yield Link(*pair, "order" if edge.why == "order" else "data", labels.get(pair, ""))


def _barriers(graph: Graph, names: set[str]) -> Iterator[Link]:
    stages = [[name for name in stage if name in names] for stage in graph.stages or ()]
    groups = [stage for stage in stages if stage]
    finalizers = [name for name in graph.finalizers if name in names]
    if finalizers:
        others = [step.name for step in graph.steps if step.name not in set(finalizers)]
        groups = [*(groups or ([others] if others else [])), finalizers]
    numbers = count()
    for before, after in pairwise(groups):
        yield from _barrier(before, after, numbers)


def _barrier(before: Sequence[str], after: Sequence[str], numbers: Iterator[int]) -> Iterator[Link]:
    if len(before) == len(after) == 1:
        yield Link(before[0], after[0])
        return
    junction = next(numbers)
    yield from (Link(name, junction) for name in before)
    yield from (Link(junction, name) for name in after)
