"""The optimizer `split` over Argo workflows: when it splits, into what, what it says, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.split.generating import layered, workflow
from couler_plugins.api import Result, lift, optimize
from couler_plugins.driver.context import RunContext
from couler_plugins.errors import CoulerError
from couler_plugins.options.config import load_config
from couler_plugins.parallelism.optimizer import Split
from couler_plugins.plan import Part, Plan
from couler_plugins.plugins import load_plugins
from support import ROOT

pytestmark = pytest.mark.sampled

STORED = ("Workflow", "WorkflowTemplate")


def result_of(tmp_path: Path, data: Any, pipeline: str) -> Result:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(data))
    return optimize(file, pipeline)


def graphs_of(documents: Any) -> list[int]:
    """How many tasks each DAG has."""
    stored = (document for document in documents if document["kind"] in STORED)
    return [len(item["dag"]["tasks"]) for document in stored for item in document["spec"]["templates"] if "dag" in item]


def planned(data: Any, tmp_path: Path, split: Split, previous: tuple[Part, ...] = ()) -> Plan:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(data))
    plan = lift(file)
    return split.run(plan, RunContext(load_plugins(load_config()), previous=previous))


def test_what_is_small_enough_stays(tmp_path: Path) -> None:
    result = result_of(tmp_path, workflow(layered(200, 10)), "split")
    assert not result.changed
    assert result.decisions == ()


def test_too_many_tasks_become_graphs_of_the_same_workflow(tmp_path: Path) -> None:
    result = result_of(tmp_path, workflow(layered(450, 10)), "split")
    assert result.added == ""
    (document,) = result.documents
    assert min(graphs_of([document])) == 3
    assert max(graphs_of([document])) <= 200
    assert any("450 steps of at most 200" in decision.reason for decision in result.decisions)


def test_too_many_bytes_become_workflows(tmp_path: Path) -> None:
    result = result_of(tmp_path, workflow(layered(450, 5)), "split{max-bytes=60kB}")
    made = [document for document in result.documents if document["kind"] in STORED]
    assert len(made) > 3
    assert all(len(json.dumps(document, separators=(",", ":"))) <= 60_000 for document in made)


def test_splitting_again_changes_nothing(tmp_path: Path) -> None:
    first = result_of(tmp_path, workflow(layered(450, 5)), "split{max-bytes=60kB}")
    again = optimize(list(first.documents), "split{max-bytes=60kB}")
    assert not again.changed


def test_a_coordinator_that_is_too_big_is_split_again(tmp_path: Path) -> None:
    result = result_of(tmp_path, workflow(layered(450, 1)), "split{into=workflows,max-steps=2}")
    assert max(graphs_of(result.documents)) <= 200


def test_parts_of_one_step_each(tmp_path: Path) -> None:
    result = result_of(tmp_path, workflow([[], [0], [1]]), "split{into=workflows,max-steps=1}")
    assert len([document for document in result.documents if document["kind"] == "WorkflowTemplate"]) == 3


def test_a_later_split_follows_an_earlier_one(tmp_path: Path) -> None:
    data = workflow(layered(300, 10))
    split = Split(into="workflows", max_steps=40)
    before = planned(data, tmp_path, split).parts
    tasks = data["spec"]["templates"][0]["dag"]["tasks"]
    tasks.insert(150, {**tasks[150], "name": "added"})
    after = planned(data, tmp_path, split, before).parts
    old = {step: part.name for part in before for step in part.steps}
    new = {step: part.name for part in after for step in part.steps}
    assert sum(old[step] == new[step] for step in old) >= 0.9 * len(old)
    assert new.keys() - old.keys() == {"added"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("max-steps=0", "a budget of 0 steps"),
        ("max-bytes=0", "a budget of 0 bytes"),
        ("max-pods=-1", "a budget of -1 pods"),
        ("max-bytes=900", "alone takes"),
        ("partitioner=nobody", "nobody"),
        ("into=graphs,max-bytes=8kB", "leave out into=graphs"),
    ],
)
def test_what_cannot_be(tmp_path: Path, options: str, reason: str) -> None:
    with pytest.raises(CoulerError) as error:
        _ = result_of(tmp_path, workflow(layered(60, 5)), f"split{{{options}}}").documents
    assert reason in f"{error.value} {error.value.hint}"


def test_a_part_is_not_called_as_something_that_is_there(tmp_path: Path) -> None:
    taken = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "big-part-1"},
        "spec": {"templates": [{"name": "x", "suspend": {}}]},
    }
    with pytest.raises(CoulerError, match="split part name 'big-part-1' collides with an existing WorkflowTemplate"):
        _ = optimize([workflow([[], [0], [1]]), taken], "split{into=workflows,max-steps=1}").documents


def test_a_workflow_of_one_step(tmp_path: Path) -> None:
    assert not result_of(tmp_path, workflow([[]]), "split{max-steps=1}").changed


@pytest.mark.slow
def test_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow(layered(300, 7))))
    code = "import sys; from couler_plugins.api import optimize; print(optimize(sys.argv[1], sys.argv[2]).text)"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(file), "split{max-bytes=50kB}"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(texts) == 1
