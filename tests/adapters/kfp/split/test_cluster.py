"""Runs in a cluster, against a mock: the real `kfp.Client` talks HTTP to a stand-in that runs parts by `kfp.local`."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from adapters.kfp.split.generating import chain
from adapters.kfp.split.kfp_server import KfpServer, kfp_server
from adapters.kfp.split.runs import RUN, handed_out, run_here, split
from couler_kfp.run.cluster import SETTING, ClusterRunner
from couler_kfp.run.local import _Failed, _run_here
from couler_kfp.split.handoff import FILE
from couler_plugins.cli.group import couler
from couler_plugins.errors import CoulerError, EngineError, InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Request, Where
from couler_plugins.running import Journal, Outcome, drive

pytestmark = pytest.mark.sampled

pytest.importorskip("kfp", reason="needs kfp")

RUNS = "/apis/v2beta1/runs"


def spec_of(run: dict[str, Any]) -> dict[str, Any]:
    """What the client has sent: the PipelineSpec, in a mapping with the PlatformSpec where there is one."""
    sent = run["pipeline_spec"]
    spec: dict[str, Any] = sent.get("pipeline_spec", sent)
    return spec


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    root = tmp_path / "store"

    def work(run: dict[str, Any]) -> None:
        """Runs a part as the backend would, whose launcher stores the hand-off in the folder of the run."""
        spec, config = spec_of(run), run["runtime_config"]
        assert config["pipeline_root"] == str(root)
        place = root / spec["pipelineInfo"]["name"] / run["run_id"]
        try:
            _run_here(spec, config.get("parameters") or {}, place / "steps", io.StringIO())
        except _Failed as failed:
            raise RuntimeError(str(failed)) from failed
        for handoff in place.glob(f"steps/*/{FILE}"):
            shutil.copy(handoff, place / FILE)

    monkeypatch.setenv(SETTING, str(root))
    monkeypatch.setenv("HOME", str(tmp_path))
    with kfp_server(work) as server:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
        yield server


def run(documents: list[Any], journal: Journal | None = None, **parameters: str) -> Outcome:
    request = Request(run=RUN, parameters=parameters)
    runner = ClusterRunner(Where())
    jobs = runner.jobs(documents, request)
    return drive(runner, jobs, request, journal or Journal(), sleep=lambda seconds: None)


def test_parts_are_run_in_order_and_read_what_others_have_handed_out(server: KfpServer, tmp_path: Path) -> None:
    outcome = run(split(chain(4), "max-steps=2"), number="4", rate="2")
    assert outcome.succeeded, outcome.entries
    assert [item["display_name"].rpartition("-r1-")[0] for item in server.runs.values()] == [
        "chained-part-1",
        "chained-part-2",
        "chained-part-3",
    ]
    jobs, _ = run_here([chain(4)], tmp_path / "whole", {"number": "4", "rate": "2"})
    told = {item.name: item.value for item in outcome.entries["chained"].outputs}
    whole = handed_out(jobs, tmp_path / "whole")
    assert told == {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        for name, value in whole.items()
    }


def test_metadata_of_artifacts_is_written_into_their_importers(server: KfpServer) -> None:
    run(split(chain(2), "max-steps=2"))
    last = spec_of(list(server.runs.values())[-1])
    importers = [item["importer"] for item in last["deploymentSpec"]["executors"].values() if "importer" in item]
    assert [item["metadata"] for item in importers] == [{"from": "step-0"}]


def test_nothing_is_submitted_twice(server: KfpServer) -> None:
    parts = split(chain(2), "max-steps=2")
    assert run(parts).succeeded
    second = run(parts)
    assert second.succeeded
    assert len(server.runs) == 2
    assert {name: item.outcome for name, item in second.submitted.items()} == {
        "chained-part-1": "adopted",
        "chained-part-2": "adopted",
        "chained": "created",
    }


def once(status: int, wanted: tuple[str, str]) -> Callable[[str, str], int | None]:
    left = [status]
    return lambda method, path: left.pop() if left and (method, path) == wanted else None


def test_an_answer_that_is_lost_is_looked_for(server: KfpServer) -> None:
    server.after = once(503, ("POST", RUNS))
    assert run(split(chain(2), "max-steps=2")).succeeded
    assert len(server.runs) == 2


def test_reads_are_tried_again(server: KfpServer) -> None:
    server.before = once(503, ("GET", RUNS))
    assert run([chain(2)]).succeeded


@pytest.mark.parametrize(("status", "hint"), [(401, "log in again"), (403, "has to be allowed"), (400, "")])
def test_what_kfp_refuses_is_an_error(server: KfpServer, status: int, hint: str) -> None:
    server.before = lambda method, path: status if (method, path) == ("POST", RUNS) else None
    with pytest.raises(EngineError, match=f"KFP refused to create a run: {status} .*not now") as caught:
        run([chain(2)])
    assert hint in (caught.value.hint or "")


def test_a_part_that_fails_names_its_task_and_starts_no_other(server: KfpServer, tmp_path: Path) -> None:
    outcome = run(split(chain(4, str(tmp_path), fail="step-1"), "max-steps=2"))
    assert not outcome.succeeded
    assert outcome.entries["chained-part-1"].phase == "failed"
    assert "step-1" in outcome.entries["chained-part-1"].message
    assert outcome.remaining == ["chained-part-2", "chained-part-3", "chained"]


def test_states_are_told(server: KfpServer) -> None:
    runner, request = ClusterRunner(Where()), Request(run=RUN)
    (job,) = runner.jobs([chain(2)], request)
    runner.submit(job, request)
    first, second = runner.status(job.place), runner.status(job.place)
    assert (first.phase, first.running, first.done, first.steps) == ("running", ("step",), 0, 1)
    assert (second.phase, second.done) == ("succeeded", 1)
    assert runner.outputs(job.place) == []
    assert runner.stop(job.place) == []


def test_a_run_is_terminated(server: KfpServer) -> None:
    runner, request = ClusterRunner(Where()), Request(run=RUN)
    (job,) = runner.jobs([chain(2)], request)
    runner.submit(job, request)
    assert runner.stop(job.place) == [job.place]
    status = runner.status(job.place)
    assert (status.phase, status.message) == ("failed", "it was terminated")
    with pytest.raises(EngineError, match="there is no run nothing"):
        runner.stop("nothing")


def test_a_hand_off_that_is_not_there_is_an_error(server: KfpServer) -> None:
    server.work = lambda run: None
    with pytest.raises(EngineError, match="what chained-part-1 has handed out cannot be read"):
        run(split(chain(2), "max-steps=2"))


def test_a_hand_off_that_is_none_is_an_error(server: KfpServer, tmp_path: Path) -> None:
    def work(run: dict[str, Any]) -> None:
        place = tmp_path / "store" / "chained-part-1" / run["run_id"]
        place.mkdir(parents=True)
        (place / FILE).write_text('{"parameters": 3}')

    server.work = work
    with pytest.raises(EngineError, match="is no hand-off"):
        run(split(chain(2), "max-steps=2"))


def test_where_runs_keep_what_they_make_has_to_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    with pytest.raises(InvalidInput, match="the pipeline root of 'chained-part-1' is not known") as caught:
        run(split(chain(2), "max-steps=2"))
    assert SETTING in str(caught.value.hint)
    own = chain(2)
    own["defaultPipelineRoot"] = "minio://bucket/root/?region=x"
    parts = split(own, "max-steps=2")
    assert all(item["defaultPipelineRoot"] for item in parts if "pipelineInfo" in item)
    assert ClusterRunner(Where()).jobs(parts, Request(run=RUN))


def test_a_dry_run_is_refused() -> None:
    with pytest.raises(Unsupported, match="--dry-run is not supported by KFP"):
        ClusterRunner(Where()).jobs([chain(2)], Request(run=RUN, dry_run=True))


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("couler_kfp.run.client.RETRIES", lambda on, call: call())
    with pytest.raises(CoulerError, match="KFP does not answer"):
        run([chain(2)])


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("", 2, "error: KF_PIPELINES_ENDPOINT is not set, and no cluster is known otherwise\n  hint: export KF_"),
        ("HOST:PORT", 2, "error: KF_PIPELINES_ENDPOINT is no address of KFP's API: HOST:PORT\n  hint: export KF_"),
        ("http://127.0.0.1:9", 3, "to go on: call the same again with --run-id one\nerror: KFP does not answer ("),
    ],
)
def test_what_is_wrong_with_the_address_is_said_in_one_line(
    address: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", address)
    monkeypatch.setattr("couler_kfp.run.client.RETRIES", lambda on, call: call())
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(chain(2)))
    done = CliRunner().invoke(couler, ["run", str(path), "--run-id", "one"])
    assert (done.exit_code, done.stderr.startswith(said)) == (code, True), done.output
    assert done.stderr.count("\n") == 3 - (code == 2)


def test_the_command_line_runs_a_split_pipeline(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("couler_plugins.running.driver.time.sleep", lambda seconds: None)
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(chain(2)))
    arguments = [
        "run",
        "-p",
        "split{max-steps=2,partitioner=bandpack}",
        str(path),
        "--run-id",
        "r1",
        "--parameter",
        "number=5",
    ]
    done = CliRunner().invoke(couler, [*arguments, "--journal", str(tmp_path / "journal")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "  number = 13" in done.stdout
