"""Runs pipelines of Python components here, by `kfp.local`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

__all__ = ["run_here"]


def run_here(spec: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the tasks of a pipeline gave, by `task` or `task.output`; a list for a loop."""
    from kfp import components, local
    from kfp.local import io

    from couler_kfp.run.offline import check_runs_here, offline

    found: dict[str, Any] = {}
    put = io.IOStore.put_task_output

    def told(store: Any, task_name: str, key: str, value: Any) -> None:
        found[task_name if key == "Output" else f"{task_name}.{key}"] = value
        put(store, task_name, key, value)

    monkeypatch.setattr(io.IOStore, "put_task_output", told)
    check_runs_here(spec, "pipeline")
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder))
    with suppress(RuntimeError):  # it fails
        components.load_component_from_text(json.dumps(offline(spec), ensure_ascii=False))()
        found["well"] = True
    return found
