"""What the benchmark of caching replays: enough of everything, and the same each time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from benchmarks.caching_decisions import pipeline
from benchmarks.caching_inputs import Inputs
from benchmarks.caching_jobs import ALL, EXACT, FULL, LIGHT, MIDDLE, QUICK, SHARES, UNSEEN, jobs
from couler_plugins.simulation.workload import Workload


def sized(steps: int) -> Workload:
    return replace(pipeline(steps, seed=0), family=f"pipeline-{steps}")


FOUND = Inputs([sized(steps) for steps in (30, EXACT, LIGHT, MIDDLE, MIDDLE + 100)])


def test_a_light_trace_is_replayed_on_eight_seeds_of_every_mix_at_every_capacity() -> None:
    groups = jobs(FOUND, FULL, 0)
    found = defaultdict(list)
    for job in groups["replayed"] + groups["unseen"]:
        found[job.workload.family, job.edits.name].append((job.seed, job.shares))
    for load in FOUND.workloads[:3]:
        for mix in ("replayed", *(edits.name for edits in UNSEEN)):
            seeds, shares = zip(*found[load.family, mix], strict=True)
            assert sorted(seeds) == list(range(8))
            assert {share for some in shares for share in some} == set(SHARES)
    assert len(found[f"pipeline-{MIDDLE}", "replayed"]) == 8
    assert len(found[f"pipeline-{MIDDLE}", "walk"]) == 2
    assert len(found[f"pipeline-{MIDDLE + 100}", "replayed"]) == 1


def test_every_policy_is_replayed_on_the_same_streams_of_replayed_edits_and_for_regret() -> None:
    groups = jobs(FOUND, FULL, 0)
    assert all(job.policies == ALL for name in ("replayed", "whole", "regret") for job in groups[name])
    assert all("scr" in job.policies for some in groups.values() for job in some)


def test_the_optimum_is_asked_for_where_it_can_be_found_and_a_bound_elsewhere() -> None:
    groups = jobs(FOUND, FULL, 0)
    assert {job.workload.family for job in groups["regret"]} == {"pipeline-30", f"pipeline-{EXACT}"}
    assert {job.least for job in groups["regret"] + groups["regret_unseen"]} == {"optimum"}
    assert {job.workload.family for job in groups["regret_bound"]} == {load.family for load in FOUND.workloads[2:]}


def test_a_quick_run_leaves_large_traces_out_unless_there_are_no_others() -> None:
    largest = {len(job.workload.steps) for some in jobs(FOUND, QUICK, 0).values() for job in some}
    assert max(largest) == EXACT
    alone = jobs(Inputs([sized(MIDDLE)]), QUICK, 0)
    assert {job.workload.family for job in alone["whole"]} == {f"pipeline-{MIDDLE}"}


def test_seeds_are_counted_from_the_one_that_is_given() -> None:
    seeds = {job.seed for some in jobs(FOUND, FULL, 100).values() for job in some}
    assert seeds == set(range(100, 108))
