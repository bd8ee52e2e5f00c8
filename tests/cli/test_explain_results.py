"""`couler explain --results`: what a store has of each step, who made it and when; only where somebody asks for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.artifacts import Meta, open_cache
from couler_plugins.cli.group import couler
from couler_plugins.cli.stored_results import age_text
from running.local.running import script, workflow

WRAPPER = ("-p", f"cache{{via=wrapper,store=s3://bucket/cache,image=registry/couler@sha256:{'0' * 64}}}")
MAIN = """
dag:
  tasks:
  - {name: one, template: features, arguments: {parameters: [{name: v, value: a}]}}
  - {name: two, template: features, arguments: {parameters: [{name: v, value: b}]}}
  - {name: three, template: fresh, arguments: {parameters: [{name: v, value: c}]}}
"""
STEP = script(
    "echo {{inputs.parameters.v}} > /tmp/o",
    inputs="{parameters: [{name: v}]}",
    outputs="{artifacts: [{name: o, path: /tmp/o}]}",
    metadata="{annotations: {A}}",
)
TEXT = workflow(
    MAIN,
    features=STEP.replace("{A}", "{couler.io/cache: ttl=48h}"),
    fresh=STEP.replace("{A}", "{couler.io/cache: pure}"),
).replace("name: w}", "generateName: churn-}")
DAY = 86_400


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(TEXT)


def put(key: str, meta: Meta, *, days: float) -> float:
    """Stores a result that was made so many days ago; when that was."""
    made = time.time() - days * DAY
    with open_cache("store", clock=lambda: made) as store:
        store.put(key, {"model": b"\x80\x04not to be opened"}, meta)
    return made


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ("explain", "w.yaml", *arguments), catch_exceptions=False)


def results(*arguments: str) -> Any:
    return json.loads(explain(*arguments, "--format", "json").stdout)["results"]


def test_it_shows_who_made_the_newest_result_and_until_when_it_is_good() -> None:
    put("older", Meta(family="churn", step="features"), days=4)
    put("other", Meta(family="sales", step="features"), days=0.5)
    made = put("newest", Meta(family="churn", step="features", run="churn-x7", seconds=340.0), days=1.01)
    shown = explain(*WRAPPER, "--store", "store").stdout
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made + 2 * DAY))
    assert (
        "    results in store\n"
        "      main/one, main/two: newest result: made 1 day ago by churn/features in the run churn-x7 "
        f"(bytes 18, seconds 340), good until {until}\n"
        "      main/three: nothing of it\n"
    ) in shown
    found = results(*WRAPPER, "--store", "store")
    assert found["store"] == "store"
    by_step = {item["step"]: item for item in found["steps"]}
    assert {name: item["match"] for name, item in by_step.items()} == {
        "main/one": "step",
        "main/two": "step",
        "main/three": "none",
    }
    one = by_step["main/one"]
    assert (one["entry"]["key"], one["entry"]["run"], one["entry"]["seconds"]) == ("newest", "churn-x7", 340.0)
    assert one["expires"] == pytest.approx(made + 2 * DAY)
    assert "expires" not in by_step["main/three"]


def test_it_tells_of_results_that_are_too_old_and_of_steps_that_are_not_cached() -> None:
    made = put("old", Meta(family="churn", step="features"), days=3)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made + 2 * DAY))
    assert (
        f"made 3 days ago by churn/features (bytes 18), too old since {until}\n"
        in explain(*WRAPPER, "--store", "store").stdout
    )
    Path("w.yaml").write_text(TEXT.replace("cache: ttl=48h", "cache: never"))
    shown = explain(*WRAPPER, "--store", "store").stdout
    assert "main/one, main/two: newest result: made 3 days ago by churn/features (bytes 18)\n" in shown


def test_results_of_local_runs_are_shown_by_their_steps() -> None:
    arguments = ("run", "w.yaml", "--local", "--cache", "--run-id", "r1")
    env = {"COULER_CACHE_STORE": "store"}
    ran = CliRunner(env=env).invoke(couler, arguments, catch_exceptions=False)
    assert ran.exit_code == 0, ran.stderr
    found = {item["step"]: item["entry"] for item in results("--store", "store")["steps"]}
    assert {step: (entry["family"], entry["step"], entry["run"]) for step, entry in found.items()} == {
        f"main/{name}": ("churn-*", f"main/{name}", "r1/churn") for name in ("one", "two", "three")
    }
    assert all(entry["seconds"] is not None for entry in found.values())


def test_nobody_looks_into_a_store_unless_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    put("newest", Meta(family="churn", step="features"), days=1)
    monkeypatch.setenv("COULER_CACHE_STORE", "store")
    assert "results in" not in explain(*WRAPPER).stdout
    assert "results" not in json.loads(explain(*WRAPPER, "--format", "json").stdout)
    assert "newest result: made 1 day ago" in explain(*WRAPPER, "--results").stdout
    other = explain(*WRAPPER, "--results", "--namespace", "other").stdout
    assert "main/one, main/two, main/three: nothing of it\n" in other


def test_a_store_that_is_away_is_a_warning() -> None:
    shown = explain(*WRAPPER, "--store", "nowhere")
    assert (shown.exit_code, "results in" in shown.stdout, Path("nowhere").exists()) == (0, False, False)
    assert shown.stderr == "warning: what is stored in nowhere is not shown: there is no such folder\n"
    assert results(*WRAPPER, "--store", "nowhere") is None
    Path("file").touch()
    assert explain(*WRAPPER, "--store", "file").exit_code == 0
    refused = explain(*WRAPPER, "--results")
    assert refused.exit_code == 2
    assert "no store is given" in refused.stderr


def test_names_cannot_steer_a_terminal() -> None:
    put("newest", Meta(family="churn", step="features", run="r\x1b[2J"), days=1)
    assert "in the run r\\x1b[2J" in explain(*WRAPPER, "--store", "store").stdout


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (0.5, "just now"),
        (1, "1 second ago"),
        (119, "1 minute ago"),
        (7_200, "2 hours ago"),
        (90_000, "1 day ago"),
    ],
)
def test_ages_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert age_text(seconds) == text
