"""A template that many tasks call counts once in each part, as it is written once in each part."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.split.chains import Chain
from adapters.argo.split.generating import layered, workflow
from adapters.argo.split.test_split import differences, split
from couler_argo.split.splitting import splitting_of
from couler_plugins.api import lift


def sharing(tasks: int, templates: int, size: int) -> Any:
    """Tasks that call a few large templates."""
    data = workflow(layered(tasks, 20))
    main, leaf, *_ = data["spec"]["templates"]
    padded = {**leaf["container"], "env": [{"name": "TEXT", "value": "x" * size}]}
    leaves = [{**copy.deepcopy(leaf), "name": f"kind-{kind}", "container": padded} for kind in range(templates)]
    data["spec"]["templates"] = [main, *leaves]
    chance = random.Random(0)
    for task in main["dag"]["tasks"]:
        task["template"] = f"kind-{chance.randrange(templates)}"
    return data


def made_of(data: Any, tmp_path: Path, **options: Any) -> list[Any]:
    after = split(data, tmp_path, into="workflows", **options)
    assert differences(data, after) == []
    return [document for document in after if document["kind"] == "WorkflowTemplate"]


@pytest.mark.slow
def test_large_templates_do_not_multiply_parts(tmp_path: Path) -> None:
    data = sharing(1_000, 20, 8_000)
    parts = made_of(data, tmp_path, max_bytes="250kB")
    assert max(len(json.dumps(part, separators=(",", ":"))) for part in parts) <= 250_000
    assert len(parts) <= 6, "five would do for the tasks alone"


@pytest.mark.slow
def test_parts_have_as_many_tasks_as_a_dag_may_where_templates_are_few(tmp_path: Path) -> None:
    parts = made_of(sharing(600, 5, 10), tmp_path, partitioner="levels")
    assert [len(template["dag"]["tasks"]) for part in parts for template in part["spec"]["templates"][1:2]] == [200] * 3


@pytest.mark.slow
def test_parts_have_no_more_templates_than_a_workflow_may(tmp_path: Path) -> None:
    data = sharing(450, 450, 10)
    for number, task in enumerate(data["spec"]["templates"][0]["dag"]["tasks"]):
        task["template"] = f"kind-{number}"
    parts = made_of(data, tmp_path, partitioner="levels")
    assert max(len(part["spec"]["templates"]) for part in parts) == 200


def test_what_a_task_calls_through_others_is_shared_too() -> None:
    chain = Chain()
    inner = {"name": "s", "template": "kind-0", "arguments": {"parameters": [{"name": "x", "value": "1"}]}}
    chain.spec["templates"].append({"name": "nested", "steps": [[inner]]})
    chain.tasks[1].update(template="nested", arguments={})
    chain.tasks[2]["arguments"]["parameters"][0]["value"] = "2"
    plan = lift([chain.data])
    (lifted,) = plan.workflows
    facet = splitting_of(lifted, plan)
    assert facet is not None
    loads = {step.name: facet.load(step) for step in lifted.graphs[0].steps}
    assert set(loads["t0"].called) == {"kind-0"}
    assert set(loads["t1"].called) == {"kind-0", "nested"}
    assert loads["t0"].called["kind-0"] == loads["t1"].called["kind-0"] > loads["t0"].bytes
