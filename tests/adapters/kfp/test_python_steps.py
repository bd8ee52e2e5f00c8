"""Functions of Python are lightweight components of KFP, and compute there what they compute elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import KFP
from couler_plugins.portable.python.runtime import typed_value
from portable.python_steps import kinds_of, plan_of
from portable.python_workflows import COMPUTED, LOOPS

pytest.importorskip("kfp", reason="needs kfp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # of kfp, its local runner and its libraries
CASES = {**COMPUTED, **LOOPS}


def lowered(workflow: Any) -> Any:
    (document,) = KFP.adapter.lower(plan_of(workflow, KFP.adapter), KFP.adapter.options()).added
    return document


def run_here(spec: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the tasks of a pipeline gave, by `task` or `task.output`; a list for a loop."""
    from kfp import components, local
    from kfp.local import io

    from couler_kfp.runner_offline import check_runs_here, offline

    found: dict[str, Any] = {}
    put = io.IOStore.put_task_output

    def told(store: Any, task_name: str, key: str, value: Any) -> None:
        found[task_name if key == "Output" else f"{task_name}.{key}"] = value
        put(store, task_name, key, value)

    monkeypatch.setattr(io.IOStore, "put_task_output", told)
    check_runs_here(spec, "pipeline")
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder))
    components.load_component_from_text(json.dumps(offline(spec), ensure_ascii=False))()
    return found


@pytest.mark.parametrize("name", list(CASES))
def test_values(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = CASES[name]
    found = run_here(lowered(computed.workflow), tmp_path, monkeypatch)
    kinds = kinds_of(computed.workflow)

    def value(key: str) -> Any:
        kind = kinds[key].partition(":")[0]
        return typed_value(kind, found[key], key) if key in found else None

    assert {key: value(key) for key in computed.given} == computed.given
