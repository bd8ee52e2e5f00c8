"""A search for wrong hits: random workflows and changed copies of them are optimised, and run in a world of hashes."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.argo.caching.wild import Choices, wild
from adapters.argo.caching.world import Ran, Submission, World
from couler_plugins.api import optimize
from couler_plugins.caching import analysis, composites, upstream, verdicts
from couler_plugins.caching.declarations import Declaration
from couler_plugins.caching.upstream import Handed
from couler_plugins.plugins import Plugins, load_plugins
from support import examples

pytestmark = pytest.mark.sampled

WAYS = (("0", "0", ""), ("0", "0", ""), ("1", "0", ""), ("0", "1", ""), ("0", "0", "other"))
"""Values of the parameters p and q, and the service account, that each workflow is run with."""


@cache
def plugins() -> Plugins:
    return load_plugins()


def family(seed: int) -> list[dict[str, Any]]:
    """A workflow, and three that are nearly the same."""
    random = Random(seed)
    made = [Choices(random)]
    workflows = [wild(made[0])]
    while len(workflows) < 4:
        made.append(random.choice(made).changed(random.choice((1, 1, 2))))
        workflows.append(wild(made[-1]))
    return workflows


def wrong_hits(
    seed: int,
    counts: Counter[str] | None = None,
    workflows: list[dict[str, Any]] | None = None,
    pipeline: str = "cache{via=memoize}",
) -> list[tuple[Ran, Ran]]:
    """Pairs of runs that have one key, but made different things; by default in the family of the seed."""
    random = Random(seed)
    first: dict[str, Ran] = {}
    wrong = []
    counts = Counter() if counts is None else counts
    for workflow in family(seed) if workflows is None else workflows:
        (document,) = optimize(workflow, pipeline, plugins=plugins()).documents
        for p, q, account in WAYS:
            submission = Submission({"p": p, "q": q}, account, random.randrange(1 << 20))
            for ran in World(document, submission).run():
                counts["steps"] += 1
                if ran.key is None:
                    continue
                counts["keys"] += 1
                known = first.setdefault(ran.key, ran)
                counts["hits"] += known is not ran
                if known.made != ran.made:
                    wrong.append((known, ran))
    return wrong


@given(st.integers(0, 1 << 40))
@settings(max_examples=examples(100))
def test_equal_keys_mean_equal_results(seed: int) -> None:
    assert not wrong_hits(seed)


@given(st.integers(0, 1 << 40))
@settings(max_examples=examples(30))
def test_equal_keys_mean_equal_results_in_libraries(seed: int) -> None:
    """Where a template may be cached in place, for calls of which nothing is known."""
    libraries = [
        {**workflow, "kind": "WorkflowTemplate", "metadata": {**workflow["metadata"], "name": "library"}}
        for workflow in family(seed)
    ]
    assert not wrong_hits(seed, workflows=libraries)


MANY = pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(100), marks=pytest.mark.slow), pytest.param(range(100, 400), marks=pytest.mark.long)],
    ids=["some", "many"],
)
STORE = "store=s3://bucket/cache,image=registry/couler:1"
WRAPPERS = [f"cache{{via={via},{STORE}}}" for via in ("wrapper", "both")]


def with_places(seed: int) -> list[dict[str, Any]]:
    """The family of the seed, with artifacts that may change at their place."""
    raw, place = '{"raw": {"data": "1"}}', '{"s3": {"bucket": "b", "key": "k"}}'
    return [json.loads(json.dumps(item).replace(raw[1:-1], place[1:-1])) for item in family(seed)]


@given(st.integers(0, 1 << 40), st.sampled_from(WRAPPERS))
@settings(max_examples=examples(60))
def test_equal_keys_and_contents_mean_equal_results(seed: int, pipeline: str) -> None:
    assert not wrong_hits(seed, workflows=with_places(seed), pipeline=pipeline)


@MANY
def test_contents_give_more_keys_in_many_workflows(seeds: range) -> None:
    counts = {pipeline: Counter[str]() for pipeline in (WRAPPERS[0], "cache{via=memoize}")}
    for pipeline, count in counts.items():
        # Each seed costs twice as much here as below.
        wrong = [seed for seed in seeds[::3] if wrong_hits(seed, count, with_places(seed), pipeline)]
        assert not wrong
    wrapped, memoized = counts.values()
    assert wrapped["keys"] > 1.05 * memoized["keys"]


@MANY
def test_equal_keys_mean_equal_results_in_many_workflows(seeds: range) -> None:
    counts: Counter[str] = Counter()
    assert not [seed for seed in seeds if wrong_hits(seed, counts)]
    assert counts["keys"] > 20 * len(seeds)
    assert counts["hits"] > 15 * len(seeds)


def everything_handed(step: object, name: object = None, **settings: object) -> Handed:
    return Handed(frozenset(f"s{number}" for number in range(9)), frozenset({"n"}))


@pytest.mark.parametrize(
    ("holder", "name", "broken", "seed"),
    [
        pytest.param(upstream, "uncertain", lambda step: None, 6, id="skipped and failed steps"),
        pytest.param(upstream.Before, "_stages_before", lambda self, step, handed, found: iter(()), 1, id="stages"),
        pytest.param(upstream.Before, "_steps_before", lambda self, step, handed, found: iter(()), 10, id="order"),
        pytest.param(upstream.Before, "_outside", lambda self, handed, found: iter(()), 208, id="before a graph"),
        pytest.param(upstream, "handed_by_value", everything_handed, 1, id="what cuts"),
        pytest.param(verdicts, "_leaf", lambda reference, leaves: 0, 5, id="values"),
        pytest.param(analysis, "merge_scopes", lambda one, other: one, 10, id="several callers"),
        pytest.param(analysis, "call_objections", lambda step: iter(()), 8, id="arguments and needs"),
        pytest.param(analysis, "resolve", lambda said, assume_pure: Declaration("any"), 3, id="declarations"),
        pytest.param(composites.Composites, "reads", lambda self, graph: (), 351, id="what graphs read"),
        pytest.param(composites.Composites, "spec", lambda self, graph: "v1:00", 1, id="what graphs are"),
    ],
)
def test_the_world_notices_a_broken_rule(
    monkeypatch: pytest.MonkeyPatch, holder: object, name: str, broken: object, seed: int
) -> None:
    assert not wrong_hits(seed)
    monkeypatch.setattr(holder, name, broken)
    assert any(wrong_hits(near) for near in range(seed, seed + 25))
