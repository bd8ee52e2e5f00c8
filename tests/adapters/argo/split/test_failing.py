"""What happens to parts where a task fails, and when the parent is tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.split.cluster import Cluster
from adapters.argo.split.generating import workflow
from adapters.argo.split.runs import run
from adapters.argo.split.test_split import split
from adapters.argo.split.texts import Failed
from couler_plugins.api import optimize

BRANCHES = [[], [0], [], [2], [1, 3]]
"""Two branches and what needs both; the second task of the first one can be made to fail."""
BOOM = "boom"


@pytest.fixture(scope="module")
def whole() -> Any:
    data = workflow(BRANCHES, 1)
    for number, task in enumerate(data["spec"]["templates"][0]["dag"]["tasks"]):
        task["arguments"] = {"parameters": [{"name": "x", "value": BOOM if number == 1 else str(number)}]}
    return data


@pytest.fixture
def parts(whole: Any, tmp_path: Path) -> list[Any]:
    after = split(whole, tmp_path, into="workflows", max_steps=2)
    assert len(after) == 4
    return after


def failed(documents: list[Any], cluster: Cluster, uid: str = "uid-1", **parameters: str) -> Cluster:
    """What there is after a run that fails."""
    with pytest.raises(Failed):
        run(documents, uid, cluster, **parameters)
    return cluster


def test_the_others_go_on_and_what_depends_does_not_start(whole: Any, parts: list[Any]) -> None:
    before, after = failed([whole], Cluster(failing=BOOM)), failed(parts, Cluster(failing=BOOM))
    assert len(before.leaves) == 3
    assert after.leaves.keys() == before.leaves.keys()
    assert len(after.failed) == 1


def test_a_parent_that_is_tried_again_finds_the_failed_part_as_it_is(parts: list[Any]) -> None:
    cluster = failed(parts, Cluster(failing=BOOM))
    ran = dict(cluster.leaves)
    cluster.failing = ""
    assert failed(parts, cluster).leaves == ran
    assert failed(parts, cluster, "uid-2", couler_run="uid-1").leaves == ran


@pytest.mark.parametrize("again", [("uid-1", {}), ("uid-2", {"couler_run": "uid-1"})])
def test_parts_first_then_the_parent_does_the_rest_once(whole: Any, parts: list[Any], again: Any) -> None:
    cluster = failed(parts, Cluster(failing=BOOM))
    cluster.failing = ""
    cluster.retry_parts()
    uid, parameters = again
    assert run(parts, uid, cluster, **parameters).leaves.keys() == run([whole]).leaves.keys()


def test_a_new_run_does_everything_again(parts: list[Any]) -> None:
    cluster = failed(parts, Cluster(failing=BOOM))
    cluster.failing = ""
    assert len(run(parts, "uid-2", cluster).leaves) == 3 + len(BRANCHES)


def test_a_person_is_told_once_however_many_parts_there_are(whole: Any, tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(whole))
    for steps in (1, 2):
        reasons = [str(decision) for decision in optimize(file, f"split{{into=workflows,max-steps={steps}}}").decisions]
        assert sum("stop it with couler stop: argo stop" in reason for reason in reasons) == 1
        assert sum("retry its parts first: argo retry" in reason for reason in reasons) == 1
    inside = optimize(file, "split{into=graphs,max-steps=3}")
    assert inside.changed
    assert not any("argo stop" in str(decision) for decision in inside.decisions)
