"""Argo workflows that are too big, small enough for tests, and past runs of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CHAINS", "history", "write_workflow"]

CHAINS: dict[str, list[str]] = {
    "load": [],
    "left-1": ["load"],
    "left-2": ["left-1"],
    "right-1": ["load"],
    "right-2": ["right-1"],
    "join": ["left-2", "right-2"],
}
"""Two chains between a first and a last task."""


def write_workflow(path: Path, tasks: Mapping[str, Sequence[str]], name: str = "big") -> Path:
    """Writes a workflow whose tasks hand a parameter to those that depend on them."""
    written = []
    for task, above in tasks.items():
        text = " ".join(f"{{{{tasks.{one}.outputs.parameters.o}}}}" for one in above)
        arguments = {"parameters": [{"name": "x", "value": text or "1"}]}
        written.append({"name": task, "template": "work", "depends": " && ".join(above), "arguments": arguments})
    work = {
        "name": "work",
        "inputs": {"parameters": [{"name": "x"}]},
        "container": {"image": "image", "args": ["{{inputs.parameters.x}}"]},
        "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]},
    }
    data: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": written}}, work]},
    }
    path.write_text(json.dumps(data))
    return path


def history(path: Path, tasks: Mapping[str, Sequence[str]], seconds: Mapping[str, float], name: str = "big") -> Path:
    """Writes a trace of a run."""
    steps = [{"name": step, "id": step, "parents": list(above), "children": []} for step, above in tasks.items()]
    took = [{"id": step, "runtimeInSeconds": seconds[step]} for step in tasks if step in seconds]
    content = {"specification": {"tasks": steps, "files": []}, "execution": {"tasks": took}}
    path.write_text(json.dumps({"name": name, "schemaVersion": "1.5", "workflow": content}))
    return path
