"""Keys of tasks that are clear before a run are those under which pods keep results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.tekton.caching.pod import Pod
from adapters.tekton.caching.tasks import PIPELINE, WORKSPACE, cached, documents
from couler_plugins.cli.group import couler

RUN = PIPELINE.replace("generateName: nightly-", "name: nightly\n  namespace: default")
STORE = "workspaces: [{name: couler-cache, optional: true}]\n  steps: [{name: say"
SHARED = RUN.replace("steps: [{name: say", STORE)


def steps(text: str) -> dict[str, Any]:
    """What `couler explain` says of the store, by task."""
    Path("run.yaml").write_text(text)
    arguments = ("explain", "run.yaml", "-p", WORKSPACE, "--store", "store", "--index", "none", "--format", "json")
    shown = CliRunner().invoke(couler, arguments, catch_exceptions=False)
    assert shown.exit_code == 0, shown.stderr
    return {item["step"].rpartition("/")[2]: item for item in json.loads(shown.stdout)["results"]["steps"]}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("store").mkdir()


def test_a_constant_task_is_there_under_its_key_once_a_pod_has_run_it() -> None:
    before = steps(SHARED)
    assert {name: (item["match"], "key" in item) for name, item in before.items()} == {
        "two": ("none", False),  # another task's result
        "three": ("none", True),
        "four": ("none", True),
    }
    assert before["three"]["key"] != before["four"]["key"], "one of them comes after something"
    copies = {item["metadata"]["name"]: item for item in documents(cached(SHARED)) if item["kind"] == "Task"}
    run = next(item for item in documents(cached(SHARED)) if item["kind"] == "PipelineRun")
    called = {task["name"]: task.get("taskRef", {}).get("name") for task in run["spec"]["pipelineSpec"]["tasks"]}
    task = copies[called["three"]]["spec"]
    assert Pod(Path.cwd() / "pod", task, {"x": "fixed"}, {"couler-cache": Path.cwd()}).run().succeeded
    after = steps(SHARED)
    assert (after["three"]["match"], after["three"]["entry"]["key"]) == ("key", before["three"]["key"])
    assert (after["four"]["match"], after["two"]["match"]) == ("step", "step")
    assert after["three"]["entry"]["run"] == "run-1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n  namespace: default", ""),  # whoever submits it says where
        ("value: fixed", "value: $(params.rate)"),
        ("value: fixed", "value: 'a$b'"),
        (
            "kind: Task\nmetadata: {name: shared",
            "kind: Task\nmetadata: {annotations: {couler.io/cache-inputs: couler-cache/x}, name: shared",
        ),
    ],
)
def test_what_is_no_constant_has_no_key_yet(old: str, new: str) -> None:
    assert old in SHARED
    assert not any("key" in item for item in steps(SHARED.replace(old, new)).values())
