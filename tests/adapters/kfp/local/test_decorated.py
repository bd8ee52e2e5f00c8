"""Pipelines that were optimized as objects compute what they computed before."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from adapters.kfp.local.pipelines import configured, containers, decorated, everything, namesake, outer
from adapters.kfp.local.running import Outcome, run
from adapters.kfp.local.test_corpus import OPTIMIZERS
from adapters.kfp.sources import nested, sharing

pytest.importorskip("kfp", reason="needs kfp")

MODULES: dict[str, Callable[[], Any]] = {
    "everything": everything,
    "namesake": namesake,
    "nested": nested,
    "outer": partial(outer, configured),
    "sharing": sharing,
}

each = pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        pytest.param(name, pipeline, marks=() if (name, pipeline) == ("everything", "dedupe") else pytest.mark.slow)
        for name in MODULES
        for pipeline in OPTIMIZERS
    ],
)


@cache
def before(make: Callable[[], Any]) -> Outcome:
    return run(make)


@each
def test_decorated_and_undecorated_compute_the_same(name: str, pipeline: str) -> None:
    make = MODULES[name]
    assert not before(make).error
    assert run(partial(decorated, make, pipeline)).same() == before(make).same()


def test_arguments_are_given_as_before() -> None:
    outcome = run(partial(decorated, everything, "dedupe"), {"text": "mine"})
    assert outcome.outputs == {"Output": "one+two"}
    assert outcome.tasks["pair.Output"] == ["mine+other"]


@pytest.mark.slow
def test_a_pipeline_around_optimized_ones_computes_the_same() -> None:
    inner = partial(decorated, configured, "dedupe")
    assert run(partial(outer, inner)).outputs == run(partial(outer, configured)).outputs


def test_what_the_local_runner_refuses_it_refuses_of_optimized_ones_in_the_same_words() -> None:
    outcome = run(partial(decorated, containers, "dedupe"))
    assert "Container Component" in outcome.error
    assert outcome.error == run(containers).error
