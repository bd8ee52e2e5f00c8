"""What the benchmark of caching replays: enough of everything within its work, and the same each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from benchmarks.caching_decisions import pipeline
from benchmarks.caching_inputs import Inputs
from benchmarks.caching_jobs import ALL, EXACT, FAST, FULL, QUICK, SHARES, SLOW, UNSEEN, jobs, work
from benchmarks.caching_replays import Job
from couler_plugins.simulation.workload import Workload

MIXES = ("replayed", *(edits.name for edits in UNSEEN))


def sized(steps: int) -> Workload:
    return replace(pipeline(steps, seed=0), family=f"pipeline-{steps}")


FOUND = Inputs([sized(steps) for steps in (30, EXACT, 200, 500, 2000)])


def streams(some: Iterable[Job]) -> dict[tuple[int, str], list[Job]]:
    """The jobs of each number of steps and mix of edits."""
    found = defaultdict(list)
    for job in some:
        found[len(job.workload.steps), job.edits.name].append(job)
    return found


def test_what_is_not_large_is_replayed_on_eight_seeds_of_every_mix_at_every_capacity() -> None:
    groups = jobs(FOUND, FULL, 0)
    found = streams(groups["replayed"] + groups["unseen"])
    for steps in (30, EXACT, 200):
        for mix in MIXES:
            assert [job.seed for job in found[steps, mix]] == list(range(8))
            assert {share for job in found[steps, mix] for share in job.shares} == set(SHARES)
    quick = streams(jobs(FOUND, QUICK, 0)["replayed"])
    assert 8 == len(quick[30, "replayed"]) > len(quick[500, "replayed"]) > len(quick[2000, "replayed"])


def test_all_together_is_no_more_work_than_the_size_says_whatever_there_is_to_replay() -> None:
    many = Inputs([sized(30 + 10 * number) for number in range(120)])
    mixed = Inputs([sized(4000), sized(30), sized(5000)])
    large = Inputs([sized(20_000)])
    for size in (FULL, QUICK):
        for found in (FOUND, many, mixed, large):
            groups = jobs(found, size, 0)
            assert sum(work(job) for some in groups.values() for job in some) <= size.work
            assert all(groups[name] for name in ("replayed", "unseen", "wrong"))


def test_a_trace_that_is_too_large_is_replayed_once_with_fewer_runs_where_there_is_no_other() -> None:
    groups = jobs(Inputs([sized(20_000)]), QUICK, 0)
    assert [len(groups[name]) for name in ("replayed", "unseen", "wrong", "whole", "slow")] == [1, 1, 1, 0, 0]
    assert 8 <= groups["replayed"][0].runs < 40


def test_work_is_counted_in_steps_edges_runs_capacities_and_policies() -> None:
    job = jobs(FOUND, FULL, 0)["regret"][0]
    size = len(job.workload.steps) + sum(map(len, job.workload.parents))
    one = replace(job, policies=("lru",), least=None)
    assert work(one) == 12 * 2 * size
    assert work(replace(one, policies=("lru", "fifo"), runs=6)) == work(one)
    assert work(replace(one, policies=("scr",))) > 10 * work(one)
    assert work(job) > work(replace(job, least="bound")) > work(replace(job, least=None))


def test_every_policy_is_replayed_somewhere_and_ours_wherever_it_is_compared() -> None:
    groups = jobs(FOUND, FULL, 0)
    assert all(job.policies == ALL for name in ("whole", "regret") for job in groups[name])
    assert all(job.policies == FAST for name in ("replayed", "unseen") for job in groups[name])
    ours = {(job.workload.family, job.seed, job.shares) for job in groups["replayed"]}
    for name, policies in (("slow", SLOW), ("wrong", ("scr",))):
        assert all(job.policies == policies for job in groups[name])
        assert {(job.workload.family, job.seed, job.shares) for job in groups[name]} <= ours


def test_the_optimum_is_asked_for_where_it_can_be_found_and_a_bound_elsewhere() -> None:
    groups = jobs(FOUND, FULL, 0)
    assert {job.workload.family for job in groups["regret"]} == {"pipeline-30", f"pipeline-{EXACT}"}
    assert {job.least for job in groups["regret"] + groups["regret_unseen"]} == {"optimum"}
    assert {len(job.workload.steps) for job in groups["regret_bound"]} <= {200, 500, 2000}
    assert {job.least for job in groups["regret_bound"]} == {"bound"}


def test_seeds_are_counted_from_the_one_that_is_given() -> None:
    seeds = {job.seed for some in jobs(FOUND, FULL, 100).values() for job in some}
    assert seeds == set(range(100, 108))
