"""A workflow with a step that trains, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from couler_plugins.api import Result, Text, optimize
from couler_plugins.documents import read
from couler_plugins.options.config import Config

__all__ = ["MANIFEST", "TRIALS", "auc", "document", "in_steps", "tuned"]

MANIFEST = (Path(__file__).parent / "churn.yaml").read_text()
TRIALS = "tune{trials=6,tuner='optuna{seed=3}'}"


def tuned(text: str, pipeline: str = TRIALS, name: str = "churn.yaml") -> Result:
    return optimize(Text(text, name), pipeline, config=Config())


def document(text: str) -> Any:
    (found,) = read(text, "w.yaml").documents
    return found.data


def auc(rate: float, depth: int) -> float:
    """What the training measures."""
    return 0.9 - abs(rate - 0.03) - 0.01 * abs(depth - 5)


def in_steps(text: str) -> str:
    """The manifest with the tasks of its DAG as steps."""
    data = document(text)
    main = data["spec"]["templates"][0]
    tasks = [{key: value for key, value in task.items() if key != "depends"} for task in main.pop("dag")["tasks"]]
    main["steps"] = [[json.loads(json.dumps(task).replace("{{tasks.", "{{steps."))] for task in tasks]
    return json.dumps(data)
