"""One dataset for steps of all engines, and for a shell: whoever asks first downloads it for all others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from adapters.argo.wrapper.test_datasets import Pods
from adapters.kfp.sources import reading
from adapters.tekton.caching.pod import Pod, in_processes
from airflow_dags import DagFiles
from airflow_runs import Runs
from couler_plugins.api import optimize
from couler_plugins.inputs.sources import Text
from servers.counting import Counted, counting_server
from support import ROOT

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),  # of kfp
]
DAG = """
from couler_airflow import dataset

with DAG("d", schedule=None) as dag:
    @task
    def work(version):
        return len(dataset(URL, version=version).read_text().splitlines())
    work(VERSION)
"""


def task_of_docs() -> str:
    page = (ROOT / "docs/datasets.md").read_text()
    (text,) = [part for part in page.split("```") if "kind: Task" in part]
    return text.removeprefix("yaml\n")


class Site:
    """Machines that share a store.

    Args:
        server: serves the dataset.
        runs: runs tasks of Airflow.
        folder: an empty folder.
        monkeypatch: makes one machine of another.
    """

    def __init__(self, server: Counted, runs: Runs, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.runs, self.folder, self.monkeypatch, self.count = server, runs, folder, monkeypatch, 0
        self.pods = Pods(server, folder / "argo")
        self.pods.store = str(runs.folder)
        monkeypatch.setenv("COULER_CACHE_STORE", str(runs.folder))

    def lines(self, engine: str, version: str) -> int:
        """How many lines a step of an engine counts in the dataset, on a machine of its own."""
        self.count += 1
        machine = self.folder / f"machine-{self.count}"
        machine.mkdir()
        self.monkeypatch.setenv("TMPDIR", str(machine))
        self.monkeypatch.setattr("tempfile.tempdir", None)
        return int(getattr(self, f"_{engine}")(version, machine))

    def _argo(self, version: str, machine: Path) -> str:
        assert self.pods.run(version).code == 0
        return self.pods.lines()

    def _tekton(self, version: str, machine: Path) -> str:
        text = task_of_docs().replace("/data", f"{machine}/data")
        task = yaml.safe_load(text.replace("s3://bucket/cache", str(self.runs.folder)))["spec"]
        (machine / "data").mkdir()
        ended = Pod(machine, task, {"url": self.server.url, "version": version}, {}, in_processes).run()
        assert ended.succeeded, ended
        return ended.results["lines"]

    def _kfp(self, version: str, machine: Path) -> str:
        from kfp import local

        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(machine))
        return str(reading()(url=self.server.url, version=version).output)

    def _airflow(self, version: str, machine: Path) -> str:
        value, said = self.runs.run(DAG.replace("URL", repr(self.server.url)).replace("VERSION", repr(version)))
        assert said["cached"], said
        return str(value)

    def _shell(self, version: str, machine: Path) -> str:
        path = machine / "raw.csv"
        code, said = in_processes(
            ["cache", "fetch", self.server.url, "--version", version, "-o", str(path)],
            {"COULER_CACHE_STORE": str(self.runs.folder)},
        )
        assert (code, said) == (0, "")
        return str(len(path.read_text().splitlines()))


def test_the_task_of_the_docs_is_cached() -> None:
    result = optimize(Text(task_of_docs()), f"cache{{via=wrapper,store=s3://b/c,image={'i' * 8}}}")
    assert "couler-restore" in str(result.text)


ENGINES = ("argo", "tekton", "kfp", "airflow", "shell")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("web", "dags"):
        (tmp_path / name).mkdir()
    runs = Runs(DagFiles(tmp_path / "dags"), tmp_path / "store", monkeypatch)
    with counting_server(tmp_path / "web") as server:
        yield Site(server, runs, tmp_path, monkeypatch)


@pytest.mark.parametrize("first", ENGINES)
def test_whoever_asks_first_downloads_it_for_all(site: Site, first: str) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    assert site.lines(first, "1") == 1
    site.server.content.write_bytes(b"1\n2\n")  # nobody looks at it again
    assert {engine: site.lines(engine, "1") for engine in ENGINES} == dict.fromkeys(ENGINES, 1)
    assert site.server.fetched == 1
    assert site.lines(first, "2") == 2
    assert site.server.fetched == 2
