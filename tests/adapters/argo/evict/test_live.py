"""Running workflows: which steps are still to come, what they wait for, and which artifacts may still be read."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from adapters.argo.evict.cluster import artifact, node, workflow
from couler_argo.live_runs import is_live, live_of
from couler_plugins.runs import Run

POD = {"container": {"image": "a"}}


def dag(name: str, **tasks: tuple[str, str]) -> dict[str, Any]:
    """A dag: for each task the template that it calls and the expression of what it depends on."""
    made = [
        {"name": task, "template": template, **({"depends": depends} if depends else {})}
        for task, (template, depends) in tasks.items()
    ]
    return {"name": name, "dag": {"tasks": made}}


def parents(run: Run | None) -> dict[str, tuple[str, set[str]]]:
    """For each step its fate and the names of its parents."""
    assert run is not None
    return {step.step: (step.fate, {run.steps[at].step for at in step.parents}) for step in run.steps}


def test_tasks_without_a_node_are_pending_and_wait_for_what_they_read() -> None:
    spec = {
        "entrypoint": "main",
        "templates": [
            dag("main", load=("pod", ""), fit=("pod", "load"), score=("pod", "fit && load"), report=("pod", "score")),
            {"name": "pod", **POD},
        ],
    }
    nodes = [
        node("w", "main", kind="DAG", phase="Running", children=["w-1"]),
        node("w-1", "pod", name="load", boundary="w", children=["w-2"]),
        node("w-2", "pod", name="fit", boundary="w", phase="Running"),
    ]
    assert parents(live_of(workflow("w", spec, nodes), 9.0).run) == {
        "main/load": ("computed", set()),
        "main/fit": ("pending", {"main/load"}),
        "main/score": ("pending", {"main/fit", "main/load"}),
        "main/report": ("pending", {"main/score"}),
    }


def test_steps_wait_for_the_whole_group_before_them() -> None:
    groups = [[{"name": "a", "template": "pod"}, {"name": "b", "template": "pod"}], [{"name": "c", "template": "pod"}]]
    groups += [[{"name": "d", "template": "pod"}, {"name": "e", "template": "pod"}]]
    spec = {"entrypoint": "main", "templates": [{"name": "main", "steps": groups}, {"name": "pod", **POD}]}
    nodes = [
        node("w", "main", kind="Steps", phase="Running", children=["w-g0"]),
        node("w-g0", "", kind="StepGroup", phase="Running", boundary="w", name="[0]", children=["w-1", "w-2"]),
        node("w-1", "pod", name="a", boundary="w"),
        node("w-2", "pod", name="b", boundary="w", phase="Running"),
    ]
    found = parents(live_of(workflow("w", spec, nodes), 9.0).run)
    assert found["main/c"] == ("pending", {"main/a", "main/b"})
    assert found["main/d"] == found["main/e"] == ("pending", {"main/c"})


def test_what_follows_a_graph_follows_what_is_last_in_it() -> None:
    spec = {
        "entrypoint": "main",
        "templates": [
            dag("main", inner=("sub", ""), after=("pod", "inner"), later=("sub", "after"), end=("pod", "later")),
            dag("sub", x=("pod", ""), y=("pod", "x")),
            {"name": "pod", **POD},
        ],
    }
    nodes = [
        node("w", "main", kind="DAG", phase="Running", children=["w-s"]),
        node("w-s", "sub", kind="DAG", phase="Running", name="inner", boundary="w", children=["w-x"]),
        node("w-x", "pod", name="x", boundary="w-s"),
    ]
    found = parents(live_of(workflow("w", spec, nodes), 9.0).run)
    assert found["main/inner/sub/y"] == ("pending", {"main/inner/sub/x"})
    assert found["main/after"] == ("pending", {"main/inner/sub/y"})
    assert found["main/later"] == ("pending", {"main/after"})
    assert found["main/end"] == ("pending", {"main/later"})
    nodes[1] = {**nodes[1], "phase": "Succeeded", "outboundNodes": ["w-y"]}
    nodes[2]["children"] = ["w-y"]
    nodes.append(node("w-y", "pod", name="y", boundary="w-s"))
    found = parents(live_of(workflow("w", spec, nodes), 9.0).run)
    assert found["main/inner/sub/y"] == ("computed", {"main/inner/sub/x"})
    assert found["main/after"] == ("pending", {"main/inner/sub/y"})


def test_what_follows_a_graph_that_is_done_does_not_follow_what_came_after_it() -> None:
    spec = {
        "entrypoint": "main",
        "templates": [
            dag("main", inner=("sub", ""), middle=("pod", "inner"), after=("pod", "inner")),
            dag("sub", x=("pod", "")),
            {"name": "pod", **POD},
        ],
    }
    done = {"outboundNodes": ["w-x"]}
    nodes = [
        node("w", "main", kind="DAG", phase="Running", children=["w-s"]),
        {**node("w-s", "sub", kind="DAG", name="inner", boundary="w", children=["w-x"]), **done},
        node("w-x", "pod", name="x", boundary="w-s", children=["w-m"]),
        node("w-m", "pod", name="middle", boundary="w", phase="Running"),
    ]
    assert parents(live_of(workflow("w", spec, nodes), 9.0).run)["main/after"] == ("pending", {"main/inner/sub/x"})


def test_the_template_that_a_workflow_was_started_from_counts() -> None:
    stored = {"entrypoint": "main", "templates": [dag("main", a=("pod", ""), b=("pod", "a")), {"name": "pod", **POD}]}
    nodes = [
        node("w", "main", kind="DAG", phase="Running", children=["w-1"]),
        node("w-1", "pod", name="a", boundary="w"),
    ]
    made = workflow("w", {"workflowTemplateRef": {"name": "lib"}}, nodes, storedWorkflowTemplateSpec=stored)
    run = live_of(made, 9.0).run
    assert run is not None
    assert run.family == "lib"
    assert run.at == 9.0
    assert parents(run)["main/b"] == ("pending", {"main/a"})


def test_every_artifact_that_a_running_workflow_names_counts_as_read() -> None:
    spec: dict[str, Any] = {
        "entrypoint": "pod",
        "arguments": {"parameters": [{"name": "u", "value": "s3://b/p%2Fold-2/x.tgz"}]},
    }
    spec["templates"] = [{"name": "pod", **POD}]
    nodes = [node("w", "pod", phase="Running", outputs={"artifacts": [artifact("w/w-pod-77/x.tgz")]})]
    words = live_of(workflow("w", spec, nodes), 0.0).words
    assert words is not None
    assert {"w-pod-77", "old-2"} <= words
    packed = base64.b64encode(gzip.compress(json.dumps({item["id"]: item for item in nodes}).encode())).decode()
    words = live_of(workflow("w", spec, compressedNodes=packed), 0.0).words
    assert words is not None
    assert "w-pod-77" in words


def test_nodes_that_cannot_be_read_are_unknown() -> None:
    spec = {"entrypoint": "pod", "templates": [{"name": "pod", **POD}]}
    assert live_of(workflow("w", spec, compressedNodes="KLUv/QRY"), 0.0) == (
        None,
        None,
    )  # zstd, which Argo 4.1 can write
    assert live_of(workflow("w", spec, offloadNodeStatusVersion="v1"), 0.0) == (None, None)


def test_a_workflow_that_cannot_be_understood_still_names_its_artifacts() -> None:
    nodes = [node("w", "main", kind="DAG", phase="Running", outputs={"artifacts": [artifact("w/w-pod-77/x.tgz")]})]
    for spec in ({"entrypoint": 3, "templates": "none"}, {}, {"templates": [{"name": "main", "dag": {"tasks": 5}}]}):
        live = live_of(workflow("w", spec, nodes), 0.0)
        assert live.words is not None
        assert "w-pod-77" in live.words


def test_what_has_ended_is_not_live() -> None:
    assert is_live(workflow("w", {}))
    assert is_live(workflow("w", {}, phase="Pending"))
    assert not any(is_live(workflow("w", {}, phase=phase)) for phase in ("Succeeded", "Failed", "Error"))
    fresh = workflow("w", {})
    del fresh["status"], fresh["metadata"]["labels"]
    assert is_live(fresh)


def test_what_follows_a_retried_step_is_still_to_come() -> None:
    templates = [dag("main", a=("pod", ""), b=("pod", "a")), {"name": "pod", **POD}]
    nodes = [
        node("w", "main", kind="DAG", phase="Running", children=["w-a"]),
        node("w-a", "pod", name="a", kind="Retry", boundary="w", children=["w-a0"]),
        node("w-a0", "pod", name="a(0)", boundary="w"),
    ]
    live = live_of(workflow("w", {"entrypoint": "main", "templates": templates}, nodes), 9.0)
    assert parents(live.run) == {"main/a": ("computed", set()), "main/b": ("pending", {"main/a"})}
