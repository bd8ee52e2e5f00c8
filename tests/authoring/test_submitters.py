"""Authored workflows written, printed, submitted and followed: against servers in memory, by the real clients."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import couler_plugins.authoring as couler
from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE, kubeconfig
from adapters.argo.running.cluster import Controller as ArgoController
from adapters.argo.running.cluster import stored
from adapters.kfp.split.kfp_server import KfpServer, kfp_server
from adapters.tekton.running import cluster as tekton
from adapters.tekton.running.controller import Controller as TektonController
from authoring.listings import FOLDER, golden, listing
from couler_plugins.authoring import AirflowSubmitter, ArgoSubmitter, KfpSubmitter, TektonSubmitter, workflow
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.running import driver


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A Kubernetes API that the current context leads to; nobody waits between two looks."""
    monkeypatch.setattr(driver, "FIRST", 0.001)
    monkeypatch.setattr(driver, "LONGEST", 0.001)
    with ApiServer() as started, kubeconfig(started, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield started


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    monkeypatch.setattr(driver, "FIRST", 0.001)
    monkeypatch.setenv("HOME", str(tmp_path))
    with kfp_server(lambda run: None) as started:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", started.url)
        yield started


def test_the_diamond_is_submitted_by_its_last_line(server: ApiServer) -> None:
    ArgoController(server)
    runpy.run_path(str(FOLDER / "diamond.py"), run_name="__main__")
    (workflow,) = stored(server, "workflows").values()
    assert workflow["spec"] == yaml.safe_load(golden("diamond", "argo").read_text())["spec"]


def test_a_run_is_followed_to_its_end(server: ApiServer) -> None:
    ArgoController(server)
    run = ArgoSubmitter().submit(listing("diamond"), run="r1")
    assert run.name == "r1"
    assert run.places == (f"{NAMESPACE}/diamond",)
    assert [status.phase for status in run.status().values()] == ["pending"]
    assert run.wait(timeout=60)
    assert run.outputs()["score"] == "0.93"
    assert [status.phase for status in run.status().values()] == ["succeeded"]


def test_a_run_that_fails_has_not_succeeded(server: ApiServer) -> None:
    ArgoController(server, "Running", "Failed", message="out of memory")
    run = ArgoSubmitter().submit(listing("diamond"), wait=True)
    assert not run.wait()
    (status,) = run.status().values()
    assert (status.phase, status.message) == ("failed", "out of memory")


def test_a_run_is_stopped(server: ApiServer) -> None:
    ArgoController(server, "Running")
    run = ArgoSubmitter().submit(listing("diamond"))
    run.stop()
    assert stored(server, "workflows")["diamond"]["spec"]["shutdown"] == "Stop"


def test_a_dry_run_keeps_nothing(server: ApiServer) -> None:
    ArgoSubmitter().submit(listing("diamond"), dry_run=True, wait=True)
    assert stored(server, "workflows") == {}
    assert [item.query.get("dryRun") for item in server.requests if item.verb == "create"] == ["All"]


def test_parameters_are_given_to_a_run(server: ApiServer) -> None:
    @workflow
    def greet(who: str = "world") -> None:
        couler.run_container("busybox", ["echo"], [who], step_name="say")

    ArgoSubmitter(namespace="other").submit(greet, parameters={"who": "you"})
    submitted = server.get("workflows", "other", "greet")
    assert submitted["spec"]["arguments"]["parameters"] == [{"name": "who", "value": "you"}]
    with pytest.raises(InvalidInput, match="no workflow has a parameter 'whom'"):
        ArgoSubmitter().submit(greet, parameters={"whom": "you"})


def test_tekton_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "FIRST", 0.001)
    cluster = tekton.Cluster()
    TektonController(cluster)
    with tekton.run_as(cluster) as url:
        monkeypatch.setenv("KUBECONFIG", str(tekton.kubeconfig(url, tmp_path)))
        run = TektonSubmitter().submit(listing("diamond"), wait=True)
        assert run.wait()
    assert [place.split("/")[0] for place in run.places] == [NAMESPACE]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")  # of kfp
def test_kfp_runs_it(pipelines: KfpServer) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    run = KfpSubmitter().submit(listing("diamond"), wait=True)
    assert run.wait()
    (sent,) = pipelines.runs.values()
    assert sent["state"] == "SUCCEEDED"


def test_airflow_takes_files_from_a_folder(tmp_path: Path) -> None:
    submitter = AirflowSubmitter(output=tmp_path / "dags")
    assert submitter.hand_over(listing("diamond")) == tmp_path / "dags" / "diamond.py"
    ast.parse((tmp_path / "dags" / "diamond.py").read_text())
    with pytest.raises(Unsupported, match="couler cannot submit workflows to airflow") as caught:
        submitter.submit(listing("diamond"))
    assert caught.value.hint
    with pytest.raises(InvalidInput, match="from a folder"):
        AirflowSubmitter()


def test_a_submitter_prints_or_writes_where_that_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    couler.run_container("busybox", ["echo"], ["x"], step_name="say")
    assert couler.run(ArgoSubmitter(output="-"), name="printed") is None
    assert yaml.safe_load(capsys.readouterr().out)["metadata"]["name"] == "printed"
    couler.run_container("busybox", ["echo"], ["x"], step_name="say")
    path = couler.run(TektonSubmitter(output=tmp_path), name="kept")
    assert path == tmp_path / "kept.yaml"
    assert yaml.safe_load(path.read_text())["kind"] == "PipelineRun"


def test_options_of_the_engine_are_passed_on() -> None:
    text = ArgoSubmitter(options="version=3.4").text(listing("diamond"))
    assert yaml.safe_load(text)["kind"] == "Workflow"
    with pytest.raises(InvalidInput, match="verison"):
        ArgoSubmitter(options="verison=3.4").text(listing("diamond"))


def test_what_an_engine_cannot_do_is_not_submitted(server: ApiServer) -> None:
    with pytest.raises(Unsupported, match="'flip-coin' calls 'flip-coin-while'"):
        TektonSubmitter().submit(listing("recursion"))
    assert server.requests == []
