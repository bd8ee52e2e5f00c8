"""Figures of containers, whatever the samples are: what was seen in an attempt's own time, or nothing."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from couler_plugins.runs.prometheus.figures import (
    CPU,
    MEMORY,
    MOST_BYTES,
    MOST_CORES,
    REQUESTS,
    SLACK,
    STARTED,
    Unusable,
    container_uses,
)
from couler_plugins.runs.prometheus.queries import Series
from servers.prometheus_runs import START, attempt, labels
from support import examples

END = START + 100
TIMES = st.one_of(st.integers(-10, 110), st.sampled_from([-1e300, 1e300])).map(lambda second: START + second)
BAD = st.sampled_from([-1.0, float("nan"), float("inf"), float("-inf"), 1e308, 2.0**51])
VALUES = st.one_of(st.integers(0, 1000).map(float), st.integers(0, 1000).map(float), BAD)


@st.composite
def series(draw: st.DrawFn) -> Series:
    name = draw(st.sampled_from([MEMORY, MEMORY, CPU, STARTED, *REQUESTS]))
    uid, start = draw(st.sampled_from([(1, "1"), (1, "1"), (1, "2"), (2, "1")]))
    container = draw(st.sampled_from(["main", "wait"]))
    more = {"resource": draw(st.sampled_from(["cpu", "memory", "gpu"]))} if name in REQUESTS else {}
    values = draw(st.sampled_from([VALUES, st.integers(0, 1000).map(float)]))
    samples = draw(st.dictionaries(TIMES, values, min_size=1, max_size=8))
    return Series({**labels("work", container, uid, start=start), "__name__": name, **more}, samples)


@given(st.lists(series(), max_size=8))
@settings(max_examples=examples(400))
def test_a_figure_is_what_was_seen_or_nothing(several: list[Series]) -> None:
    result = container_uses(attempt(end=100), several, START, END)
    event(result.name if isinstance(result, Unusable) else "figures")
    if isinstance(result, Unusable):
        return
    inside = [(one, at, value) for one in several for at, value in one.samples.items() if _is_inside(at)]
    assert len({one.labels["id"].split("/")[3] for one, *_ in inside if one.labels["__name__"] not in REQUESTS}) == 1
    for use in result:
        memory = {at: value for one, at, value in inside if _is_of(one, MEMORY, use.container)}
        peak = max(value for one, _, value in inside if _is_of(one, MEMORY, use.container))
        assert len(memory) > 1
        assert use.memory == peak <= MOST_BYTES
        assert use.cpu is None or 0 <= use.cpu <= MOST_CORES
        assert (use.cpu is None) == (use.cpu_p95 is None)
        assert use.memory_request is None or use.memory_request >= 0


def _is_inside(at: float) -> bool:
    return START - SLACK <= at <= END + SLACK


def _is_of(series: Series, name: str, container: str) -> bool:
    return series.labels["__name__"] == name and series.labels["container"] == container
