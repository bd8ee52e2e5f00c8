"""`couler history`: where runs are fetched from, what becomes of those that are there already, and what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.argo.statuses import node, workflow
from airflow_history import instance
from cli.conftest import Couler
from couler_plugins.errors import EngineError
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from couler_plugins.runs.history_file import line_of, read_line
from pluginbox import PluginBox
from servers.airflow_api import ApiServer, Handler
from servers.s3 import KEY, SECRET, s3_bucket, s3_server


@pytest.fixture
def history(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    plugin_box.declare("engine", "couler_airflow.plugin")
    plugin_box.declare("another-engine", "couler_argo.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    return lambda *arguments, **options: couler_command("history", *arguments, **options)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", "a-token")
    monkeypatch.setenv("COULER_AIRFLOW_URL", "")
    with ApiServer() as server:
        server.tasks["train"] = [{"task_id": "work", "downstream_task_ids": []}]
        server.add_run("train", "r1", instance("work", duration=7.0))
        yield server


def lines(path: str | Path) -> list[Run]:
    return [read_line(line) for line in Path(path).read_bytes().splitlines()]


def argo_file(path: str, *names: str) -> None:
    items = [workflow({"a": node("Pod", "a")}) for _ in names]
    for item, name in zip(items, names, strict=True):
        item["metadata"] = {"name": name, "generateName": "wf-", "uid": f"uid-{name}"}
    Path(path).write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def ran(**more: Any) -> StepRun:
    return StepRun(step="s", type="t", spec="s", key="k", **more)


def ran_run(name: str, **more: Any) -> Run:
    fields: dict[str, Any] = {"family": "wf", "engine": "argo", "uid": f"uid-{name}", "at": 1e9, "steps": (ran(),)}
    return Run(name=name, **(fields | more))


def test_what_is_fetched_is_a_file_for_history(history: Couler, api: ApiServer, couler_command: Couler) -> None:
    fetch = ("fetch", "train", "--engine", "airflow", "--from", api.url)
    printed = history(*fetch)
    assert (printed.exit_code, printed.stderr) == (0, "1 run: 1 new, 0 replaced, 0 already there\n")
    assert history(*fetch, "-o", "runs/train.jsonl").stdout == ""
    assert Path("runs/train.jsonl").read_text() == printed.stdout
    (run,) = lines("runs/train.jsonl")
    assert (run.family, run.engine, run.steps[0].step) == ("train", "airflow", "train/work")
    simulated = couler_command("simulate", "runs/train.jsonl", "--unknown-size", "1MB", "--format", "json")
    assert simulated.exit_code == 0, simulated.stderr
    assert json.loads(simulated.stdout)["schema"] == "couler.simulate/v1"
    report = couler_command("cache", "report", "-", stdin=printed.stdout)
    assert report.exit_code == 0, report.stderr


def test_without_a_name_all_workflows_are_fetched(history: Couler, api: ApiServer) -> None:
    api.tasks |= {"idle": [], "report": [{"task_id": "work"}]}
    api.add_run("report", "r1", instance("work", dag_id="report"))
    assert history("fetch", "--engine", "airflow", "--from", api.url, "-o", "h.jsonl").exit_code == 0
    assert sorted(run.family for run in lines("h.jsonl")) == ["report", "train"]
    assert not any("/idle/tasks" in path for path in api.asked)


def test_a_second_fetch_asks_for_what_is_new_and_adds_only_that(history: Couler, api: ApiServer) -> None:
    fetch = ("fetch", "train", "--engine", "airflow", "--from", api.url, "-o", "h.jsonl")
    history(*fetch)
    before = Path("h.jsonl").read_bytes()
    api.add_run("train", "r2", instance("work", run="r2", minutes=2))
    api.asked.clear()
    again = history(*fetch)
    assert again.stderr == "2 runs: 1 new, 0 replaced, 1 already there\n"
    assert Path("h.jsonl").read_bytes().startswith(before)
    (asked,) = [path for path in api.asked if path.startswith("/api/v2/dags/train/dagRuns?")]
    assert "end_date_gte=2025-12-31T01%3A00%3A00" in asked  # a day before the newest
    assert history(*fetch, "--since", "2026-02-01").stderr == "0 runs: 0 new, 0 replaced, 0 already there\n"


def test_nothing_changes_where_nothing_is_new(history: Couler, api: ApiServer) -> None:
    fetch = ("fetch", "train", "--engine", "airflow", "--from", api.url, "-o", "h.jsonl")
    history(*fetch)
    before = Path("h.jsonl").read_bytes()
    assert history(*fetch, "-q").stderr == ""
    assert Path("h.jsonl").read_bytes() == before


def test_what_is_tried_again_is_not_said_on_stdout(history: Couler, api: ApiServer) -> None:
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks(None)  # the defaults: structlog's, which prints, where it is installed
    fetch = ("fetch", "train", "--engine", "airflow", "--from", api.url, "-q")
    expected = history(*fetch).stdout
    set_on_retry_hooks(None)
    left = [2]

    def busy(request: Handler) -> bool:
        left[0] -= 1
        if left[0] >= 0:
            request.reply(503, b"")
        return left[0] >= 0

    api.faults.append(busy)
    with stamina.set_testing(True, attempts=6, cap=True):  # without waiting
        found = history(*fetch)
    assert left[0] < 0
    assert (found.exit_code, found.stdout, found.stderr) == (0, expected, "")


def test_the_place_may_come_from_the_environment(
    history: Couler, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_URL", api.url)
    assert len(history("fetch", "train", "--engine", "airflow").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("fetch", "train"), 2, "no engine is given"),
        (("fetch", "train", "--engine", "airflow"), 2, "nothing says where airflow is"),
        (("fetch", "train", "--engine", "argo"), 2, "nothing says where argo is"),
        (("fetch", "train", "--engine", "moon"), 2, "moon"),
        (("fetch", "train", "--engine", "airflow", "--from", "http://a b"), 2, "this is no URL"),
        (("fetch", "train", "--from", "there.json"), 2, "there.json"),
        (("fetch", "--from", "http://a", "--from", "there.json"), 2, "either files or one engine"),
        (("fetch", "--from", "http://a", "--from", "http://b"), 2, "either files or one engine"),
        (("fetch", "--from", "http://127.0.0.1:9", "--newest", "0"), 2, "--newest"),
        (("train", "--engine", "airflow"), 2, "couler history fetch"),
    ],
)
def test_wrong_usage(
    history: Couler, arguments: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW", "ARGO"):
        monkeypatch.delenv(f"COULER_{name}_URL", raising=False)
    found = history(*arguments)
    assert (found.exit_code, found.stdout) == (code, "")
    assert said in found.stderr


def test_nothing_is_written_when_the_engine_fails(history: Couler, api: ApiServer) -> None:
    def answer(request: Handler) -> bool:
        request.reply(200, b"<html>")
        return True

    api.faults.append(answer)
    found = history("fetch", "train", "--engine", "airflow", "--from", api.url, "-o", "runs.jsonl")
    assert found.exit_code == EngineError.exit_code
    assert not Path("runs.jsonl").exists()


def test_files_and_folders_are_read(history: Couler) -> None:
    Path("runs").mkdir()
    argo_file("runs/one.json", "wf-1", "wf-2")
    Path("trace.csv").write_text("process,tag,status,realtime,peak_rss,submit\nA,x,COMPLETED,1000,5,1000000\n")
    found = history("fetch", "--from", "runs", "--from", "trace.csv", "-o", "h.jsonl")
    assert (found.exit_code, found.stderr) == (0, "3 runs: 3 new, 0 replaced, 0 already there\n")
    assert {run.family for run in lines("h.jsonl")} == {"wf", "nextflow"}
    assert history("fetch", "wf", "--from", "runs", "-o", "h.jsonl").stderr.startswith("2 runs: 0 new")
    other = history("fetch", "other", "--from", "runs")
    assert (other.stdout, other.stderr.splitlines()[0]) == ("", "warning: no run is of other, only of wf")
    again = history("fetch", "--from", "h.jsonl")
    assert again.stdout == Path("h.jsonl").read_text()


def test_damaged_lines_of_a_history_are_named_and_stay(history: Couler) -> None:
    argo_file("one.json", "wf-1")
    Path("h.jsonl").write_text("damaged secret\n" + line_of(ran_run("a")).decode() + "\n")
    found = history("fetch", "--from", "one.json", "-o", "h.jsonl")
    assert (found.exit_code, found.stderr.splitlines()[-1]) == (0, "1 run: 1 new, 0 replaced, 0 already there")
    assert "h.jsonl:1: this line is left out" in found.stderr
    assert "secret" not in found.stderr
    assert Path("h.jsonl").read_text().splitlines()[0] == "damaged secret"
    assert len(Path("h.jsonl").read_text().splitlines()) == 3


def test_a_file_that_is_no_history_is_not_written_over(history: Couler) -> None:
    argo_file("one.json", "wf-1")
    before = Path("one.json").read_bytes()
    found = history("fetch", "--from", "one.json", "-o", "one.json")
    assert found.exit_code == 2
    assert "name another file with -o" in found.stderr
    assert Path("one.json").read_bytes() == before


def test_a_history_may_be_at_a_url(history: Couler, couler_command: Couler) -> None:
    argo_file("one.json", "wf-1")
    argo_file("two.json", "wf-1", "wf-2")
    place = "memory://test-history/h.jsonl"
    assert history("fetch", "--from", "one.json", "-o", place).stderr.startswith("1 run: 1 new")
    assert history("fetch", "--from", "two.json", "-o", place).stderr.startswith("2 runs: 1 new, 0 replaced, 1 already")
    shown = json.loads(history("show", place, "--format", "json").stdout)
    assert [(row["workflow"], row["runs"]) for row in shown["workflows"]] == [("wf", 2)]
    missing = history("show", "memory://test-history/none.jsonl")
    assert (missing.exit_code, "there is nothing at this URL" in missing.stderr) == (2, True)


@pytest.mark.parametrize("place", ["nosuch://ann:hunter2@there/h.jsonl", "http://ann:hunter2@127.0.0.1:9/h.jsonl"])
def test_a_url_that_cannot_be_written_is_an_error_without_credentials(history: Couler, place: str) -> None:
    argo_file("one.json", "wf-1")
    found = history("fetch", "--from", "one.json", "-o", place)
    assert found.exit_code in (2, 3)
    assert "hunter2" not in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.slow  # a server of moto's
def test_a_history_may_be_in_s3(history: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    argo_file("one.json", "wf-1")
    with s3_server() as endpoint:
        settings = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        place = f"s3://{s3_bucket(endpoint)}/h.jsonl"
        assert history("fetch", "--from", "one.json", "-o", place).exit_code == 0
        assert "1 already there" in history("fetch", "--from", "one.json", "-o", place).stderr
        assert history("show", place).exit_code == 0
        denied = history("fetch", "--from", "one.json", "-o", "s3://no-such-bucket/h.jsonl")
        assert (denied.exit_code, "cannot be written" in denied.stderr) == (3, True)


def test_prometheus_is_asked_for_what_is_not_known(history: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], str, int]] = []

    def with_use(runs: Sequence[Run], url: str, max_bytes: int) -> Sequence[Run]:
        calls.append(([run.name for run in runs], url, max_bytes))
        attempt = Attempt(succeeded=True, containers=(ContainerUse(container="main", memory=5, cpu=1.0),))
        return [replace(run, steps=tuple(replace(step, tries=(attempt,)) for step in run.steps)) for run in runs]

    monkeypatch.setattr("couler_plugins.cli.history.with_use", with_use)
    runs = [ran_run("a"), ran_run("b")]
    Path("in.jsonl").write_bytes(b"".join(line_of(run) + b"\n" for run in runs))
    Path("h.jsonl").write_bytes(line_of(ran_run("a")) + b"\n")
    fetch = ("fetch", "--from", "in.jsonl", "-o", "h.jsonl")
    found = history(*fetch, "--prometheus", "http://one", "--max-bytes", "1MB")
    assert found.stderr == "2 runs: 1 new, 1 replaced, 0 already there\n"
    assert calls == [(["a", "b"], "http://one", 10**6)]
    assert all(run.steps[0].tries[0].containers[0].memory == 5 for run in lines("h.jsonl"))
    calls.clear()
    monkeypatch.setenv("COULER_PROMETHEUS_URL", "http://one http://two")
    assert history(*fetch).stderr == "2 runs: 0 new, 0 replaced, 2 already there\n"
    assert calls == []


def test_what_a_history_has_is_shown(history: Couler) -> None:
    use = ContainerUse(container="main", memory=5)
    tries = (Attempt(succeeded=False), Attempt(start=1.0, end=2.0, containers=(use,)))
    runs = [
        ran_run("a", at=1767225600.0, steps=(ran(tries=tries),)),
        ran_run("b", at=1769904000.0),
        ran_run("c", family="x", engine="", at=0.0),
    ]
    Path("h.jsonl").write_bytes(b"".join(line_of(run) + b"\n" for run in runs))
    shown = history("show", "h.jsonl")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["engine", "runs", "steps", "attempts", "memory", "cpu", "from", "to"],
        ["wf", "argo", "2", "2", "2", "50%", "0%", "2026-01-01", "2026-02-01"],
        ["x", "-", "1", "1", "0", "-", "-", "-", "-"],
    ]
    data = json.loads(history("show", "h.jsonl", "--format", "json").stdout)
    assert data["schema"] == "couler.history/v1"
    assert data["workflows"][0] == {
        "workflow": "wf",
        "engine": "argo",
        "runs": 2,
        "steps": 2,
        "attempts": 2,
        "with_memory": 1,
        "with_cpu": 0,
        "first": 1767225600.0,
        "last": 1769904000.0,
    }
