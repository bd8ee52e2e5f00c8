"""No failure of the cache is one of the task, and nothing that is secret is told."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_dags import DagFiles, FakeInstance, context_of, rendered
from airflow_runs import FILE, Runs

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


class Unserialisable:
    secret = "hunter2"

    def __repr__(self) -> str:
        return self.secret


def test_a_value_that_cannot_be_serialised_is_returned_and_not_kept(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    value = Unserialisable()
    got, told = runs.run(compute=lambda: value)
    assert got is value
    assert told["reason"] == "a Unserialisable cannot be kept as an XCom (TypeError)"
    assert "hunter2" not in caplog.text + json.dumps(told)


def test_no_argument_is_in_logs_and_xcoms(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for body in ("return 1", "return open(x)", "return {x: LOCK}"):
            text = "import threading\nLOCK = threading.Lock()\n" + FILE.replace("5", '"hunter2"')
            runs.run(text.replace("return x * 2", body), compute=lambda: {"answer": "hunter2"})
            assert "hunter2" not in json.dumps(runs.ti.pushed)
    assert "hunter2" not in caplog.text


def test_credentials_are_in_no_log(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    runs.set(cache_store="nosuch://user:hunter2@host/path", cache_index="postgresql://user:hunter2@localhost:1/x")
    with caplog.at_level(logging.DEBUG):
        value, told = runs.run()
    assert (value, told["cached"]) == (10, False)
    assert "hunter2" not in caplog.text + json.dumps(told)


def test_a_store_that_is_away_is_a_miss(runs: Runs, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    runs.set(cache_store=str(tmp_path / "file" / "store"))
    for number in (1, 2):
        value, told = runs.run()
        assert (value, runs.calls, told["cached"]) == (10, number, False)
        assert told["token"], "what it has made is known all the same"
    assert "goes on without it" in caplog.text


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_store_that_cannot_be_written_serves_hits_and_refuses_puts(
    runs: Runs, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from couler_plugins.caching.artifacts.blobs import Blobs

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    runs.run()
    monkeypatch.setattr(Blobs, "stage", fail)
    value, told = runs.run()
    assert (value, told["hit"], runs.calls) == (10, True, 1)
    value, told = runs.run(FILE.replace("5", "6"))
    assert (value, told["cached"], "token" in told) == (12, False, True)
    assert len(runs.entries()) == 1


def test_a_store_that_is_full_refuses_and_the_task_goes_on(runs: Runs) -> None:
    runs.set(cache_capacity="2")
    value, told = runs.run(compute=lambda: "x" * 1000)
    assert (value, told["cached"], "token" in told) == ("x" * 1000, False, True)
    assert runs.entries() == []


def test_a_store_that_hangs_is_left_alone(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_airflow.runtime import store
    from couler_plugins.caching import artifacts

    runs.set(cache_timeout="0.2")
    free = threading.Event()
    opened = artifacts.open_cache

    def hang(*given: Any, **named: Any) -> Any:
        free.wait(10)
        return opened(*given, **named)

    monkeypatch.setattr(store, "open_cache", hang)
    started = time.monotonic()
    value, told = runs.run()
    free.set()
    assert (value, told["cached"], time.monotonic() - started < 5) == (10, False, True)


@pytest.mark.slow
def test_an_index_that_is_locked_is_a_miss(runs: Runs) -> None:
    import sqlite3

    runs.run()
    runs.set(cache_timeout="0.5")
    other = sqlite3.connect(runs.folder / "index.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        value, _ = runs.run()
    finally:
        other.close()
    assert value == 10
    runs.set(cache_timeout="30")
    assert runs.run()[1]["hit"]


def test_an_index_that_is_corrupt_is_a_miss(runs: Runs) -> None:
    runs.run()
    for path in runs.folder.glob("index.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    value, told = runs.run()
    assert (value, runs.calls, told["cached"]) == (10, 2, False)


def blobs(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "blobs" in path.parts]


@pytest.mark.parametrize("content", [b"", b"[1,{}]", b"[10,"])
def test_a_blob_that_is_damaged_is_computed_again_and_mended(runs: Runs, content: bytes) -> None:
    runs.run()
    (blob,) = blobs(runs.folder)
    blob.chmod(0o644)
    blob.write_bytes(content)
    value, told = runs.run()
    assert (value, runs.calls, told["hit"]) == (10, 2, False)
    assert runs.run()[1]["hit"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"{}", b"[1]", b"\xff", b"[" * 100_000, b'[1,"x"]'),
        b'[{"__classname__":"os.system","__version__":0,"__data__":"touch /tmp/never"},{}]',
        b'[{"__classname__":"builtins.eval","__version__":1,"__data__":"1+1"},{}]',
    ],
)
@pytest.mark.parametrize("as_trace", [False, True])
def test_an_entry_that_somebody_planted_is_no_hit(runs: Runs, content: bytes, as_trace: bool) -> None:
    from couler_plugins.caching.artifacts import open_cache
    from couler_plugins.caching.reads import ReadSet, Traces

    _, told = runs.run()
    with open_cache(runs.folder) as cache:
        cache.remove(told["key"])
        planted = Traces().add(ReadSet(()), content).encode() if as_trace else content
        cache.put(told["key"], {"result": planted})
    value, again = runs.run()
    assert (value, runs.calls, again["hit"]) == (10, 2, False)
    assert runs.run()[1]["hit"], "what was computed has taken its place"


def test_an_entry_without_the_output_is_no_hit(runs: Runs) -> None:
    from couler_plugins.caching.artifacts import open_cache

    _, told = runs.run()
    with open_cache(runs.folder) as cache:
        cache.remove(told["key"])
        cache.put(told["key"], {"another": b"[10,{}]"})
    assert runs.run()[0] == 10
    assert runs.calls == 2


def test_a_store_that_goes_away_between_computing_and_keeping_costs_only_the_result(runs: Runs) -> None:
    def compute() -> int:
        shutil.rmtree(runs.folder)
        return 10

    value, _ = runs.run(compute=compute)
    assert value == 10
    assert runs.run()[0] == 10


def test_an_api_that_refuses_our_xcom_costs_nothing(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FakeInstance, key: str, value: Any) -> None:
        raise RuntimeError(f"{key}: {value}")

    monkeypatch.setattr(FakeInstance, "xcom_push", refuse)
    assert runs.run()[0] == runs.run()[0] == 10
    assert runs.calls == 1


def test_settings_that_make_no_sense_cost_nothing(runs: Runs, dag_files: DagFiles) -> None:
    runs.set(cache_wait="soon")
    text = FILE.replace("schedule=None", 'schedule=None, tags=["couler-cache"]')
    dag = dag_files.dag(text)
    task = rendered(dag.task_dict["work"])
    assert "execute" not in vars(task)
    runs.set(cache_wait="1")
    task = rendered(dag_files.dag(text).task_dict["work"])
    runs.set(cache_wait="soon")
    monkey = FakeInstance(task)
    from airflow.sdk.bases.operator import ExecutorSafeguard

    ExecutorSafeguard.tracker.set(task)
    assert task.execute(context=context_of(monkey)) == 10
    assert monkey.pushed == {}
