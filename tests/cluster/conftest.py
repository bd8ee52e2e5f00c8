"""One cluster for all workers of a session, and a namespace for each test."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import queueing
from cluster.cluster import Cluster
from cluster.commands import may
from cluster.programs import KEPT

HERE = Path(__file__).parent
MEMOIZING = ("argo", "argo", "create", "configmaps")
OURS = KEPT / "started-by-tests"
"""Is there while a cluster runs that nobody but the tests has started."""


SECONDS = {
    "test_tekton_restores_a_workspace_as_the_task_leaves_it": 144,
    "test_no_pass_needs_more_than_argo_ships": 137,
    "test_argo_keys_cover_contents_and_hits_print_what_was_printed": 125,
    "test_namespaces_share_no_result_and_one_call_removes_all": 107,
    "test_attempts_are_repeated_by_cause": 95,
    "test_eviction_at_random_moments_loses_nothing": 122,
    "test_the_longest_goes_first_where_two_run_at_a_time": 119,
    "test_runs_end_one_pod_at_a_time": 100,
    "test_independent_steps_run_at_the_same_time": 98,
    "test_peaks_of_steps_are_what_they_allocate": 90,
    "test_what_a_template_has_made_is_removed": 83,
    "test_a_second_run_hits_and_another_namespace_does_not": 75,
    "test_an_example_of_ours_does_the_same": 60,
}
"""What tests take that take long, beside three others; the rest is `USUAL`."""
USUAL = 32


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("cluster_long") is None:
            item.add_marker("cluster")
            if "faults" in getattr(item, "fixturenames", ()):
                item.add_marker("cluster_faults")
    yield
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1 and all(item.path.is_relative_to(HERE) for item in items):
        items[:] = dealt(items, workers)


def dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the items so that none of the workers has to wait for another at once, or at the end.

    Each worker begins with its share of the list. What needs a lock for itself is in one share, the longest are first,
    and what such a lock keeps out is last.
    """
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    rooms = [(len(items) + number) // workers for number in range(workers)]
    for item in sorted(items, key=lambda item: (_rank(item), -_seconds(item))):
        free = [number for number in range(workers) if len(shares[number]) < rooms[number]]
        loads = {number: sum(map(_seconds, shares[number])) for number in free}
        first = 0 if _rank(item) == 0 else workers - 1 if _rank(item) == 1 else min(free, key=loads.__getitem__)
        shares[first if first in free else free[0]].append(item)
    return [item for share in shares for item in share]


def _rank(item: pytest.Item) -> int:
    """Which lock an item needs for itself (0, 1), else 2; 3 for what waits for those with the first one."""
    names = {*getattr(item, "fixturenames", ())}
    return 0 if names & {"alone", "stock"} else 1 if "measured" in names else 3 if "memoizing" in names else 2


def _seconds(item: pytest.Item) -> int:
    return SECONDS.get(getattr(item, "originalname", ""), USUAL)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput") and OURS.exists():
        Cluster().down()
        OURS.unlink()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster, up: the one that somebody has started, or one for this session."""
    if reason := os.environ.get("COULER_NO_CLUSTER"):
        pytest.skip(f"COULER_NO_CLUSTER: {reason}")
    cluster = Cluster()
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cluster.is_up:
            OURS.touch()
            cluster.up()
    yield cluster
    cluster.api.close()


@pytest.fixture(autouse=True)
def _undisturbed(request: pytest.FixtureRequest) -> Iterator[None]:
    """While something is done to the cluster's programs, no other test runs."""
    with _lock("faults", fcntl.LOCK_EX if "faults" in request.fixturenames else fcntl.LOCK_SH):
        yield


@pytest.fixture
def faults() -> None:
    """The test may do what it likes to the cluster's programs."""


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a namespace for one test, with all that Argo's pods need there."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.add_namespace(name)
    yield name
    cluster.api.remove_namespace(name)


@pytest.fixture
def queued(cluster: Cluster, namespace: str) -> str:
    """The namespace of the test, whose pods Kueue's controller looks after."""
    queueing.start(cluster, namespace)
    return namespace


@pytest.fixture
def memoizing(cluster: Cluster) -> Iterator[None]:
    """Argo's controller has the rights that it ships, and those that `couler cache install` writes."""
    with _lock("rights", fcntl.LOCK_SH):
        _grant(cluster)
        yield


@pytest.fixture
def alone(cluster: Cluster) -> Iterator[None]:
    """The same, and no other test has results in Argo's cache meanwhile."""
    with _lock("rights", fcntl.LOCK_EX):
        _grant(cluster)
        yield


@pytest.fixture
def stock(cluster: Cluster) -> Iterator[None]:
    """Argo's controller has the rights that it ships, and no others, while the test runs."""
    with _lock("rights", fcntl.LOCK_EX):
        for item in _rights(cluster):
            name = item["metadata"]["name"]
            cluster.kubectl("delete", item["kind"].lower(), name, "--namespace", "argo", "--ignore-not-found")
        cluster.wait_for("the end of the right", lambda: not may(cluster, *MEMOIZING))
        yield


def _grant(cluster: Cluster) -> None:
    cluster.apply(_rights(cluster))
    cluster.wait_for("the right", lambda: may(cluster, *MEMOIZING))


@cache
def _rights(cluster: Cluster) -> list[dict[str, Any]]:
    written = cluster.run("couler", "cache", "install", "--namespace", "argo")
    assert written.returncode == 0, written.stderr
    return list(yaml.safe_load_all(written.stdout))


@contextlib.contextmanager
def _lock(name: str, kind: int) -> Iterator[None]:
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, kind)
        yield
