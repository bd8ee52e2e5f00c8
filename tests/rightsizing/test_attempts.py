"""What a container needs follows from all attempts that tell its use, and from those that were killed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from couler_plugins.rightsizing.attempts import demand_of
from couler_plugins.rightsizing.estimate import estimate_request
from couler_plugins.runs import Attempt, ContainerUse

MEBIBYTE = 2**20


def attempt(*uses: ContainerUse, reason: str = "") -> Attempt:
    return Attempt(succeeded=not reason, reason=reason, containers=uses)


def use(memory: int | None = None, name: str = "main", limit: int | None = None, **more: Any) -> ContainerUse:
    return ContainerUse(
        container=name,
        memory=None if memory is None else memory * MEBIBYTE,
        memory_limit=None if limit is None else limit * MEBIBYTE,
        **more,
    )


def test_memory_is_estimated_from_the_peaks_of_all_attempts_also_of_failed_ones() -> None:
    demand = demand_of([attempt(use(100)), attempt(use(300), reason="Error"), attempt(use(200))], "main")
    peaks = [100 * MEBIBYTE, 300 * MEBIBYTE, 200 * MEBIBYTE]
    assert demand.memory == estimate_request(peaks) >= max(peaks)
    assert (demand.memory_attempts, demand.killed, demand.peak) == (3, 0, max(peaks))
    assert (demand.cpu_attempts, demand.cpu) == (0, None)


def test_a_killed_attempt_wanted_its_limit_at_least() -> None:
    demand = demand_of([attempt(use(100, limit=512), reason="OOMKilled"), attempt(use(600, limit=1024))], "main")
    assert (demand.killed, demand.memory_attempts, demand.peak) == (1, 2, 600 * MEBIBYTE)
    demand = demand_of([attempt(use(100, limit=512), reason="OOMKilled")], "main")
    assert demand.peak == 512 * MEBIBYTE
    assert demand_of([attempt(use(limit=512), reason="OOMKilled")], "main").peak == 512 * MEBIBYTE
    assert demand_of([attempt(use(100, limit=512), reason="Evicted")], "main").peak == 100 * MEBIBYTE


def test_of_several_containers_the_one_nearest_to_its_limit_was_killed() -> None:
    uses = (use(500, limit=512), use(10, "proxy", limit=1024))
    killed = attempt(*uses, reason="OOMKilled")
    assert demand_of([killed], "main").peak == 512 * MEBIBYTE
    assert demand_of([killed], "proxy").peak == 10 * MEBIBYTE


def test_cpus_cover_most_attempts_and_not_the_largest_of_many() -> None:
    many = [attempt(use(cpu=0.1, cpu_p95=number / 100)) for number in range(1, 101)]
    assert demand_of(many, "main").cpu == 0.95
    assert demand_of([attempt(use(cpu=0.5)), attempt(use(cpu=0.2, cpu_p95=0.7))], "main").cpu == 0.7
    assert demand_of(many, "main").memory is None


def test_what_is_not_observed_counts_for_nothing() -> None:
    assert demand_of([attempt(), attempt(use(5, "other"))], "main") == demand_of([], "main")


@pytest.mark.parametrize("count", [1, 7])
def test_a_pod_needs_what_its_largest_container_does_at_a_time(count: int) -> None:
    pods = [attempt(use(300, "step-a", cpu=0.3), use(100, "step-b", cpu=2))] * count
    demand = demand_of(pods)
    assert demand.peak == 300 * MEBIBYTE
    assert (demand.cpu, demand.memory_attempts) == (2, count)


def test_a_killed_attempt_without_a_limit_on_record_is_counted() -> None:
    killed = attempt(use(100), use(5, "proxy", limit=10), reason="OOMKilled")
    assert demand_of([killed], "main").unlimited == 0
    assert demand_of([attempt(use(100), reason="OOMKilled"), attempt(use(90))], "main")[-2:] == (1, 1)


@pytest.mark.parametrize(("reason", "code", "count"), [("Error", 137, 1), ("Error", 1, 0), ("Evicted", 137, 0)])
def test_one_that_was_killed_for_whatever_may_have_had_no_memory(reason: str, code: int, count: int) -> None:
    ended = Attempt(succeeded=False, reason=reason, exit_code=code, containers=(use(100, limit=512),))
    assert demand_of([ended], "main").unlimited == count
    assert demand_of([ended], "main").peak == 100 * MEBIBYTE


def test_one_whose_use_was_not_observed_may_have_been_killed_as_well() -> None:
    killed = attempt(use(limit=512), use(300, "proxy", limit=1024), reason="OOMKilled")
    assert demand_of([killed], "main").peak == 512 * MEBIBYTE
    assert demand_of([killed], "proxy").peak == 1024 * MEBIBYTE


def test_what_a_cache_may_have_given_tells_nothing_of_what_its_work_takes() -> None:
    whole, partial = attempt(use(3000, cpu=2.0)), msgspec.structs.replace(attempt(use(30, cpu=0.1)), partial=True)
    assert demand_of([partial, whole, partial], "main") == demand_of([whole], "main")
    demand = demand_of([partial] * 5, "main")
    assert (demand.memory_attempts, demand.completed) == (5, 0)


@pytest.mark.parametrize(
    ("code", "reason", "doubtful"),
    [
        (None, "", 1),
        (137, "Error", 1),
        (1, "Error", 0),
        (None, "Evicted", 0),
        (None, "AirflowException", 1),
        (None, "KeyError", 0),
    ],
)
def test_a_failure_that_nothing_explains_may_have_been_a_lack_of_memory(
    code: int | None, reason: str, doubtful: int
) -> None:
    failed = Attempt(succeeded=False, exit_code=code, reason=reason, containers=(use(100),))
    assert demand_of([failed, attempt(use(90))], "main").unlimited == doubtful
