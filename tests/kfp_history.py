"""Runs as KFP's API tells of them, made by hand: the nodes of a task, and a pipeline with a loop."""

from __future__ import annotations

from typing import Any

__all__ = ["NEVER", "PIPELINE", "at", "node", "run", "task"]

NEVER = "1970-01-01T00:00:00Z"
PIPELINE: dict[str, Any] = {
    "schemaVersion": "2.1.0",
    "sdkVersion": "kfp-2.17.3",
    "pipelineInfo": {"name": "train"},
    "deploymentSpec": {
        "executors": {"exec-load": {"container": {"image": "load"}}, "exec-fit": {"container": {"image": "fit"}}}
    },
    "components": {
        "comp-load": {"executorLabel": "exec-load"},
        "comp-fit": {"executorLabel": "exec-fit"},
        "comp-for-loop-1": {
            "dag": {
                "tasks": {
                    "fit": {"componentRef": {"name": "comp-fit"}, "taskInfo": {"name": "fit"}},
                    "load-2": {
                        "componentRef": {"name": "comp-load"},
                        "dependentTasks": ["fit"],
                        "taskInfo": {"name": "load-2"},
                    },
                }
            }
        },
    },
    "root": {
        "dag": {
            "tasks": {
                "load": {"componentRef": {"name": "comp-load"}, "taskInfo": {"name": "load"}},
                "for-loop-1": {
                    "componentRef": {"name": "comp-for-loop-1"},
                    "dependentTasks": ["load"],
                    "taskInfo": {"name": "for-loop-1"},
                    "parameterIterator": {"itemInput": "x", "items": {"raw": "[1, 2]"}},
                },
            }
        }
    },
}


def at(seconds: float | None) -> str:
    """A time of the first hour of 2026."""
    if seconds is None:
        return NEVER
    return f"2026-01-01T00:{int(seconds) // 60:02d}:{int(seconds) % 60:02d}Z"


def node(name: str, start: float | None, end: float | None, state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    """One entry of `task_details`."""
    times = {"start_time": at(start), "end_time": at(end)}
    return {"run_id": "r", "task_id": f"{name}-{start}", "display_name": name, "state": state, **times, **more}


def task(name: str, start: float, end: float, state: str = "SUCCEEDED", *attempts: tuple[float, float]) -> list[Any]:
    """The nodes of a task that ran in a container."""
    found = [node(f"{name}-driver", start - 5, start), node(name, start, end, state)]
    found.append(node("executor", start, end, state))
    found += [
        node(f"executor({number})", *times, state="FAILED" if times != attempts[-1] else state)
        for number, times in enumerate(attempts)
    ]
    return found


def run(*entries: Any, run_id: str = "r", state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    """The answer of `/runs/ID`."""
    flat = [item for entry in entries for item in (entry if isinstance(entry, list) else [entry])]
    ended: dict[str, Any] = {"created_at": at(0), "finished_at": at(600), "state": state}
    return {"run_id": run_id, "display_name": "a run", **ended, "run_details": {"task_details": flat}, **more}
