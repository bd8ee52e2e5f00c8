"""Rows of the settings on KFP: they name components and tasks, and salt them as marks would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from couler_plugins.api import Text, optimize
from couler_plugins.driver.results import Result
from couler_plugins.options.config import Config, load_config

PIPELINE: dict[str, Any] = {
    "pipelineInfo": {"name": "nightly"},
    "schemaVersion": "2.1.0",
    "sdkVersion": "kfp-2.17.0",
    "components": {
        f"comp-{name}": {
            "executorLabel": f"exec-{name}",
            "inputDefinitions": {"parameters": {"day": {"parameterType": "STRING"}}},
            "outputDefinitions": {"parameters": {"loss": {"parameterType": "STRING"}}},
        }
        for name in ("train", "other")
    },
    "deploymentSpec": {
        "executors": {
            f"exec-{name}": {"container": {"image": "registry.example/train:1", "command": [name]}}
            for name in ("train", "other")
        }
    },
    "root": {
        "dag": {
            "tasks": {
                f"{name}-task": {
                    "cachingOptions": {"enableCache": True},
                    "componentRef": {"name": f"comp-{name}"},
                    "inputs": {"parameters": {"day": {"runtimeValue": {"constant": "1"}}}},
                    "taskInfo": {"name": f"{name}-task"},
                }
                for name in ("train", "other")
            }
        }
    },
}
ROW = '[[cache.declare]]\n{selector}\npure = true\nversion = "{version}"\n'


def optimized(folder: Path, rows: str) -> Result:
    (folder / "couler.toml").write_text(rows)
    config = load_config(start=folder, environ={}) if rows else Config()
    return optimize([Text(yaml.safe_dump(PIPELINE), "p.yaml")], "cache", config=config)


def salts(result: Result) -> dict[str, Any]:
    tasks = result.documents[0]["root"]["dag"]["tasks"]
    return {
        name: value
        for name, task in tasks.items()
        for key, value in task["inputs"]["parameters"].items()
        if key.startswith("couler")
    }


def test_rows_name_components_and_tasks(tmp_path: Path) -> None:
    assert not salts(optimized(tmp_path, ""))
    for selector in ('task = "train"', 'step = "train-task"', 'step = "root/train*"\nworkflow = "nightly"'):
        assert set(salts(optimized(tmp_path, ROW.format(selector=selector, version="1")))) == {"train-task"}
    assert not salts(optimized(tmp_path, ROW.format(selector='task = "comp-train"', version="1")))


def test_a_version_in_a_row_is_in_the_salt(tmp_path: Path) -> None:
    one, two = (salts(optimized(tmp_path, ROW.format(selector='task = "train"', version=text))) for text in "12")
    assert one != two


def test_never_in_a_row_switches_a_task_off(tmp_path: Path) -> None:
    result = optimized(tmp_path, '[[cache.declare]]\ntask = "other"\nnever = true\n')
    tasks = result.documents[0]["root"]["dag"]["tasks"]
    assert {name: "enableCache" in task.get("cachingOptions", {}) for name, task in tasks.items()} == {
        "train-task": True,
        "other-task": False,
    }
