"""What the benchmark of caching makes of trials, on trials whose figures can be worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.caching_figures import (
    Gap,
    Trial,
    advantage,
    best_opponent,
    by_policy,
    capture,
    capture_limit,
    early_capture,
    harm_of_capacity,
    hit_ratio,
    paired_loss,
    regret,
    relative_makespan,
    worst_gap,
)


def trial(
    policy: str, saved: float, *, workload: str = "w", mix: str = "m", seed: int = 0, share: float = 0.1
) -> Trial:
    """Five runs of which the last two could save 50 seconds each; `saved` percent of that is saved, all in the last."""
    return Trial(
        workload=workload,
        mix=mix,
        seed=seed,
        share=share,
        policy=policy,
        seconds=(100, 100, 100, 100, 100 - saved),
        without=(100, 100, 100, 100, 100),
        unlimited=(100, 100, 100, 50, 50),
        makespan=40,
        makespan_without=80,
        makespan_unlimited=20,
        hits=3,
        asked=12,
        least=400,
    )


def test_the_figures_of_one_trial() -> None:
    one = trial("scr", 30)
    assert capture(one) == pytest.approx(30)
    assert capture_limit(one) == pytest.approx(100)
    assert early_capture(one) == 0
    assert regret(one) == pytest.approx(100 * 470 / 400 - 100)
    assert hit_ratio(one) == 25
    assert relative_makespan(one) == 50


def test_where_nothing_can_be_saved_there_is_no_capture() -> None:
    one = trial("scr", 30)
    assert capture(one, 3) is None
    assert by_policy([one], lambda some: capture(some, 3)) == {}


def test_a_mean_is_over_workload_and_seed_whatever_their_number_of_trials() -> None:
    trials = [trial("scr", 10, share=0.1), trial("scr", 30, share=0.2), trial("scr", 60, seed=1)]
    found = by_policy(trials, capture)["scr"]
    assert found.mean == pytest.approx(40)
    assert [found.low, found.high] == pytest.approx([20, 60])


def test_every_workload_counts_alike_however_many_seeds_it_has() -> None:
    trials = [*(trial("scr", 10, seed=seed) for seed in range(8)), trial("scr", 70, workload="rare")]
    found = by_policy(trials, capture)["scr"]
    assert found.mean == pytest.approx(40)
    assert found.low < 40 < found.high


def test_the_best_opponent_is_the_one_that_ours_is_least_above_where_both_were_replayed() -> None:
    trials = [
        *(trial(policy, saved) for policy, saved in {"scr": 9, "all": 8, "none": 7, "lru": 2, "yang": 3}.items()),
        *(trial(policy, saved, seed=1) for policy, saved in {"scr": 60, "lru": 50, "yang": 51}.items()),
    ]
    found = best_opponent(trials, capture)
    assert found is not None
    assert found[0] == "yang"
    assert found[1].mean == pytest.approx(7.5)
    also = best_opponent([*trials, trial("paper", 9)], capture)
    assert also == found, "one that was replayed on an easy part only is not the best"
    assert best_opponent([trial("scr", 9), trial("none", 7)], capture) is None


def test_an_advantage_is_taken_on_what_both_replayed() -> None:
    trials = [trial("scr", 50), trial("scr", 0, seed=1), trial("lru", 20)]
    found = advantage(trials, "lru", capture)
    assert found is not None
    assert advantage(trials, "yang", capture) is None
    assert [found.mean, found.low, found.high] == pytest.approx([30, 30, 30])


def test_the_worst_gap_is_that_of_one_workload_and_mix() -> None:
    trials = [
        *(trial("scr", 50, seed=seed) for seed in (0, 1)),
        *(trial("lru", 20 + 10 * seed, seed=seed) for seed in (0, 1)),
        *(trial("scr", 50, seed=seed, mix="other") for seed in (0, 1)),
        *(trial("lru", 20, seed=seed, mix="other") for seed in (0, 1)),
        *(trial("yang", 48 + 6 * seed, seed=seed, mix="other") for seed in (0, 1)),
        *(trial("all", 90, seed=seed) for seed in (0, 1)),
        trial("scr", 10, workload="rare"),
        trial("lru", 90, workload="rare"),
    ]
    assert worst_gap(trials, seeds=2) == Gap(-1.0, "w", "other", "yang", 2)
    assert worst_gap(trials, seeds=3) == worst_gap(trials, seeds=2), "the most seeds that there are"
    assert worst_gap(trials, seeds=1) == Gap(-80.0, "rare", "m", "lru", 1)
    assert worst_gap([trial("scr", 10)], seeds=1) is None


def test_what_is_lost_is_taken_on_the_same_streams_at_the_same_capacity() -> None:
    known = [trial("scr", 50), trial("scr", 40, seed=1), trial("scr", 90, seed=2), trial("lru", 99)]
    wrong = [trial("scr", 45), trial("scr", 39, seed=1), trial("scr", 0, seed=2, share=0.4)]
    found = paired_loss(known, wrong, capture)
    assert found is not None
    assert found.mean == pytest.approx(3)
    assert paired_loss(known, [], capture) is None


def test_more_capacity_that_captures_less_is_harm() -> None:
    captured = {0.05: (10, 20), 0.1: (40, 30), 0.2: (33, 31), 0.4: (50, 60)}
    trials = [
        trial("scr", value, seed=seed, share=share)
        for share, some in captured.items()
        for seed, value in enumerate(some)
    ]
    assert harm_of_capacity(trials) == pytest.approx(3)
    assert harm_of_capacity([one for one in trials if one.share != 0.2]) == 0
