"""What the functions of a workflow gave that ran as an Argo Workflow."""

from __future__ import annotations

from typing import Any

from adapters.kfp.argo_runs import ArgoRun
from couler_plugins.engine_kit.legalize.python.runtime import typed_value
from engine_kit.legalize.python_steps import kinds_of
from engine_kit.legalize.python_workflows import Computed

__all__ = ["values_in"]


def values_in(run: ArgoRun, computed: Computed) -> dict[str, Any]:
    """By `step` or `step.output`; None where the step was skipped."""
    kinds = kinds_of(computed.workflow)
    return {key: _value(run, key, kinds[key]) for key in computed.given}


def _value(run: ArgoRun, key: str, kind: str) -> Any:
    name, _, output = key.partition(".")
    if run.states[name] == "Skipped":
        return None
    text = run.outputs[name][f"parameters.{output or 'result'}"]
    return typed_value("list", f"couler:{kind}:{text}", key) if ":" in kind else typed_value(kind, text, key)
