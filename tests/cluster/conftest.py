"""One cluster for all workers of a session, and a namespace for each test."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and item.get_closest_marker("cluster_long") is None:
            item.add_marker("cluster")
            if "faults" in getattr(item, "fixturenames", ()):
                item.add_marker("cluster_faults")


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


def _rights(cluster: Cluster) -> list[dict[str, Any]]:
    written = cluster.run("couler", "cache", "install", "--namespace", "argo")
    assert written.returncode == 0, written.stderr
    return list(yaml.safe_load_all(written.stdout))


@contextlib.contextmanager
def _lock(name: str, kind: int) -> Iterator[None]:
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, kind)
        yield
