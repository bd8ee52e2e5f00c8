"""Functions of Python compute on Argo what they compute elsewhere: their scripts are really run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.argo_runs import ArgoRun
from adapters.subjects import ARGO
from couler_plugins.errors import InvalidInput
from couler_plugins.portable.python.runtime import typed_value
from portable.python_steps import kinds_of, plan_of, step, workflow_of
from portable.python_workflows import COMPUTED, LOOPS, SQUARE

CASES = {**COMPUTED, **LOOPS}


def lowered(workflow: Any) -> Any:
    (document,) = ARGO.adapter.lower(plan_of(workflow, ARGO.adapter), ARGO.adapter.options()).added
    return document


def value_in(run: ArgoRun, key: str, kind: str) -> Any:
    name, _, output = key.partition(".")
    if run.states[name] == "Skipped":
        return None
    text = run.outputs[name][f"parameters.{output or 'result'}"]
    return typed_value("list", f"couler:{kind}:{text}", key) if ":" in kind else typed_value(kind, text, key)


@pytest.mark.parametrize("name", list(CASES))
def test_values(name: str, tmp_path: Path) -> None:
    computed = CASES[name]
    run = ArgoRun(lowered(computed.workflow), tmp_path)
    problems = [file.read_text() for file in tmp_path.rglob("stderr")]
    assert (run.state, problems) == ("Succeeded", [])
    kinds = kinds_of(computed.workflow)
    assert {key: value_in(run, key, kinds[key]) for key in computed.given} == computed.given


def test_constants_of_another_kind_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"passes '2\.5' as 'x', which takes a value of the kind int"):
        lowered(workflow_of([SQUARE], step("square", "square", x=2.5)))
