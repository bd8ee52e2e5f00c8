"""Tasks that read datasets: the version is in their key, the copy on a worker is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_runs import Runs
from couler_plugins.caching.dataplane.placing import remove
from couler_plugins.errors import EngineError
from servers.counting import Counted, counting_server
from support import first_of

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


@pytest.mark.parametrize("module", first_of(["couler_airflow", "couler_plugins"]))
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


def test_a_version_of_the_settings_counts_as_read(server: Counted, worker: Path, runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "couler.toml"
    runs.set(declarations=str(file))

    def run(row: str) -> tuple[int, bool]:
        file.write_text(f"[[cache.declare]]\n{row}\n")
        value, said = runs.run(text(server, module="couler_airflow"))
        assert said["cached"], said
        return value, said["hit"]

    row = f'url = "{server.url}"\nversion = "1"'
    assert [run(row), run(row)] == [(4, False), (4, True)]
    server.content.write_bytes(b"1,2,3\n")
    assert run(row.replace('"1"', '"2"')) == (6, False)
    assert run(row) == (4, True)
    assert server.fetched == 2


def test_a_task_that_reads_something_else_than_declared_fails(server: Counted, worker: Path, runs: Runs) -> None:
    with pytest.raises(EngineError, match="is not what was declared") as refused:
        runs.run(text(server, said=f', sha256="{"0" * 64}"', module="couler_airflow"))
    assert "declare that one" in str(refused.value.hint)
