"""Runs of which there is less to say: refused, still running, of another engine, or not there at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Couler
from why.conftest import RECORDED


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return document


def written(document: object) -> str:
    Path("run.json").write_text(json.dumps(document))
    return "run.json"


def history_of(couler_command: Couler, *names: str) -> str:
    places = [part for name in names for part in ("--from", str(RECORDED / f"{name}.json"))]
    assert couler_command("history", "fetch", *places, "-o", "h.jsonl").exit_code == 0
    return "h.jsonl"


def test_a_run_that_argo_has_refused_has_the_message_of_its_status(why: Couler) -> None:
    document = recorded("argo-loop")
    document["status"] = {
        "phase": "Error",
        "message": "invalid spec: token=abcdef templates.main",
        "finishedAt": "2026-01-01T00:00:00Z",
    }
    result = why(written(document))
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.endswith("failed, and no step of it is known: invalid spec: token=*** templates.main\n")
    said = json.loads(why("run.json", "--format", "json").stdout)
    assert (said["failed"], said["message"]) == (False, "invalid spec: token=*** templates.main")


def test_a_pipelinerun_alone_says_that_its_taskruns_are_needed(why: Couler) -> None:
    document = recorded("tekton-out-of-memory")
    document["items"] = [item for item in document["items"] if item["kind"] == "PipelineRun"]
    result = why(written(document))
    said = "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1; its TaskRuns are not here: `kubectl get "
    assert (result.exit_code, said in result.stdout) == (1, True)
    (run,) = document["items"]
    run["status"] = {
        "conditions": [{"type": "Succeeded", "status": "False", "reason": "CouldntGetPipeline", "message": "not there"}]
    }
    assert why(written(document)).stdout.endswith("failed, and no step of it is known: not there\n")
    run["status"]["conditions"][0]["status"] = "Unknown"
    assert why(written(document)).exit_code == 2


def test_a_failed_step_of_a_run_that_goes_on_is_named(why: Couler) -> None:
    document = recorded("argo-exit-in-nested-dag")
    status = document["status"]
    status["phase"] = "Running"
    del status["finishedAt"]
    result = why(written(document))
    assert (result.exit_code, result.stdout.splitlines()[0].partition(" failed")[0]) == (0, "main/build/build/test")
    assert result.stdout.splitlines()[1].endswith(" on argo, which goes on")
    assert json.loads(why("run.json", "--format", "json").stdout)["run"]["ended"] is None
    for node in status["nodes"].values():
        node["phase"] = "Succeeded"
    result = why(written(document))
    assert (result.exit_code, result.stdout.endswith(" goes on.\n")) == (1, True)


def test_an_engine_is_chosen_among_those_of_a_history(why: Couler, couler_command: Couler) -> None:
    path = history_of(couler_command, "argo-out-of-memory", "tekton-out-of-memory", "kfp-retried")
    for engine in ("argo", "tekton", "kfp"):
        result = why("train", "--history", path, "--engine", engine)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f" of train on {engine}, " in result.stdout
    assert (
        "there are runs of argo, kfp, tekton: this is the newest that failed" in why("train", "--history", path).stderr
    )
    assert why("train-9pn8p", "--history", path).stderr == ""


def test_a_file_of_another_engine_is_named(why: Couler) -> None:
    result = why(str(RECORDED / "kfp-retried.json"), "--engine", "argo")
    assert (result.exit_code, "there is no run of argo" in result.stderr) == (2, True)
    assert "there are runs of kfp" in result.stderr


def test_a_file_that_is_not_there_is_named(why: Couler) -> None:
    result = why("nosuch.json")
    assert (result.exit_code, "there is no file 'nosuch.json', and no engine is given" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("engine", "places"),
    [("argo", " or `cluster`"), ("tekton", " or `cluster`"), ("airflow", " or `database`"), ("kfp", "")],
)
def test_the_places_that_an_engine_has_are_offered(why: Couler, engine: str, places: str) -> None:
    said = f"give --from with its URL{places}, or set COULER_{engine.upper()}_URL"
    assert said in why("nightly", "--engine", engine).stderr


def test_a_long_message_keeps_its_end_and_is_whole_where_more_is_wanted(why: Couler) -> None:
    path = str(RECORDED / "tekton-image-not-pulled.json")
    first = why(path).stdout.splitlines()[0]
    assert "…" in first
    assert first.endswith('lookup registry.local: Temporary failure in name resolution."')
    message = json.loads(why(path, "--format", "json").stdout)["message"]
    assert why(path, "-v").stdout.splitlines()[0].endswith(message)


def test_what_never_ran_has_no_log(why: Couler) -> None:
    lines = why(str(RECORDED / "argo-when-wrong.json")).stdout.splitlines()
    assert "  log: there is none, as it never ran" in lines
    assert "look at the log" not in "".join(lines)
    assert "nothing tells whether it would fail again" in lines[-1]
