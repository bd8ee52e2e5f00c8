"""Runs that are submitted from the page: states and logs by step, from real processes of the local engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from couler_plugins.driver.session import session
from couler_plugins.inputs.sources import read_source
from couler_plugins.options.config import Config
from couler_plugins.studio import runs as studio_runs
from couler_plugins.studio.app import make_app
from couler_plugins.studio.runs import run_routes
from couler_plugins.studio.studio import Studio

TOKEN = "token-of-the-test"
TRAINING = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: training}
spec:
  entrypoint: main
  onExit: report
  templates:
  - name: main
    dag:
      tasks:
      - {name: prepare, template: prepare}
      - {name: models, template: models, depends: prepare}
      - {name: never, template: prepare, depends: models, when: "1 == 2"}
  - name: models
    dag:
      tasks:
      - {name: fit, template: fit, withItems: [1, 2], arguments: {parameters: [{name: size, value: "{{item}}"}]}}
  - name: prepare
    script: {image: any, command: [sh], source: "echo prepared; echo password=hunter2"}
  - name: fit
    inputs: {parameters: [{name: size}]}
    script: {image: any, command: [sh], source: "echo fitting {{inputs.parameters.size}}"}
  - name: report
    script: {image: any, command: [sh], source: "echo done"}
"""
FAILING = TRAINING.replace("echo prepared;", "echo broken; exit 3;")
SLOW = TRAINING.replace("echo prepared;", "echo started; sleep 60;")
WAIT = 30.0
Api = Callable[..., Any]


@pytest.fixture
def api(tmp_path: Path) -> Api:
    """Calls the API of a studio on a text: `api(text, "runs", {...})`; without a message, it gets."""
    clients: list[TestClient] = []

    def call(text: str, place: str, message: Any = None, *, code: int = 200, read_only: bool = False) -> Any:
        if not clients:
            (tmp_path / "w.yaml").write_text(text)
            config = Config()
            work = session(config)
            studio = Studio(read_source(tmp_path, config.max_bytes), config, work, read_only=read_only)
            clients.append(TestClient(make_app(studio, TOKEN, ["testserver"], run_routes(studio))))
        headers = {"authorization": f"Bearer {TOKEN}"}
        if message is None:
            response = clients[0].get(f"/api/{place}", headers=headers)
        else:
            response = clients[0].post(f"/api/{place}", headers=headers, json=message)
        assert response.status_code == code, response.text
        return response.json()

    return call


def followed(api: Api, run: dict[str, Any], until: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    end = time.monotonic() + WAIT
    while not until(run):
        assert time.monotonic() < end, run
        time.sleep(0.1)
        run = api("", f"runs/{run['run']}")
    return run


def ended(run: dict[str, Any]) -> bool:
    return run["phase"] in ("succeeded", "failed")


def states(run: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {step["step"]: (step["node"], step["phase"]) for step in run["steps"]}


def test_an_edited_workflow_runs_and_each_step_is_told(api: Api) -> None:
    edit = {
        "do": "set",
        "graph": "main",
        "step": "prepare",
        "field": "script",
        "value": "echo edited; echo password=hunter2",
    }
    start = api(TRAINING, "runs", {"path": "w.yaml", "actions": [edit], "local": True})
    assert (start["engine"], start["phase"] in ("pending", "running")) == ("argo", True)
    run = followed(api, start, ended)
    assert run["phase"] == "succeeded", run
    assert states(run) == {
        "prepare": ("prepare", "succeeded"),
        "models": ("models", "succeeded"),
        "models/fit(0)": ("models/fit", "succeeded"),
        "models/fit(1)": ("models/fit", "succeeded"),
        "never": ("never", "skipped"),
        "main.onExit": ("!0", "succeeded"),
    }
    assert [step["step"] for step in run["steps"] if step["has_log"]] == [
        name for name in states(run) if name not in ("models", "never")
    ]
    name = run["run"]
    assert api("", f"runs/{name}/log?step=prepare") == {"lines": ["edited", "password=***"], "note": ""}
    assert api("", f"runs/{name}/log?step=models/fit(1)")["lines"] == ["fitting 2"]
    assert api("", f"runs/{name}/log?step=never")["note"]
    assert "no step 'x'" in api("", f"runs/{name}/log?step=x", code=422)["message"]
    nodes = {node["id"] for node in api("", "view", {"path": "w.yaml", "open": ["models"]})["picture"]["nodes"]}
    assert {node for node, _ in states(run).values()} <= nodes


def test_a_step_that_fails_says_why(api: Api) -> None:
    run = followed(api, api(FAILING, "runs", {"path": "w.yaml", "local": True}), ended)
    assert run["phase"] == "failed"
    assert {name: phase for name, (_, phase) in states(run).items()} == {
        "prepare": "failed",
        "models": "skipped",
        "never": "skipped",
        "main.onExit": "succeeded",
    }
    (failed,) = [step for step in run["steps"] if step["phase"] == "failed"]
    assert "exit code 3" in failed["message"]
    assert "hunter2" not in str(run)
    assert api("", f"runs/{run['run']}/log?step=prepare")["lines"] == ["broken"]


def test_a_run_is_stopped_with_what_it_started(api: Api) -> None:
    run = api(SLOW, "runs", {"path": "w.yaml", "local": True})
    run = followed(api, run, lambda run: any(step["has_log"] for step in run["steps"]))
    assert states(run)["prepare"] == ("prepare", "running")
    followed(api, run, lambda run: api("", f"runs/{run['run']}/log?step=prepare")["lines"] == ["started"])
    api("", f"runs/{run['run']}/stop", {})
    run = followed(api, run, ended)
    assert (run["phase"], run["message"]) == ("failed", "it was stopped")
    assert api("", f"runs/{run['run']}/stop", {})["phase"] == "failed"  # stopped twice is stopped once


def test_what_cannot_run_is_refused_before_anything_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TRAINING.replace('script: {image: any, command: [sh], source: "echo done"}', "container: {image: busybox}")
    refused = api(text, "runs", {"path": "w.yaml", "local": True}, code=422)
    assert "report: its kind is container" in refused["message"]
    assert api("", "runs", {"path": "w.yaml", "local": True, "workflow": 7}, code=422)
    assert "none of the opened files" in api("", "runs", {"path": "../w.yaml"}, code=403)["message"]
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert "kubeconfig" in str(api("", "runs", {"path": "w.yaml"}, code=422)).lower()
    for place in ("runs/nobody", "runs/nobody/log?step=x"):
        assert "no run 'nobody'" in api("", place, code=404)["message"]
    assert api("", "runs/nobody/stop", {}, code=404)


def test_a_studio_that_only_looks_submits_nothing(api: Api) -> None:
    message = api(TRAINING, "runs", {"path": "w.yaml", "local": True}, code=422, read_only=True)["message"]
    assert "--read-only" in message


def test_a_pipeline_takes_part_in_a_run(api: Api) -> None:
    run = api(TRAINING, "runs", {"path": "w.yaml", "local": True, "pipeline": "guard{", "parameters": {}}, code=422)
    assert "guard{" in run["message"]
    run = api("", "runs", {"path": "w.yaml", "local": True, "pipeline": "dedupe"})
    assert followed(api, run, ended)["phase"] == "succeeded"


def test_old_runs_are_forgotten_with_what_they_keep(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_runs, "MOST_RUNS", 1)
    first = followed(api, api(TRAINING, "runs", {"path": "w.yaml", "local": True}), ended)
    second = followed(api, api("", "runs", {"path": "w.yaml", "local": True}), ended)
    api("", f"runs/{first['run']}", code=404)
    assert api("", f"runs/{second['run']}/log?step=prepare")["lines"] == ["prepared", "password=***"]
