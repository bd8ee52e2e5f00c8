"""Values that past runs tell the size of count where a part hands them out, and wherever a task reads them."""

from __future__ import annotations

import json
from pathlib import Path

from adapters.tekton.split.generating import chain
from adapters.tekton.split.runs import Data, splitting
from adapters.tekton.test_runs import pipeline_run, task_run
from couler_plugins.api import optimize
from couler_plugins.driver.results import Result
from couler_plugins.options.config import Config

TASKS, BYTES, MOST = 40, 150, 20_000


def reading() -> Data:
    """A chain, where all tasks read what the first one made as well."""
    run = chain(TASKS)
    for task in run["spec"]["pipelineSpec"]["tasks"][2:]:
        task["params"].append({"name": "first", "value": "$(tasks.t0.results.text)"})
        task["taskSpec"]["params"].append({"name": "first"})
    return run


def history(folder: Path, size: int) -> str:
    """A past run of it, in which each task handed out so many bytes."""
    results = [{"name": "text", "type": "string", "value": "x" * size}]
    taken = [task_run("big", f"t{number}", number, number + 1, results=results) for number in range(TASKS)]
    past = pipeline_run("big", reading()["spec"]["pipelineSpec"]["tasks"])
    del past["metadata"]["generateName"]
    path = folder / "runs.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [past, *taken]}))
    return str(path)


def cut(*past: str) -> Result:
    return optimize([reading()], splitting(f"max-bytes={MOST}"), config=Config(history=past))


def test_what_is_known_to_be_large_counts(tmp_path: Path) -> None:
    parts = [
        len([item for item in found.decisions if item.action == "make a part"])
        for found in (cut(), cut(history(tmp_path, 1)), cut(history(tmp_path, BYTES)))
    ]
    assert parts[0] <= parts[1] < parts[2]


def test_the_estimate_of_a_part_has_the_values_in_it(tmp_path: Path) -> None:
    """The part that reads the first task's result: once in its spec, and once for each of its tasks in its status."""
    result = cut(history(tmp_path, BYTES))
    documents = {item["metadata"]["name"]: item for item in result.documents}
    estimates = {item.subject: dict(item.figures) for item in result.decisions if item.action == "make a part"}
    checked = 0
    for subject, figures in estimates.items():
        spec = documents[f"big-{subject.rpartition('/')[2]}"]["spec"]
        text = json.dumps(spec)
        passed = [item["name"] for item in spec.get("params") or () if item["name"].startswith("t")]
        held = sum(BYTES * (1 + text.count(f"$(params.{name})")) for name in passed)
        held += BYTES * len(spec.get("results") or ())
        checked += bool(held)
        assert figures["bytes"] + held <= figures["estimated bytes"] <= MOST  # type: ignore[operator]
    assert checked > 2
