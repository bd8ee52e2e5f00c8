"""The caches that are tested, and the servers, each started at the first test that needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from caching.artifacts.samples import Clock, Costly
from couler_plugins.caching.artifacts import ArtifactCache, open_cache
from servers.alluxio import alluxio_worker
from servers.alluxio_cluster import Alluxio, find_lack, shared_cluster
from servers.postgres import Postgres, binaries, postgres_server
from servers.s3 import s3_server

ALLUXIO = pytest.param("alluxio-2.9", marks=pytest.mark.cluster_long)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of an S3 server."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; skips the test where PostgreSQL is not installed."""
    found = binaries()
    if found is None:
        pytest.skip("needs PostgreSQL's server binaries: apt-get install postgresql-15")
    with postgres_server(found) as server:
        yield server


@pytest.fixture
def alluxio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A mock of an Alluxio worker as `host:port`, and the folder that it stands before."""
    monkeypatch.chdir(tmp_path)  # alluxiofs makes a folder `logs` in the current one
    folder = tmp_path / "under"
    folder.mkdir()
    with alluxio_worker(folder) as hosts:
        yield hosts, folder


@pytest.fixture(scope="session")
def alluxio_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alluxio]:
    """A real Alluxio, one for all workers of the session; skips the test where it cannot be run."""
    if lack := find_lack():
        pytest.skip(lack)
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "alluxio"
    folder.mkdir(exist_ok=True)
    with shared_cluster(folder) as alluxio:
        yield alluxio


@pytest.fixture(params=["folder", "folder without index", "memory", ALLUXIO])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactCache]:
    """An empty cache of each kind."""
    match request.param:
        case "memory":
            url = f"memory://{tmp_path.name}"
        case "alluxio-2.9":
            url = request.getfixturevalue("alluxio_proxy").url()
        case _:
            url = str(tmp_path / "cache")
    index = "none" if request.param == "folder without index" else None
    with open_cache(url, index=index, policy=Costly()) as cache:
        yield cache


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def small(tmp_path: Path, clock: Clock) -> Iterator[ArtifactCache]:
    """A cache of 1,000 bytes with an index."""
    with open_cache(tmp_path / "cache", capacity=1000, policy=Costly(), clock=clock) as cache:
        yield cache
