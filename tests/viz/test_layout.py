from __future__ import annotations

import random
import re
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.viz.page.layout import Layout, lay_out
from couler_plugins.viz.page.layout.layers import Neighbours, assign_layers

BOX = (160, 46)
Edges = list[tuple[int, int]]


def shards(count: int) -> Edges:
    """One step that starts many chains of three, and one that waits for all of them."""
    edges: Edges = []
    for first in range(1, 3 * count, 3):
        edges += [(0, first), (first, first + 1), (first + 1, first + 2), (first + 2, 3 * count + 1)]
    return edges


def near(count: int) -> Edges:
    """Each step waits for two of the sixty before it."""
    chance = random.Random(1)
    return sorted({(chance.randrange(max(0, end - 60), end), end) for end in range(1, count) for _ in range(2)})


GRAPHS: dict[str, tuple[int, Edges]] = {
    "nothing": (0, []),
    "one step": (1, []),
    "a diamond": (4, [(0, 1), (0, 2), (1, 3), (2, 3)]),
    "a chain of 2,000": (2000, list(pairwise(range(2000)))),
    "2,000 without edges": (2000, []),
    "a fan of 500": (502, [(0, n) for n in range(1, 501)] + [(n, 501) for n in range(1, 501)]),
    "600 chains": (1802, shards(600)),
    "all read the first": (2000, [*pairwise(range(2000)), *((0, n) for n in range(2, 2000))]),
    "the last reads all": (2000, [*pairwise(range(2000)), *((n, 1999) for n in range(1998))]),
    "everything before everything": (60, [(a, b) for a in range(60) for b in range(a + 1, 60)]),
    "two dense layers": (120, [(a, 60 + b) for a in range(60) for b in range(60)]),
    "near": (2000, near(2000)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_overlap_and_edges_lead_down(name: str) -> None:
    count, edges = GRAPHS[name]
    layout = lay_out([BOX] * count, edges)
    assert_sound(layout, count, edges)
    assert layout.size[0] <= 1500


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_graph_gives_the_same_picture(name: str) -> None:
    count, edges = GRAPHS[name]
    assert lay_out([BOX] * count, edges) == lay_out([BOX] * count, edges)


@given(st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.lists(pairs(count), max_size=80))))
def test_any_graph(graph: tuple[int, Edges]) -> None:
    count, edges = graph[0], sorted(set(graph[1]))
    assert_sound(lay_out([BOX] * count, edges), count, edges)


def pairs(count: int) -> st.SearchStrategy[tuple[int, int]]:
    numbers = st.integers(0, count - 1)
    return st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair))).filter(lambda pair: pair[0] < pair[1])


def assert_sound(layout: Layout, count: int, edges: Edges) -> None:
    assert sorted(node for row in layout.rows for node in row) == list(range(count))
    for row in layout.rows:
        assert len({layout.places[node][1] for node in row}) == 1
        for left, right in pairwise(row):
            assert layout.places[left][0] + BOX[0] < layout.places[right][0]
    for above, below in pairwise(layout.rows):
        assert layout.places[above[0]][1] + BOX[1] < layout.places[below[0]][1]
    for number, (start, end) in enumerate(edges):
        points = points_of(layout.paths[number])
        assert points[0] == (layout.places[start][0] + BOX[0] // 2, layout.places[start][1] + BOX[1])
        assert points[-1] == (layout.places[end][0] + BOX[0] // 2, layout.places[end][1])
        assert all(above[1] <= below[1] for above, below in pairwise(points))
    for x, y in layout.places:
        assert 0 <= x <= layout.size[0] - BOX[0]
        assert 0 <= y <= layout.size[1] - BOX[1]


def points_of(path: str) -> list[tuple[int, int]]:
    """Where the pieces of a path begin and end."""
    points: list[tuple[int, int]] = []
    for command, text in re.findall(r"([MVC])([-\d ]+)", path):
        figures = [int(figure) for figure in text.split()]
        points.append((points[-1][0], figures[0]) if command == "V" else (figures[-2], figures[-1]))
    return points


def test_what_belongs_together_stands_together() -> None:
    """Of 600 chains, each is a column of its own, not a step in each of three heaps."""
    count, edges = GRAPHS["600 chains"]
    layout = lay_out([BOX] * count, edges)
    row_of = {node: number for number, row in enumerate(layout.rows) for node in row}
    for first in range(1, 1800, 3):
        assert [row_of[first + step] - row_of[first] for step in range(3)] == [0, 1, 2]
        assert len({layout.places[first + step][0] for step in range(3)}) == 1


def test_wide_layers_are_cut_into_rows() -> None:
    layout = lay_out([BOX] * 502, GRAPHS["a fan of 500"][1])
    assert max(map(len, layout.rows)) == 6
    assert [row[0] for row in (layout.rows[0], layout.rows[-1])] == [0, 501]


def test_a_step_is_drawn_right_above_the_first_that_needs_it() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (4, 3)]
    assert assign_layers(Neighbours.of(5, edges)) == [0, 1, 2, 3, 2]


def test_a_cycle_of_two_versions_is_drawn_all_the_same() -> None:
    layout = lay_out([BOX] * 3, [(0, 1), (1, 2), (2, 1)])
    assert layout.rows == [[0], [1], [2]]


def test_work_grows_with_the_graph_and_not_with_its_square() -> None:
    """Without a clock: counted are the lines that run."""

    def lines(count: int) -> int:
        steps = 0

        def trace(frame: object, event: str, argument: object) -> object:
            nonlocal steps
            steps += event == "line"
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]  # the protocol of trace functions names itself
        try:
            lay_out([BOX] * (3 * count + 2), shards(count))
        finally:
            sys.settrace(None)
        return steps

    small, large = lines(50), lines(200)
    assert large < 6 * small
