"""Runs the steps of embedded tasks as programs, one after the other, as far as the tests of tuning need it.

Sources: `docs/variables.md` and `docs/tasks.md`; `createResultsCacheMatrixedTaskRuns` in
`pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go`: results of a matrix are sorted by the names of its
TaskRuns, and those of failed ones count, as far as they were left.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Ran", "gathered", "run_matrix", "run_task"]

Data = dict[str, Any]


class Ran(NamedTuple):
    """A TaskRun: whether it ended well, and what it left."""

    well: bool
    results: dict[str, str]


def run_task(spec: Data, given: Mapping[str, str | list[str]], folder: Path) -> Ran:
    """Runs the steps of a task until one fails."""
    folder.mkdir(parents=True)
    known = {item["name"]: item["default"] for item in spec.get("params") or () if "default" in item} | dict(given)
    places = {item["name"]: folder / item["name"] for item in spec.get("results") or ()}
    values = {f"params.{name}": value for name, value in known.items()}
    values |= {f"results.{name}.path": str(place) for name, place in places.items()}
    well = True
    for number, step in enumerate(spec["steps"]):
        script = folder / f"step-{number}"
        script.write_text(_filled(step["script"], values))
        script.chmod(0o700)
        env = {item["name"]: _filled(item["value"], values) for item in step.get("env") or ()}
        args = [text for item in step.get("args") or () for text in _words(item, values)]
        path = {"PATH": os.environ["PATH"]}
        done = subprocess.run([str(script), *args], env=path | env, cwd=folder, capture_output=True, check=False)
        if done.returncode:
            well = False
            break
    return Ran(well, {name: place.read_text() for name, place in places.items() if place.exists()})


def run_matrix(task: Data, given: Mapping[str, str], folder: Path) -> list[Ran]:
    """The TaskRuns of a task whose matrix has includes and nothing else."""
    rows = [{item["name"]: item["value"] for item in row["params"]} for row in task["matrix"]["include"]]
    return [run_task(task["taskSpec"], {**given, **row}, folder / str(number)) for number, row in enumerate(rows)]


def gathered(runs: list[Ran], name: str) -> list[str]:
    """A result of a matrix, all runs together."""
    names = sorted(range(len(runs)), key=lambda number: f"run-{number}")
    assert name in runs[names[0]].results, "MissingResultReference: the whole run fails"
    return [runs[number].results[name] for number in names if name in runs[number].results]


def _words(text: str, values: Mapping[str, str | list[str]]) -> list[str]:
    star = re.fullmatch(r"\$\((params\.[\w-]+)\[\*\]\)", text)
    if star:
        held = values[star[1]]
        assert isinstance(held, list)
        return held
    return [_filled(text, values)]


def _filled(text: str, values: Mapping[str, str | list[str]]) -> str:
    return re.sub(r"\$\(((?:params|results)\.[\w.-]+)\)", lambda found: str(values[found[1]]), text)
