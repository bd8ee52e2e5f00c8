from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from benchmarks.optimum import bound, optimum
from couler_plugins.caching.policies import POLICIES
from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, LoadCost, Run
from couler_plugins.simulation.edits import EDITS, Mix, Uniform
from couler_plugins.simulation.outcome import Outcome, capture
from couler_plugins.simulation.replay import everything, nothing, replay
from couler_plugins.simulation.setup import Insight, Setup
from couler_plugins.simulation.workload import Version, Workload, interleave, stream

MakeWorkload = Callable[..., Workload]
CHEAP = LoadCost(latency=0.01, bandwidth=1000.0)
DEAR = LoadCost(latency=2.0, bandwidth=3.0)
NAMES = {kind.name: kind for kind in POLICIES}


@dataclass(frozen=True)
class Chance(CachePolicy):
    """Keeps what happens to fit in a random order; notes all that it is asked."""

    name: ClassVar[str] = "chance"
    seed: int = 0
    asked: list[tuple[list[Candidate], int | None, tuple[Run, ...]]] = field(default_factory=list)

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        self.asked.append((list(candidates), capacity, history.live))
        order = sorted(candidates, key=lambda one: one.key)
        random.Random(f"{self.seed} {len(self.asked)}").shuffle(order)
        kept: set[str] = set()
        room = capacity or 0
        for one in order:
            if one.bytes <= room:
                kept.add(one.key)
                room -= one.bytes
        return kept


@dataclass(frozen=True)
class Told(CachePolicy):
    """Keeps what it was told."""

    name: ClassVar[str] = "told"
    kept: Iterator[Set[str]]

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        return next(self.kept)


def costs(stream: Sequence[Version], kept: Sequence[Set[str]], load: LoadCost) -> list[dict[str, Any]]:
    """The protocol a second time, from its definition: what each run costs if the cache holds `kept` after each."""
    held: Set[str] = frozenset()
    found = []
    for version, after in zip(stream, kept, strict=True):
        work = version.workload
        seconds = dict(zip(version.keys, work.seconds, strict=True))
        sizes = dict(zip(version.keys, work.bytes, strict=True))
        parents = {key: [version.keys[p] for p in work.parents[step]] for step, key in enumerate(version.keys)}
        consumed = {parent for above in parents.values() for parent in above}
        loaded: set[str] = set()
        computed: set[str] = set()

        wanted = [key for key in version.keys if key not in consumed]
        while wanted:
            key = wanted.pop()
            if key in held:
                loaded.add(key)
            elif key not in computed:
                computed.add(key)
                wanted += parents[key]
        assert after <= held | computed
        found.append(
            {
                "computing": sum(seconds[key] for key in computed),
                "loading": sum(load.seconds(sizes[key]) for key in loaded),
                "computed": len(computed),
                "loaded": len(loaded),
                "written": sum(sizes[key] for key in after - held),
            }
        )
        held = after
    return found


def check(outcome: Outcome, runs: Sequence[Version], load: LoadCost) -> None:
    expected = costs(runs, outcome.kept, load)
    for run, figures in zip(outcome.runs, expected, strict=True):
        assert {name: getattr(run, name) for name in figures} == pytest.approx(figures)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("load", [CHEAP, DEAR])
def test_the_accounting_is_that_of_the_definition(make_workload: MakeWorkload, seed: int, load: LoadCost) -> None:
    work = make_workload(seed, 12)
    runs = stream(work, EDITS[seed % len(EDITS)](), 15, seed)
    outcome = replay(runs, Chance(seed), 20, Setup(load=load))
    check(outcome, runs, load)
    assert all(run.held <= 20 for run in outcome.runs)
    assert any(run.loaded for run in outcome.runs)


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_on_a_mixed_stream(make_workload: MakeWorkload, name: str) -> None:
    streams = [stream(make_workload(seed, 14, family=f"f{seed}"), Mix(), 8, seed) for seed in range(2)]
    runs, policy, capacity = interleave(streams, 0), NAMES[name](), None if name == "all" else 40
    for setup in (Setup(load=CHEAP), Setup(load=CHEAP, insight=Insight(unknown=0.3, noise=2), workers=3)):
        outcome = replay(runs, policy, capacity, setup)
        check(outcome, runs, CHEAP)
        assert replay(runs, policy, capacity, setup) == outcome
        without, infinite = nothing(runs, setup), everything(runs, setup)
        share = capture(outcome, without, infinite)
        assert share is not None
        assert -1e-9 <= share <= 1 + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_no_policy_is_below_the_optimum_and_its_choices_cost_what_it_says(
    make_workload: MakeWorkload, seed: int
) -> None:
    work = make_workload(seed, 8)
    runs = stream(work, Uniform(), 6, seed)
    plain = [version.run() for version in runs]
    best = optimum(plain, 14, CHEAP)
    assert best is not None
    told = replay(runs, Told(iter(best.kept)), 14, Setup(load=CHEAP))
    assert told.seconds == pytest.approx(best.seconds)
    for policy in (Chance(seed), NAMES["lru"](), NAMES["gdsf-subtree"](), NAMES["scr"]()):
        assert replay(runs, policy, 14, Setup(load=CHEAP)).seconds >= best.seconds - 1e-6
    assert bound(plain, sum(work.bytes) * 6, CHEAP) == pytest.approx(everything(runs, Setup(load=CHEAP)).seconds)


def test_the_ends_of_the_scale(make_workload: MakeWorkload) -> None:
    work = make_workload(1, 20)
    runs = stream(work, Mix(), 10, 0)
    without, infinite = nothing(runs), everything(runs)
    assert without.seconds == sum(work.seconds) * 10
    assert capture(infinite, without, infinite) == 1
    assert capture(without, without, infinite) == 0
    assert capture(without, without, without) is None
    assert infinite.runs[-1].held == sum(
        {key: size for version in runs for key, size in zip(version.keys, work.bytes, strict=True)}.values()
    )


def test_what_is_not_needed_is_neither_computed_nor_loaded(make_workload: MakeWorkload) -> None:
    work = make_workload(1, 20)
    same = list(work.versions([{}, {}]))
    outcome = everything(same)
    sinks = sum(not below for below in work.children)
    assert [(run.computed, run.loaded) for run in outcome.runs] == [(20, 0), (0, sinks), (0, sinks)]
    assert outcome.written == sum(work.bytes)
    assert outcome.hit_ratio == 2 * sinks / (20 + 2 * sinks)


def test_policies_see_what_the_insight_leaves_and_the_accounting_the_truth(make_workload: MakeWorkload) -> None:
    work = make_workload(1, 60)
    runs = stream(work, Uniform(), 5, 0)
    policy = Chance()
    hidden = Setup(insight=Insight(unknown=0.3, noise=2, seed=4))
    outcome = replay(runs, policy, 60, hidden)
    assert outcome == replay(runs, Chance(), 60, Setup())
    true = {key: seconds for version in runs for key, seconds in zip(version.keys, work.seconds, strict=True)}
    seen = {one.key: one.seconds for candidates, _, _ in policy.asked for one in candidates}
    unknown = sum(seconds is None for seconds in seen.values()) / len(seen)
    assert 0.1 < unknown < 0.5
    ratios = [seconds / true[key] for key, seconds in seen.items() if seconds is not None]
    assert all(0.5 <= ratio <= 2 for ratio in ratios)
    assert min(ratios) < 0.9
    assert max(ratios) > 1.1


def test_candidates_tell_of_their_use(make_workload: MakeWorkload) -> None:
    work = make_workload(2, 10)
    runs = list(work.versions([{}, {0: 1}]))
    policy = Chance()
    outcome = replay(runs, policy, 10**6)
    first, second = ({one.key: one for one in candidates} for candidates, _, _ in policy.asked[:2])
    sinks = {runs[0].keys[step] for step, below in enumerate(work.children) if not below}
    for key, one in second.items():
        assert one.created == first[key].created
        assert (one.uses, one.used > first[key].used) == ((2, True) if key in sinks else (1, False))
    assert {one.key: one.parents for one in first.values()} == {
        key: tuple(runs[0].keys[parent] for parent in work.parents[step]) for step, key in enumerate(runs[0].keys)
    }
    assert max(one.used for one in first.values()) == outcome.runs[0].makespan


@pytest.mark.parametrize("name", ["chance", "lru", "gdsf-subtree", "scr", "paper"])
@pytest.mark.parametrize("workers", [None, 2])
def test_in_the_middle_of_runs(make_workload: MakeWorkload, name: str, workers: int | None) -> None:
    work = make_workload(5, 15)
    runs = stream(work, Uniform(), 8, 0)
    policy: CachePolicy = Chance() if name == "chance" else NAMES[name]()
    outcome = replay(runs, policy, 25, Setup(online=True, workers=workers, load=CHEAP))
    expected = costs_without_kept(runs, outcome)
    assert [(run.computed, run.loaded) for run in outcome.runs] == expected
    assert all(run.held <= 25 for run in outcome.runs)
    if isinstance(policy, Chance):
        online = [(candidates, capacity, live[0]) for candidates, capacity, live in policy.asked if live]
        assert len(online) == sum(run.computed for run in outcome.runs)
        for candidates, capacity, live in online:
            pending = [step for step in live.steps if step.fate == "pending"]
            done = [step.key for step in live.steps if step.fate == "computed"]
            assert candidates[-1].key in done
            assert capacity is not None
            assert capacity <= 25
            assert not {step.key for step in pending} & {one.key for one in candidates}


def costs_without_kept(runs: Sequence[Version], outcome: Outcome) -> list[tuple[int, int]]:
    """How many are computed and loaded, from what the cache held after each run."""
    held: Set[str] = frozenset()
    found = []
    for version, after in zip(runs, outcome.kept, strict=True):
        work, fates = version.workload, {"computed": 0, "loaded": 0}
        need: set[int] = set()
        for step in reversed(range(len(work.steps))):
            if work.children[step] and step not in need:
                continue
            if version.keys[step] in held:
                fates["loaded"] += 1
            else:
                fates["computed"] += 1
                need.update(work.parents[step])
        found.append((fates["computed"], fates["loaded"]))
        held = after
    return found


@dataclass(frozen=True)
class Broken(CachePolicy):
    name: ClassVar[str] = "broken"
    how: str = ""

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        match self.how:
            case "greedy":
                return {one.key for one in candidates}
            case "inventive":
                return {"made up"}
            case "listing":
                return [one.key for one in candidates[:1]]  # type: ignore[return-value]
        raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("greedy", r"the policy 'broken' kept \d+ bytes of at most 10"),
        ("inventive", "the policy 'broken' kept what is no candidate: made up"),
        ("listing", "the policy 'broken' returned list"),
        ("failing", "the policy 'broken' failed: ZeroDivisionError: by nothing"),
    ],
)
def test_a_broken_policy_is_named(make_workload: MakeWorkload, how: str, message: str, online: bool) -> None:
    runs = stream(make_workload(0, 10), Uniform(), 3, 0)
    with pytest.raises(PluginFailure, match=message):
        replay(runs, Broken(how), 10, Setup(online=online))


def test_time_is_linear_in_the_runs(make_workload: MakeWorkload) -> None:
    work = make_workload(0, 400)

    def seconds(number: int) -> float:
        runs = stream(work, Uniform(), number, 0)
        started = time.process_time()
        replay(runs, NAMES["lru"](), sum(work.bytes) // 5)
        return time.process_time() - started

    short, long = (min(seconds(number) for _ in range(3)) for number in (20, 80))
    assert long < 4 * 2.5 * short


def test_outcomes_are_plain_data(make_workload: MakeWorkload) -> None:
    import msgspec

    outcome = replay(stream(make_workload(0, 10), Uniform(), 3, 0), NAMES["lru"](), 20)
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome
    assert json.loads(msgspec.json.encode(outcome))["runs"][0]["family"] == "random"
