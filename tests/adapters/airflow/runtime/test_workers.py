"""Workers that race for one key, or are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_runs import FILE, Runs
from servers.postgres import PASSWORD, binaries, postgres_server

pytestmark = pytest.mark.airflow


READING = """
import pathlib
with DAG("d", schedule=None) as dag:
    @task
    def work(x):
        return len(pathlib.Path(DATA).read_text()) * x
    work(5)
"""
WORKER = """
import os, sys, time
from pathlib import Path
sys.path[:0] = {paths!r}
from airflow_dags import DagFiles, FakeInstance, context_of, rendered
from couler_airflow.marks import Declaration
from couler_airflow.runtime.run import Run
from couler_plugins.caching.reads.dispatch import unobserved
name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
dag = DagFiles(folder).dag((folder / "text.py").read_text(), name + ".py")
task = rendered(dag.task_dict["work"])
ti = FakeInstance(task)
def compute():
    with unobserved():  # it is for the test
        (folder / ("computing-" + name)).write_text("")
    time.sleep(seconds)
    return task.python_callable(*task.op_args)
while not (folder / "go").exists():
    (folder / ("ready-" + name)).touch()
    time.sleep(0.01)
value = Run(task, context_of(ti), Declaration(), stores=True, resumed=None).result(compute)
print(value, ti.pushed["couler_cache"].get("hit"))
"""


def worker(runs: Runs, name: str, seconds: float, text: str = FILE) -> subprocess.Popen[str]:
    folder = runs.files.folder
    (folder / "text.py").write_text(textwrap.dedent(text))
    script = WORKER.format(paths=[str(Path(__file__).parents[3])])
    command = [sys.executable, "-c", script, name, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))


def wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, f"{paths} did not come"
        time.sleep(0.02)


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, runs: Runs) -> Iterator[None]:
    """The index that workers share: of one host, or of several."""
    found = binaries()
    if request.param == "sqlite":
        yield
    elif found is None:
        pytest.skip("needs PostgreSQL's server binaries: apt-get install postgresql-15")
    else:
        with postgres_server(found) as server:
            runs.set(cache_index=server.database())
            yield


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_of_two_workers_on_one_key_one_computes(runs: Runs) -> None:
    folder = runs.files.folder
    runs.set(cache_wait="60")
    both = [worker(runs, name, 1.0) for name in ("one", "two")]
    wait_for(folder / "ready-one", folder / "ready-two")
    (folder / "go").touch()
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert sorted(text.strip().splitlines()[-1] for text in printed) == ["10 False", "10 True"]
    assert len(list(folder.glob("computing-*"))) == 1
    assert PASSWORD not in "".join(printed)


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_of_two_workers_one_computes_what_depends_on_a_file_that_was_changed(runs: Runs, tmp_path: Path) -> None:
    folder, data = runs.files.folder, tmp_path / "data.txt"
    text = READING.replace("DATA", repr(str(data)))
    runs.set(cache_wait="60")
    data.write_text("a")
    assert runs.run(text)[0] == 5
    data.write_text("ab")
    both = [worker(runs, name, 1.0, text) for name in ("one", "two")]
    wait_for(folder / "ready-one", folder / "ready-two")
    (folder / "go").touch()
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert sorted(line.strip().splitlines()[-1] for line in printed) == ["10 False", "10 True"], printed
    data.write_text("a")
    value, told = runs.run(text)
    assert (value, told["hit"]) == (5, True), "the older result is still there"


@pytest.mark.slow
def test_a_worker_that_is_killed_before_it_keeps_leaves_nothing_behind(runs: Runs) -> None:
    folder = runs.files.folder
    (folder / "go").touch()
    process = worker(runs, "one", 600)
    wait_for(folder / "computing-one")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    runs.set(cache_wait="0")
    value, told = runs.run()
    assert (value, told["hit"], runs.calls) == (10, False, 1)
    assert runs.run()[1]["hit"]
