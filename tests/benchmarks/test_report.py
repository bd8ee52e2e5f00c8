"""The benchmark of `couler report`: an effect is found, none is invented, and equal seeds give equal figures."""

from __future__ import annotations

from random import Random

from benchmarks.report import Judge, bare, shared, trace_of
from couler_plugins.runs import Run, StepRun


def test_an_effect_is_found_and_none_is_invented() -> None:
    draw = shared(bare, 0.05)
    result = Judge(12, 0).shares([draw], "w")
    assert result.found >= 0.8
    assert result.alarms <= 0.2
    assert result == Judge(12, 0).shares([draw], "w")


def test_a_trace_is_replayed_along_its_longest_path() -> None:
    steps = [
        StepRun(step=str(number), type=f"t{number}", spec="s", key="k", seconds=10.0, parents=above)
        for number, above in enumerate([(), (0,), (0,), (1, 2)])
    ]
    trace = trace_of(Run(family="w", steps=tuple(steps)))
    assert bare(Random(0)).seconds == 600
    assert trace.draw(Random(0)).seconds == 30
