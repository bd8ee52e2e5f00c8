"""Orders as bits: the closure, its least form, what is relaxed, and how long that takes for ten thousand steps."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couler_plugins.ir import Call, Graph, GraphView, Need, Step, all_of
from couler_plugins.ordering.order import bits_of, order_of, reduce_order, relax_order, time_order
from couler_plugins.ordering.places import touching
from couler_plugins.ordering.purity import Place
from support import examples


@st.composite
def parents_drawn(draw: st.DrawFn) -> list[list[int]]:
    """Up to twelve steps, each behind some of those before it."""
    count = draw(st.integers(0, 12))
    return [sorted(draw(st.sets(st.integers(0, step - 1), max_size=4))) if step else [] for step in range(count)]


def view_of(parents: list[list[int]], stages: list[list[int]] | None = None) -> GraphView:
    steps = [
        Step(name=f"s{step:05}", call=Call(name="o"), needs=all_of([Need(step=f"s{other:05}") for other in above]))
        for step, above in enumerate(parents)
    ]
    named = None if stages is None else tuple(tuple(f"s{step:05}" for step in stage) for stage in stages)
    return GraphView(Graph(name="g", steps=tuple(steps), stages=named))


def closure(parents: list[list[int]]) -> list[int]:
    above: list[int] = []
    for some in parents:
        bits = bits_of(some)
        for parent in some:
            bits |= above[parent]
        above.append(bits)
    return above


@given(parents=parents_drawn(), free=st.integers(0, 2**12 - 1))
@settings(max_examples=examples(200))
def test_nothing_crosses_what_is_not_free(parents: list[list[int]], free: int) -> None:
    order = order_of(view_of(parents))
    assert order.before == closure(parents)
    every = (1 << len(parents)) - 1
    before = relax_order(order, free, [every] * len(parents), [0] * len(parents))
    reduced = reduce_order(before, 10_000)
    assert reduced is not None
    least, new = reduced
    assert new == closure(least)
    for step, was in enumerate(order.before):
        kept = {other for other in range(step) if was >> other & 1 and not (free >> step & 1 and free >> other & 1)}
        assert bits_of(kept) | before[step] == before[step]
        assert new[step] | before[step] == new[step]
        assert new[step] & ~was == 0
        for parent in least[step]:  # without it, something would be missing
            others = bits_of(least[step]) & ~(1 << parent)
            reached = others
            for other in least[step]:
                reached |= new[other] if other != parent else 0
            assert not reached >> parent & 1
    seconds = [1.0 + step % 3 for step in range(len(parents))]
    assert time_order(least, None, seconds, None).makespan <= time_order(order.parents, None, seconds, None).makespan


def test_stages_run_one_after_another() -> None:
    order = order_of(view_of([[], [], [], []], [[0, 1], [2], [3]]))
    assert order.before == [0, 0, 0b11, 0b111]
    assert time_order(order.parents, order.stages, [1, 2, 3, 4], None) == (9, 2)
    assert time_order(order.parents, order.stages, [1, 2, 3, 4], 1) == (10, 1)


def test_an_order_that_needs_too_many_parents_is_left() -> None:
    before = [0] * 100 + [(1 << 100) - 1] * 100
    assert reduce_order(before, 9_999) is None
    assert reduce_order(before, 10_000) is not None


def test_places_are_apart_where_neither_is_above_the_other() -> None:
    places = {
        0: [Place("s3://bucket/a", writes=True)],
        1: [Place("s3://bucket/a/b", writes=False)],
        2: [Place("s3://bucket/ab", writes=True)],
        3: [Place(None, writes=False)],
        4: [Place("s3://bucket/c", writes=False)],
        6: [Place("s3://bucket/c/", writes=False)],
    }
    bits = touching(7, places)
    assert [bin(one) for one in bits] == ["0b1011", "0b1", "0b1100", "0b101", "0b0", "0b0", "0b0"]


@pytest.mark.parametrize("shape", ["chain", "stages", "lattice"])
def test_ten_thousand_steps_are_fast(shape: str) -> None:
    count = 10_000
    shapes: dict[str, list[list[int]]] = {
        "chain": [[step - 1] if step else [] for step in range(count)],
        "stages": [[] for _ in range(count)],
        "lattice": [sorted({max(step - 1, 0), max(step - 70, 0)} - {step}) for step in range(count)],
    }
    parents = shapes[shape]
    stages = [list(range(start, start + 10)) for start in range(0, count, 10)] if shape == "stages" else None
    start = time.process_time()
    order = order_of(view_of(parents, stages))
    free = bits_of(step for step in range(count) if step % 10)
    every = (1 << count) - 1
    before = relax_order(order, free, [every] * count, [0] * count)
    reduced = reduce_order(before, 30 * count)
    assert reduced is not None
    time_order(reduced[0], None, [1.0] * count, None)
    assert time.process_time() - start < 5
