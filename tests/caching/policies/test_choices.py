"""What each policy chooses in cases small enough to be worked out by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence, Set

import msgspec
import pytest

from benchmarks.baselines.materialization import ExperimentGraph, Helix
from benchmarks.baselines.references import Lrc
from benchmarks.baselines.yang import Yang
from caching.policies.worlds import candidate, run, step
from couler_plugins.caching.policies.gdsf import Gdsf, GdsfSubtree
from couler_plugins.caching.policies.lineages import Ancestry, Estimates, Made
from couler_plugins.caching.policies.simple import Everything, Fifo, Lfu, Lru, Sieve
from couler_plugins.caching.policies.subtrees import recompute_seconds
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, LoadCost

FREE = LoadCost(latency=0.0, bandwidth=1e12)
NOTHING = LoadCost(latency=0.0, bandwidth=float("inf"))


def history(*events: object, live: tuple[object, ...] = (), load: LoadCost = FREE) -> History:
    """A history of runs and, as sets, of decisions."""
    found = History(live=live, load=load)  # type: ignore[arg-type]  # runs are all that tests put there
    for event in events:
        found.decide(event) if isinstance(event, frozenset) else found.append(event)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("policy", "kept"), [(Fifo(), {"new"}), (Lru(), {"used"}), (Lfu(), {"often"}), (Everything(), {"often"})]
)
def test_the_simple_ones(policy: CachePolicy, kept: Set[str]) -> None:
    often = Candidate(key="often", bytes=1, created=0.0, used=1.0, uses=9)
    used = Candidate(key="used", bytes=1, created=1.0, used=5.0, uses=2)
    new = Candidate(key="new", bytes=1, created=4.0, used=4.0)
    assert policy.keep([often, used, new], 1, History()) == kept


def test_one_that_does_not_fit_is_passed_over() -> None:
    assert Lru().keep([candidate("old", 3), candidate("large", 9, at=1.0)], 5, History()) == {"old"}


def test_sieve_spares_what_was_used_since_the_hand_passed() -> None:
    """The hand evicts b, then stands at c; a keeps its place though it is the oldest."""
    first = run(step("a"), step("b"), step("c"))
    second = run(msgspec.structs.replace(step("a"), fate="loaded"), step("d"))
    past = history(first, frozenset("abc"), second)
    candidates = [candidate(key, at=float(at)) for at, key in enumerate("abcd")]
    assert Sieve().keep(candidates, 3, past) == {"a", "c", "d"}
    past.decide(frozenset("acd"))
    past.append(run(step("e")))
    candidates = [candidate(key, at=float(at)) for at, key in enumerate("acde")]
    assert Sieve().keep(candidates, 3, past) == {"a", "d", "e"}


def test_sieve_goes_round_when_all_were_used() -> None:
    loaded = [msgspec.structs.replace(step(key), fate="loaded") for key in "ab"]
    past = history(run(step("a"), step("b")), frozenset("ab"), run(*loaded))
    assert Sieve().keep([candidate("a"), candidate("b", at=1.0)], 1, past) == {"b"}


def test_gdsf_weighs_seconds_uses_and_bytes() -> None:
    dear, cheap = candidate("dear", 4, 40.0), candidate("cheap", 4, 20.0)
    assert Gdsf().keep([dear, cheap], 4, History()) == {"dear"}
    assert Gdsf().keep([dear, msgspec.structs.replace(cheap, uses=3)], 4, History()) == {"cheap"}
    assert Gdsf().keep([dear, msgspec.structs.replace(cheap, bytes=1)], 4, History()) == {"cheap"}


@pytest.mark.parametrize("policy", [Gdsf(), GdsfSubtree()])
def test_gdsf_ages_what_was_not_used_for_long(policy: CachePolicy) -> None:
    """Evicting x of priority 8 moves the clock to 8: y, computed after that, ends at 8 + 5 and beats 10."""
    old, new = candidate("old", 1, 10.0), candidate("y", 1, 5.0)
    past = history(run(step("old", seconds=10.0), step("x", seconds=8.0)))
    assert policy.keep([old, candidate("x", 1, 8.0)], 1, past) == {"old"}
    past.decide(frozenset({"old"}))
    past.append(run(step("y", seconds=5.0)))
    assert policy.keep([old, new], 1, past) == {"y"}


def test_unknown_seconds_are_neither_free_nor_beyond_price() -> None:
    unknown = candidate("unknown", seconds=None)
    others = [candidate("low", seconds=1.0), candidate("mid", seconds=3.0), candidate("high", seconds=9.0)]
    assert Gdsf().keep([unknown, *others], 1, History()) == {"high"}
    assert Gdsf().keep([unknown, *others], 3, History()) == {"unknown", "mid", "high"}
    estimate = Estimates([("a", 1.0), ("a", 3.0), ("b", 11.0), ("a", None)])
    assert [estimate("a", None), estimate("b", None), estimate("c", None), estimate("a", 0.0)] == [2.0, 11.0, 3.0, 0.0]


def test_a_subtree_that_is_not_kept_makes_an_artifact_dear() -> None:
    """Alone b takes a second, but 101 since a is gone; while a is there, or by its own time, c is worth more."""
    b = msgspec.structs.replace(candidate("b", 1, 1.0), parents=("a",))
    a, c = candidate("a", 1, 100.0), candidate("c", 1, 10.0)
    past = history(run(step("a", seconds=100.0), step("b", (0,)), step("c", seconds=10.0)))
    assert GdsfSubtree().keep([b, c], 1, past) == {"b"}
    assert GdsfSubtree().keep([a, b, c], 2, past) == {"a", "c"}
    assert Gdsf().keep([b, c], 1, past) == {"c"}


def _evicted_one_by_one(made: Sequence[Candidate], capacity: int) -> Set[str]:
    """GDSF with subtree cost, every priority taken anew before each eviction; then what still fits comes back."""
    by_key, kept, gone = {one.key: one for one in made}, {one.key for one in made}, list[str]()

    def needed(key: str) -> Set[str]:
        return {key}.union(*(needed(parent) for parent in by_key[key].parents if parent not in kept))

    def priority(key: str) -> tuple[float, float]:
        one = by_key[key]
        return one.uses * sum(by_key[other].seconds or 0.0 for other in needed(key)) / one.bytes, one.used

    while sum(by_key[key].bytes for key in kept) > capacity:
        gone.append(min(kept, key=priority))
        kept.remove(gone[-1])
    room = capacity - sum(by_key[key].bytes for key in kept)
    for key in reversed(gone):
        if by_key[key].bytes <= room:
            kept.add(key)
            room -= by_key[key].bytes
    return kept


@pytest.mark.parametrize("seed", range(20))
def test_a_subtree_is_looked_at_again_whenever_what_it_counted_on_has_gone(seed: int) -> None:
    chance = random.Random(seed)
    made: list[Candidate] = []
    for at in range(40):
        above = sorted(chance.sample(range(at), min(at, chance.choice((0, 1, 1, 2)))))
        one = candidate(f"{at:02}", chance.randint(1, 9), chance.uniform(1, 50), at=float(at))
        made.append(msgspec.structs.replace(one, parents=tuple(f"{parent:02}" for parent in above)))
    for capacity in (20, 60, 120):
        assert GdsfSubtree().keep(made, capacity, history(load=NOTHING)) == _evicted_one_by_one(made, capacity)


def test_what_loads_no_faster_than_it_is_made_saves_nothing() -> None:
    slow = LoadCost(latency=5.0, bandwidth=1e9)
    candidates = [candidate("quick", 1, 4.0), candidate("long", 3, 9.0)]
    assert GdsfSubtree().keep(candidates, 3, history(load=slow)) == {"long"}


def test_lrc_counts_consumers_that_are_still_to_come() -> None:
    """In its next run a workflow reads y thrice; but a live one still has four readers of x ahead."""
    done = [step("x"), step("y"), step("r1", (1,)), step("r2", (1,)), step("r3", (1,)), step("end", (2, 3, 4))]
    candidates = [candidate("x"), candidate("y")]
    assert Lrc().keep(candidates, 1, history(run(*done))) == {"y"}
    pending = [step(f"p{at}", (0,), fate="pending") for at in range(4)]
    live = run(step("x"), step("y"), step("r1", (1,)), *pending, family="live")
    assert Lrc().keep(candidates, 1, history(run(*done), live=(live,))) == {"x"}


def test_lrc_counts_only_the_latest_version_of_a_workflow() -> None:
    old = run(step("x"), step("r1", (0,)), step("r2", (0,)))
    new = run(step("y"), step("r3", (0,)))
    assert Lrc().keep([candidate("x"), candidate("y")], 1, history(old, new)) == {"y"}


def test_helix_keeps_what_took_twice_as_long_as_loading_in_order() -> None:
    one = LoadCost(latency=1.0, bandwidth=1e12)
    steps = [step("a", seconds=1.5), step("b", (0,), seconds=1.0), step("c", (1,), seconds=9.0)]
    a, b, c = candidate("a", 1, 1.5), candidate("b", 1, 1.0, at=1.0), candidate("c", 1, 9.0, at=2.0)
    given = [a, msgspec.structs.replace(b, parents=("a",)), msgspec.structs.replace(c, parents=("b",))]
    assert Helix().keep(given, 2, history(run(*steps), load=one)) == {"b", "c"}
    assert Helix().keep(given, 1, history(run(*steps), load=one)) == {"b"}


def test_helix_drops_what_its_workflow_no_longer_makes_and_nothing_else() -> None:
    past = history(run(step("old"), step("same")), frozenset({"old", "same"}), run(step("new"), step("same")))
    given = [candidate("old"), candidate("same"), candidate("new", 1, 1e6, at=1.0)]
    assert Helix().keep(given, 1, past) == {"same"}
    assert Helix().keep(given, 2, past) == {"same", "new"}


def test_the_experiment_graph_counts_runs_and_all_ancestors() -> None:
    """Made from a, b takes 11 seconds, whether a is kept or not; c occurs in two runs: 2 times 5."""
    first = run(step("a", seconds=10.0), step("b", (0,), seconds=1.0), step("c", seconds=5.0))
    b = msgspec.structs.replace(candidate("b", 1, 1.0), parents=("a",))
    given = [candidate("a", 9, 10.0), b, candidate("c", 1, 5.0)]
    other = run(step("c", seconds=5.0), family="v")
    assert ExperimentGraph().keep(given, 1, history(first)) == {"b"}
    assert ExperimentGraph().keep(given, 1, history(first, other)) == {"b"}
    assert ExperimentGraph().keep(given, 1, history(first, other, other)) == {"c"}


def test_the_experiment_graph_gives_nothing_for_slow_loads() -> None:
    slow = LoadCost(latency=5.0, bandwidth=1e12)
    given = [candidate("quick", 1, 4.0, uses=99), candidate("long", 9, 6.0)]
    assert ExperimentGraph().keep(given, 9, history(load=slow)) == {"long"}


def test_yang_forgets_what_is_not_needed_any_more() -> None:
    """One run that needed x at 10 seconds counts 6; after three without it, 0.384, less than y's 0.6 at one second."""
    x, y = candidate("x", 1, 10.0), candidate("y", 1, 1.0)
    past = history(run(step("x", seconds=10.0), step("y", seconds=1.0)), frozenset("xy"))
    assert Yang().keep([x, y], 1, past) == {"x"}
    for _ in range(3):
        past.append(run(msgspec.structs.replace(step("y", seconds=1.0), fate="loaded")))
    assert Yang().keep([x, y], 1, past) == {"y"}


def test_yang_counts_ancestors_up_to_what_is_held() -> None:
    """What the cache held when b was made was not b's to recompute."""
    whole = run(step("a", seconds=100.0, size=9), step("b", (0,), seconds=1.0), step("c", seconds=10.0))
    b = msgspec.structs.replace(candidate("b", 1, 1.0), parents=("a",))
    given = [candidate("a", 9, 100.0), b, candidate("c", 1, 10.0)]
    assert Yang().keep(given, 1, history(whole)) == {"b"}
    assert Yang().keep(given, 1, history(frozenset("a"), whole)) == {"c"}


def test_ancestors_that_are_shared_count_once() -> None:
    graph = Ancestry(
        {key: Made(1.0, "t", tuple(above)) for key, above in {"a": "", "b": "a", "c": "a", "d": "bc"}.items()}
    )
    assert recompute_seconds(graph.parents, graph.seconds, [None] * 4) == [1, 2, 2, 4]
    assert recompute_seconds(graph.parents, graph.seconds, [0.5, None, None, None]) == [1, 1.5, 1.5, 3.5]
    assert graph.recompute(3, {}) == (4, set())
    assert graph.recompute(3, {0: 0.5}) == (3.5, {0})


def test_both_ways_of_adding_up_ancestors_agree_over_many_blocks() -> None:
    made = {
        f"{at:05}": Made(float(at % 7), "t", tuple(f"{at - back:05}" for back in (1, 40) if at % 9 and at >= back))
        for at in range(5000)
    }
    graph = Ancestry(made)
    loads = dict.fromkeys(range(0, 5000, 3), 0.25)
    sums = recompute_seconds(graph.parents, graph.seconds, [loads.get(at) for at in range(5000)])
    assert sums == pytest.approx([graph.recompute(at, loads)[0] for at in range(5000)])
