"""Tasks that read datasets: the version is in their key, the copy on a worker is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_runs import Runs
from couler_plugins.caching.dataplane.placing import remove
from servers.counting import Counted, counting_server

pytestmark = pytest.mark.airflow

FILE = """
from MODULE import dataset

with DAG("d", schedule=None) as dag:
    @task
    def work(SIGNATURE):
        return len(dataset(URL).read_text())
    work(ARGUMENTS)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Counted]:
    (tmp_path / "web").mkdir()
    with counting_server(tmp_path / "web") as server:
        yield server


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "worker").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "worker"))
    return tmp_path / "worker"


def text(server: Counted, *, said: str = "", signature: str = "", arguments: str = "", module: str) -> str:
    file = FILE.replace("MODULE", module).replace("URL", f"{server.url!r}{said}")
    return file.replace("SIGNATURE", signature).replace("ARGUMENTS", arguments)


@pytest.mark.parametrize("module", ["couler_airflow", "couler_plugins"])
def test_a_version_in_the_code_or_an_argument_is_in_the_key(
    server: Counted, worker: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setenv("COULER_CACHE_STORE", str(runs.folder))
    one = text(server, said=', version="1"', module=module)
    value, said = runs.run(one)
    assert (value, said.get("reason")) == (4, None)
    remove(worker / next(worker.iterdir()).name)  # another worker has no copy
    assert (runs.run(one)[1]["hit"], server.fetched) == (True, 1)
    assert runs.run(text(server, said=', version="2"', module=module))[1]["hit"] is False
    assert server.fetched == 2
    for number, fetched in (("3", 3), ("4", 4), ("3", 4)):
        runs.run(text(server, said=", version=v", signature="v", arguments=repr(number), module=module))
        assert server.fetched == fetched
    assert runs.calls == 4
