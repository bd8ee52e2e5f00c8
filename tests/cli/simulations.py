"""Traces for `couler simulate`, and what it says of them as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

__all__ = ["CHAIN", "QUICK", "Couler", "record", "trace"]

Couler = Callable[..., Result]
QUICK = ("--runs", "12", "--seeds", "2", "--jobs", "1")
CHAIN = {"load": [], "clean": ["load"], "train": ["clean"], "test": ["train", "clean"], "report": ["test"]}


def trace(name: str, parents: dict[str, list[str]], **seconds: float) -> str:
    """A trace whose tasks make 1 MB each."""
    tasks = [
        {"name": step, "id": step, "parents": above, "children": [], "outputFiles": [f"{step}.out"]}
        for step, above in parents.items()
    ]
    files = [{"id": f"{step}.out", "sizeInBytes": 10**6} for step in parents]
    took = [{"id": step, "runtimeInSeconds": seconds.get(step, 60.0)} for step in parents]
    content = {"specification": {"tasks": tasks, "files": files}, "execution": {"tasks": took}}
    return json.dumps({"name": name, "schemaVersion": "1.5", "workflow": content})


def record(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["schema"] == "couler.simulate/v1"
    return dict(found)
