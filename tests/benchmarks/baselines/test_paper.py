"""The paper's admission, repaired and to the letter."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.baselines.arrivals import Arrivals
from benchmarks.baselines.literal import PaperLiteral
from benchmarks.baselines.literal_cache import LiteralCache
from benchmarks.baselines.paper import Paper
from caching.policies.worlds import DIAMOND, candidate, diamond, run, step
from couler_plugins.runs import Candidate, History

GB = 10**9
CAPACITY = 5 * GB


def test_the_diamond_in_one_decision_ends_as_b_c_d() -> None:
    candidates, whole = diamond()
    kept = Paper().keep(candidates, CAPACITY, History([whole]))
    assert kept == {"b", "c", "d"}
    assert sum(one.bytes for one in candidates if one.key in kept) == 4_600_000_000


def test_the_diamond_as_it_runs() -> None:
    held: set[str] = set()
    story = []
    for end in range(1, 5):
        candidates, live = diamond("abcd"[:end])
        history = History(live=[live])
        history.decide(frozenset(held))
        given = [one for one in candidates if one.key in held or one.key == "abcd"[end - 1]]
        held = set(Paper().keep(given, CAPACITY, history))
        story.append("".join(sorted(held)))
    assert story == ["a", "ab", "bc", "bcd"]


def test_what_scores_too_low_is_refused_and_nothing_else_goes() -> None:
    """The newcomer would displace both; the second of them scores higher, so the first comes back as well."""
    low, high, new = candidate("low", 2, 1.0), candidate("high", 3, 1000.0), candidate("new", 5, 50.0, at=1.0)
    history = History([run(*(step(one.key, seconds=one.seconds, size=one.bytes) for one in (low, high, new)))])
    history.decide(frozenset({"low", "high"}))
    assert Paper().keep([low, high, new], 5, history) == {"low", "high"}
    smaller = msgspec.structs.replace(new, bytes=2)
    assert Paper().keep([low, high, smaller], 5, history) == {"high", "new"}


def test_what_is_larger_than_the_cache_is_refused_first() -> None:
    held, new = candidate("held", 2, 0.0), candidate("new", 6, 1e6, at=1.0)
    history = History()
    history.decide(frozenset({"held"}))
    assert Paper().keep([held, new], 5, history) == {"held"}


def test_pending_consumers_hold_an_artifact() -> None:
    """Both cost the same; a step of the live run still reads one of them."""
    candidates = [candidate("x", 2), candidate("y", 2), candidate("z", 2, 10.0, at=1.0)]
    for reader, others in (0, {"x", "z"}), (1, {"y", "z"}):
        live = run(step("x"), step("y"), step("z"), step("r", (reader,), fate="pending"))
        history = History(live=[live])
        history.decide(frozenset({"x", "y"}))
        assert Paper().keep(candidates, 4, history) == others


def test_rho_counts_consumers_that_may_run_again() -> None:
    candidates = [candidate("x", 2), candidate("y", 2), candidate("z", 2, 10.0, at=1.0)]
    history = History([run(step("x"), step("y"), step("r", (1,), size=9)), run(step("z"), family="v")])
    history.decide(frozenset({"x", "y"}))
    assert Paper(rho=0.9).keep(candidates, 4, history) == {"y", "z"}


def test_a_smaller_cache_than_before_loses_the_lowest() -> None:
    cheap, dear = candidate("cheap", 2, 1.0), candidate("dear", 2, 100.0)
    history = History()
    history.decide(frozenset({"cheap", "dear"}))
    assert Paper().keep([cheap, dear], 3, history) == {"dear"}


def test_algorithm_2_to_the_letter_overshoots() -> None:
    candidates, whole = diamond()
    cache = LiteralCache(PaperLiteral(), Arrivals(candidates, History([whole])))
    assert list(cache.algorithm_2(CAPACITY)) == [2 * GB, 2_500_000_000, 6_500_000_000, 4_600_000_000]


def test_the_literal_policy_keeps_within_the_limit_all_the_same() -> None:
    candidates, whole = diamond("abc")
    kept = PaperLiteral().keep(candidates, CAPACITY, History([whole]))
    assert kept == {"b", "c"}
    assert sum(DIAMOND[key][2] for key in kept) <= CAPACITY


def test_the_literal_scores_are_those_of_the_table() -> None:
    candidates, whole = diamond()
    arrivals = Arrivals(candidates, History([whole]))
    scores = LiteralCache(PaperLiteral(), arrivals).scores()
    by_key = {one.key: scores[at] for at, one in arrivals.candidates.items()}
    assert by_key == pytest.approx({"a": 0.1147, "b": 3.4555, "c": 4.0438, "d": 5.9572}, abs=5e-5)


def test_literally_others_go_and_the_new_one_is_dropped_as_well() -> None:
    history = History()
    history.decide(frozenset({"held"}))
    candidates: list[Candidate] = [candidate("held", 5), candidate("new", 6, at=1.0)]
    assert PaperLiteral().keep(candidates, 5, history) == set()


def test_literal_costs_may_grow_beyond_all_numbers() -> None:
    """Counting each path doubles the cost at every second step, so 3,000 steps overflow; it still decides."""
    steps = [step("s0")]
    for at in range(0, 3000, 3):
        steps += [step(f"s{at + 1}", (at,)), step(f"s{at + 2}", (at,)), step(f"s{at + 3}", (at + 1, at + 2))]
    candidates = [candidate("s3000"), candidate("s1")]
    assert PaperLiteral().keep(candidates, 1, History([run(*steps)])) == {"s3000"}
