"""`couler history`: which engine is asked, where its answer goes, and what is done with it afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_history import instance
from cli.conftest import Couler
from couler_plugins.errors import EngineError
from pluginbox import PluginBox
from servers.airflow_api import ApiServer, Handler


@pytest.fixture
def history(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    plugin_box.declare("engine", "couler_airflow.plugin")
    plugin_box.declare("another-engine", "couler_argo.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    return lambda *arguments, **options: couler_command("history", *arguments, **options)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", "a-token")
    with ApiServer() as server:
        server.tasks["train"] = [{"task_id": "work", "downstream_task_ids": []}]
        server.add_run("train", "r1", instance("work", duration=7.0))
        yield server


def test_what_is_fetched_is_a_file_for_history(history: Couler, api: ApiServer, couler_command: Couler) -> None:
    printed = history("train", "--from", api.url)
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert history("train", "--from", api.url, "-o", "runs/train.json").stdout == ""
    assert Path("runs/train.json").read_text() == printed.stdout
    simulated = couler_command("simulate", "runs/train.json", "--unknown-size", "1MB", "--format", "json")
    assert simulated.exit_code == 0, simulated.stderr
    assert json.loads(simulated.stdout)["schema"] == "couler.simulate/v1"


def test_what_is_tried_again_is_not_said_on_stdout(history: Couler, api: ApiServer) -> None:
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks(None)  # the defaults: structlog's, which prints, where it is installed
    expected = history("train", "--from", api.url).stdout
    set_on_retry_hooks(None)
    left = [2]

    def busy(request: Handler) -> bool:
        left[0] -= 1
        if left[0] >= 0:
            request.reply(503, b"")
        return left[0] >= 0

    api.faults.append(busy)
    with stamina.set_testing(True, attempts=6, cap=True):  # without waiting
        found = history("train", "--from", api.url)
    assert left[0] < 0
    assert (found.exit_code, found.stdout, found.stderr) == (0, expected, "")


def test_the_place_may_come_from_the_environment(
    history: Couler, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_URL", api.url)
    assert len(json.loads(history("train", "--engine", "airflow").stdout)["task_instances"]) == 1


def test_engines_whose_own_tools_write_their_history_say_so(history: Couler) -> None:
    refused = history("train", "--engine", "argo")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "runs of argo are not fetched" in refused.stderr
    assert "--history" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Missing argument 'WORKFLOW...'"),
        (("train",), 2, "the URL of Airflow is not given"),
        (("train", "--engine", "moon"), 2, "moon"),
        (("train", "--from", "there"), 2, "this is no URL"),
        (("train", "--from", "http://127.0.0.1:9", "--newest", "0"), 2, "--newest"),
    ],
)
def test_wrong_usage(history: Couler, arguments: tuple[str, ...], code: int, said: str) -> None:
    found = history(*arguments)
    assert (found.exit_code, found.stdout) == (code, "")
    assert said in found.stderr


def test_nothing_is_written_when_the_engine_fails(history: Couler, api: ApiServer) -> None:
    def answer(request: Handler) -> bool:
        request.reply(200, b"<html>")
        return True

    api.faults.append(answer)
    found = history("train", "--from", api.url, "-o", "runs.json")
    assert found.exit_code == EngineError.exit_code
    assert not Path("runs.json").exists()


def test_without_an_engine_that_lets_runs_be_fetched_nobody_is_asked(couler_command: Couler) -> None:
    found = couler_command("history", "train")
    assert found.exit_code == 2
    assert "no engine is given" in found.stderr
