"""`couler run --local`: a run in this process, taken up, cached, stopped, and read as history."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.subjects import ARGO
from cli.conftest import Couler
from engine_kit.legalize.python_steps import plan_of
from engine_kit.legalize.python_workflows import COMPUTED
from pluginbox import PluginBox
from running.local.running import STARTED, script, workflow

MAIN = """
steps:
- - {name: a, template: leaf, arguments: {parameters: [{name: v, value: "{{workflow.parameters.p}}"}]}}
outputs: {parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.result}}"}}]}
"""
LEAF = script(
    f"echo x >> {STARTED}\ntest ! -e ../../../../broken || exit 1\necho it is {{{{inputs.parameters.v}}}}",
    inputs="{parameters: [{name: v}]}",
    metadata="{annotations: {couler.io/cache: pure}}",
)
TEXT = workflow(MAIN, leaf=LEAF).replace(
    "  entrypoint: main\n", "  entrypoint: main\n  arguments: {parameters: [{name: p, value: d}]}\n"
)


@pytest.fixture
def couler(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    plugin_box.declare("engine", "couler_argo.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    Path("w.yaml").write_text(TEXT)
    return couler_command


def started(run: str, folder: str = "couler-run") -> int:
    log = Path(folder, run, "w", "started")
    return len(log.read_text().split()) if log.exists() else 0


def test_a_run_says_what_came_of_it(couler: Couler) -> None:
    done = couler("run", "w.yaml", "--local", "--run-id", "one", "--parameter", "p=set")
    assert (done.exit_code, done.stdout) == (0, "one/w: succeeded\n  o = it is set\n")
    assert "w: created" in done.stderr
    assert "1 of 1 steps so far are done" in done.stderr
    again = couler("run", "w.yaml", "--local", "--run-id", "one", "--parameter", "p=set", "--format", "json")
    assert json.loads(again.stdout)["jobs"][0]["phase"] == "succeeded"
    assert "w: there already" in again.stderr
    assert started("one") == 1


def test_functions_of_python_run(couler: Couler) -> None:
    said = COMPUTED["passed"].workflow
    (document,) = ARGO.adapter.lower(plan_of(said, ARGO.adapter), ARGO.adapter.options()).added
    Path("functions.yaml").write_text(json.dumps(document))
    done = couler("run", "functions.yaml", "--local", "--run-id", "one")
    assert (done.exit_code, done.stdout) == (0, "one/steps: succeeded\n  said = NONE: ANN: IT IS LOW!\n")


def test_a_failed_run_is_taken_up_with_its_journal(couler: Couler) -> None:
    folder = Path("couler-run", "one", "w")
    folder.mkdir(parents=True)
    (folder / "broken").touch()
    arguments = ("run", "w.yaml", "--local", "--run-id", "one", "--journal", "run.jsonl")
    failed = couler(*arguments)
    assert failed.exit_code == 1
    assert "main/a: exit code 1, see" in failed.stdout
    (folder / "broken").unlink()
    done = couler("run", "w.yaml", "--local", "--journal", "run.jsonl")
    assert (done.exit_code, done.stdout) == (0, "one/w: succeeded\n  o = it is d\n")
    assert couler("run", "w.yaml", "--local", "--journal", "run.jsonl").exit_code == 0
    assert started("one") == 2
    other = couler("run", "w.yaml", "--local", "--journal", "run.jsonl", "--folder", "other")
    assert other.exit_code == 2
    assert "not the folder other" in other.stderr
    assert "nothing of it was submitted, or all of it has ended" in couler("stop", "--journal", "run.jsonl").stdout


def test_results_of_pure_steps_are_reused(couler: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    assert couler("run", "w.yaml", "--local", "--cache").exit_code == 2
    monkeypatch.setenv("COULER_CACHE_STORE", "cache")
    for run, count in (("one", 1), ("two", 0)):
        done = couler("run", "w.yaml", "--local", "--cache", "--run-id", run, "--parallel", "2")
        assert (done.exit_code, started(run)) == (0, count), done.stderr
    listed = couler("cache", "ls", "--format", "json")
    assert "main/a" in listed.stdout


def test_a_run_is_history(couler: Couler) -> None:
    assert couler("run", "w.yaml", "--local", "--run-id", "one").exit_code == 0
    simulated = couler("simulate", "couler-run/one/w/history.json", "--unknown-size", "1MB", "--format", "json")
    assert simulated.exit_code == 0, simulated.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-wait",), "--no-wait"),
        (("--namespace", "x"), "leave --context and --namespace out"),
        (("--run-id", "../x"), "cannot name a run"),
        (("--parameter", "q=1"), "no workflow has a parameter 'q'"),
        (("--parallel", "0"), "--parallel"),
        (("--cache", "--containers", "docker"), "--cache cannot be combined with --containers"),
        (("--containers", "docker"), "docker is not installed"),
    ],
)
def test_wrong_usage(couler: Couler, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("COULER_CACHE_STORE", "cache")
    done = couler("run", "w.yaml", "--local", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_is_for_local_runs_needs_one(couler: Couler) -> None:
    for arguments in (("--parallel", "2"), ("--containers", "podman")):
        assert "are for --local" in couler("run", "w.yaml", *arguments).stderr


def test_refusals_come_before_anything_runs(couler: Couler) -> None:
    Path("w.yaml").write_text(workflow(MAIN.replace("name: v", "name: w"), leaf="suspend: {}"))
    done = couler("run", "w.yaml", "--local")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "leaf: its kind is suspend, and --local runs only scripts" in done.stderr
    assert not Path("couler-run").exists()


def test_a_call_of_what_is_not_there_is_refused_before_anything_runs(couler: Couler) -> None:
    text = workflow(
        f"{MAIN[: MAIN.index('outputs')]}- - {{name: b, template: leav}}\n", leaf=script(f"echo x >> {STARTED}")
    )
    Path("typo.yaml").write_text(text)
    done = couler("run", "typo.yaml", "--local", "--run-id", "one")
    assert done.exit_code == 2, done.output
    assert re.match(r"error: typo.yaml:\d+: w: 'b' calls 'leav', which w does not have\n  hint: ", done.stderr)
    assert not Path("couler-run").exists()


def test_engines_that_the_local_engine_does_not_know_say_so(couler_command: Couler) -> None:
    Path("a.yaml").write_text("kind: Toy\nname: a\nsteps: []\n")
    done = couler_command("run", "a.yaml", "--local")
    assert done.exit_code == 2
    assert "--local is not supported for workflows of toy" in done.stderr
