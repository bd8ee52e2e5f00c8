"""The servers that the artifact cache is tested against, each started at the first test that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.alluxio import alluxio_worker
from servers.postgres import Postgres, binaries, postgres_server
from servers.s3 import s3_server


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
