"""What holds for every policy, whatever it is given."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence, Set

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.baselines import POLICIES
from benchmarks.baselines.literal import PaperLiteral
from benchmarks.baselines.paper import Paper
from caching.policies.worlds import Node, Stream, candidate, edits, graphs, run, step
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run
from support import examples

pytestmark = pytest.mark.sampled

capacities = st.sampled_from([0, 1, 8, 1010, 2 * 10**9])
every_policy = pytest.mark.parametrize("policy", [kind() for kind in POLICIES], ids=[kind.name for kind in POLICIES])


def size(candidates: Sequence[Candidate], kept: Set[str]) -> int:
    return sum(one.bytes for one in candidates if one.key in kept)


def test_the_names() -> None:
    assert {kind.name for kind in POLICIES} == {
        *("none", "all", "fifo", "lru", "lfu", "sieve", "gdsf", "gdsf-subtree", "lrc", "helix"),
        *("experiment-graph", "yang", "paper-literal", "paper", "scr"),
    }


@every_policy
@settings(max_examples=examples(40))
@given(nodes=graphs(), changes=edits, capacity=capacities)
def test_a_stream_of_runs_stays_within_the_limit(
    policy: CachePolicy, nodes: list[Node], changes: list[int], capacity: int
) -> None:
    stream = Stream(policy, capacity, nodes)
    for at in changes:
        candidates, kept = stream.end(stream.edited(at))
        assert set(kept) <= {one.key for one in candidates}
        assert size(candidates, kept) <= capacity


@every_policy
@settings(max_examples=examples(40))
@given(nodes=graphs(), changes=edits, capacity=capacities, seed=st.integers(0, 99))
def test_order_and_earlier_questions_do_not_matter(
    policy: CachePolicy, nodes: list[Node], changes: list[int], capacity: int, seed: int
) -> None:
    """A history that is replayed at once into new views decides like one that has grown run by run."""
    stream = Stream(policy, capacity, nodes)
    for at in changes:
        candidates, kept = stream.end(stream.edited(at))
        shuffled = random.Random(seed).sample(candidates, len(candidates))
        before = stream.replayed(decided=False)
        assert set(policy.keep(shuffled, capacity, before)) == set(kept)


@every_policy
@settings(max_examples=examples(40))
@given(nodes=graphs(), changes=edits, capacity=capacities)
def test_one_artifact_at_a_time_in_the_middle_of_a_run(
    policy: CachePolicy, nodes: list[Node], changes: list[int], capacity: int
) -> None:
    online = policy.online()
    stream = Stream(policy, capacity, nodes)
    for at in changes:
        stream.end(stream.edited(at))
    held = stream.held
    last = stream.edited(0)
    for done in range(1, len(nodes) + 1):
        live = stream.until(last, done)
        new = stream.candidates(live)[len(held) :]
        given_now = [*held.values(), *(one for one in new if one.created == live.at + (done - 1) / 100)]
        kept = online.keep(given_now, capacity, stream.replayed(live=[live]))
        assert set(kept) <= {one.key for one in given_now}
        assert size(given_now, kept) <= capacity


@every_policy
@settings(max_examples=examples(40))
@given(nodes=graphs(), changes=edits)
def test_without_a_limit_all_is_kept(policy: CachePolicy, nodes: list[Node], changes: list[int]) -> None:
    stream = Stream(policy, None, nodes)
    for at in changes:
        candidates, kept = stream.end(stream.edited(at))
        assert set(kept) == ({one.key for one in candidates} if policy.name != "none" else set())


@every_policy
@settings(max_examples=examples(40))
@given(nodes=graphs(), changes=edits)
def test_without_a_history_it_decides_all_the_same(policy: CachePolicy, nodes: list[Node], changes: list[int]) -> None:
    stream = Stream(policy, None, nodes)
    candidates = stream.candidates(stream.edited(changes[0]))
    assert size(candidates, policy.keep(candidates, 8, History())) <= 8


@every_policy
def test_nothing_is_kept_of_nothing(policy: CachePolicy) -> None:
    assert set(policy.keep([], 10, History())) == set()


@every_policy
def test_a_lineage_that_cannot_be_is_no_reason_to_fail(policy: CachePolicy) -> None:
    """Entries are read from a store that others write to: they may claim to be their own ancestors."""
    loop = [
        Candidate(key="x", bytes=2, parents=("y",), seconds=1.0),
        Candidate(key="y", bytes=2, parents=("x", "nobody"), seconds=None),
        Candidate(key="z", bytes=2, parents=("z",), seconds=0.0),
    ]
    assert size(loop, policy.keep(loop, 4, History())) <= 4


def big(count: int) -> tuple[list[Candidate], Run]:
    """Layers of a hundred steps, each of which reads from two of the layer above."""
    chance = random.Random(7)
    steps, candidates = [], []
    for at in range(count):
        parents = (
            tuple(sorted({chance.randrange(at - at % 100 - 100, at - at % 100) for _ in "ab"})) if at >= 100 else ()
        )
        steps.append(step(f"k{at}", parents, seconds=chance.expovariate(0.1), size=chance.randrange(1, 10**9)))
        one = candidate(steps[-1].key, steps[-1].bytes or 0, steps[-1].seconds, at=float(at))
        candidates.append(msgspec.structs.replace(one, parents=tuple(steps[parent].key for parent in parents)))
    return candidates, run(*steps)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in POLICIES if kind.name not in ("scr", "paper", "paper-literal")],
    ids=lambda kind: kind.name,
)
@pytest.mark.parametrize(
    ("count", "share"), [(1_000, 0.5), *(pytest.param(10_000, share, marks=pytest.mark.slow) for share in (0.5, 0.02))]
)
def test_thousands_of_candidates_are_decided_soon(kind: type[CachePolicy], count: int, share: float) -> None:
    """Two decisions, the second with what the first has taught."""
    candidates, whole = big(count)
    capacity = int(share * sum(one.bytes for one in candidates))
    history = History([whole])
    started = time.process_time()
    kept = kind().keep(candidates, capacity, history)
    history.decide(frozenset(kept))
    kept = kind().keep(candidates, capacity, history)
    assert time.process_time() - started < count / 300
    assert kept or kind.name == "none"
    assert size(candidates, kept) <= capacity


@pytest.mark.parametrize("kind", [Paper, PaperLiteral], ids=lambda kind: kind.name)
def test_the_papers_own_rescoring_is_bearable_for_a_thousand(kind: type[CachePolicy]) -> None:
    candidates, whole = big(1000)
    capacity = sum(one.bytes for one in candidates) // 2
    started = time.process_time()
    kept = kind().keep(candidates, capacity, History([whole]))
    assert time.process_time() - started < 10
    assert size(candidates, kept) <= capacity
