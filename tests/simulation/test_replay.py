from __future__ import annotations

import json
import time
from collections.abc import Sequence, Set
from typing import Any

import pytest

from benchmarks.optimum import bound, optimum
from couler_plugins.runs import LoadCost, Run, StepRun
from couler_plugins.simulation.edits import EDITS, Mix, Uniform
from couler_plugins.simulation.outcome import Outcome, capture
from couler_plugins.simulation.replay import Insight, Setup, everything, nothing, replay
from couler_plugins.simulation.workload import Version, Workload, interleave, stream
from simulation.policies import CHEAP, DEAR, NAMES, Chance, MakeWorkload, Told


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
    assert all(run.bytes_held <= 20 for run in outcome.runs)
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
    assert infinite.runs[-1].bytes_held == sum(
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


@pytest.mark.parametrize("online", [False, True])
def test_what_makes_no_artifact_is_no_candidate_and_its_parents_are_needed(online: bool) -> None:
    """A database that runs beside the step that reads it: it is there again in each run that needs it, at no cost."""
    source = StepRun(step="load", type="t", spec="load", key="", seconds=7.0, bytes=5)
    daemon = StepRun(step="db", type="d", spec="db", key="", parents=(0,), artifact=False)
    reader = StepRun(step="read", type="t", spec="read", key="", parents=(1,), seconds=9.0, bytes=3)
    work = Workload.of(Run(family="f", steps=(source, daemon, reader)))
    assert (work.seconds, work.bytes, work.guessed) == ([7.0, 0.0, 9.0], [5, 0, 3], 0)
    policy = Chance()
    runs = list(work.versions([{2: 1}]))
    outcome = replay(runs, policy, 100, Setup(online=online, load=CHEAP))
    assert {one.step for candidates, _, _ in policy.asked for one in candidates} == {"load", "read"}
    assert [(run.computing, run.computed, run.loaded) for run in outcome.runs] == [(16.0, 2, 0), (9.0, 1, 1)]
    assert [step.artifact for step in runs[0].run().steps] == [True, False, True]


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


@pytest.mark.slow
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
