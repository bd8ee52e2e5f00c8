"""Where each step of a workflow stands, read from nodes as Argo 4.0.5 writes them, and told to the studio's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import NAMESPACE
from adapters.argo.running.cluster import Controller, part_of, stored
from adapters.argo.running.test_failing import Node, node
from adapters.argo.running.test_failing import workflow as workflow_of
from couler_argo.run.runner import ArgoRunner
from couler_argo.run.steps import steps_of
from couler_plugins.errors import InvalidInput


def workflow(*nodes: Node, name: str = "w", **metadata: Any) -> Node:
    """A workflow whose entry is in no graph."""
    document = workflow_of(*nodes, name=name, **metadata)
    document["status"]["nodes"][name]["boundaryID"] = ""
    return document


def told(document: dict[str, Any], within: str = "") -> list[tuple[str, str, str, bool]]:
    return [
        (step.status.step, step.status.node, step.status.phase, step.status.has_log)
        for step in steps_of(document, within)
    ]


@pytest.mark.parametrize(
    ("phase", "fields", "expected"),
    [
        ("Pending", {}, ("pending", False)),
        ("Running", {}, ("running", True)),
        ("Succeeded", {}, ("succeeded", True)),
        ("Succeeded", {"memoizationStatus": {"hit": True}}, ("cached", False)),
        ("Error", {}, ("failed", True)),
        ("Skipped", {"type": "Skipped"}, ("skipped", False)),
        ("Omitted", {"type": "Skipped"}, ("skipped", False)),
        ("Running", {"type": "Suspend"}, ("running", False)),
        ("A phase of tomorrow", {}, ("pending", False)),
    ],
)
def test_the_phase_of_a_step(phase: str, fields: dict[str, Any], expected: tuple[str, bool]) -> None:
    assert told(workflow(node("a", phase, **fields))) == [("a", "a", *expected)]


def test_steps_within_graphs_and_loops_have_their_paths() -> None:
    each = node("each(0:x/y)", "Succeeded", id="w-1", type="DAG")
    inner = node("fit", "Succeeded", id="w-2", boundaryID="w-1")
    each["name"], inner["name"] = "w.each(0:x/y)", "w.each(0:x/y).fit"
    group = node("each", "Succeeded", id="w-3", type="TaskGroup")
    assert told(workflow(inner, group, each), "part/") == [
        ("part/each(0:x/y)", "each", "succeeded", False),
        ("part/each(0:x/y)/fit", "each/fit", "succeeded", True),
    ]


def test_a_step_that_was_tried_again_is_one_step_with_its_last_attempt() -> None:
    attempts = [
        node(f"again({number})", "Failed", id=f"w-{number}", templateName="again", message=f"password=x {number}")
        for number in (0, 1)
    ]
    again = node("again", "Failed", type="Retry", children=["w-0", "w-1"], message="No more retries left")
    (step,) = steps_of(workflow(again, *attempts))
    assert (step.status.step, step.status.message) == ("again", "password=*** 1")
    assert [place.pod for place in step.containers] == ["w-again-1"]


def test_the_graph_of_an_attempt_is_the_graph() -> None:
    attempt = node("again(0)", "Running", id="w-1", type="DAG")
    again = node("again", "Running", id="w-2", type="Retry", children=["w-1"])
    inner = node("fit", "Running", id="w-3", boundaryID="w-1")
    steps = sorted(step[:2] for step in told(workflow(again, attempt, inner)))
    assert steps == [("again", "again"), ("again(0)/fit", "again/fit")]


def test_all_containers_of_a_set_are_read() -> None:
    pod = node("set", "Running", id="w-7")
    inner = [node(name, "Running", type="Container", boundaryID="w-7") for name in ("second", "first")]
    (step,) = steps_of(workflow(pod, *inner))
    assert [place.name for place in step.containers] == ["first", "second"]


def test_handlers_and_an_entry_without_a_graph_have_the_names_of_their_nodes() -> None:
    def top(name: str) -> dict[str, Any]:
        return {**node(name, "Succeeded", id=f"w-{len(name)}", boundaryID=""), "name": name}

    document = workflow()
    document["status"]["nodes"] = {
        "w": {**top("w"), "id": "w"},
        "w-8": top("w.onExit"),
        "w-15": top("w.hooks.running"),
    }
    assert [step[:2] for step in told(document)] == [
        ("entrypoint", "entrypoint"),
        ("onExit", "!0"),
        ("hooks.running", "!running"),
    ]


def test_what_cannot_be_read_has_no_steps() -> None:
    document = workflow(node("a", "Running"))
    document["status"]["compressedNodes"] = "no gzip"
    assert steps_of(document) == []
    ring = workflow(node("a", "Running", id="w-1", boundaryID="w-1"))  # it is in itself
    assert [step[0] for step in told(ring)] == ["a"]


def test_steps_of_parts_are_told_and_logs_are_those_of_a_step(server: ApiServer, runner: ArgoRunner) -> None:
    parent = workflow(node("part-1", "Running", boundaryID="big"), name="big", uid="u")
    server.put("workflows", {"kind": "Workflow", **parent, "metadata": {**parent["metadata"], "namespace": NAMESPACE}})
    name = part_of(server, "big", 1)
    part = server.get("workflows", NAMESPACE, name)
    part["status"] = {"phase": "Running", "nodes": {name: {"id": name, "type": "DAG"}}}
    part["status"]["nodes"]["x"] = node("fit", "Pending", boundaryID=name)
    server.put("workflows", part)
    steps = {step.step: step.node for step in runner.steps(f"{NAMESPACE}/big")}
    assert steps == {"part-1": "part-1", f"{name}/fit": "fit"}
    assert runner.log(f"{NAMESPACE}/big", f"{name}/fit", 5).note
    with pytest.raises(InvalidInput, match="no step 'nobody'"):
        runner.log(f"{NAMESPACE}/big", "nobody", 5)
    server.forbidden = {("list", "workflows")}  # running needs no right to list
    assert [step.step for step in runner.steps(f"{NAMESPACE}/big")] == ["part-1"]


def test_the_studio_tells_a_missing_right_before_anything_is_submitted(server: ApiServer, place: Path) -> None:
    pytest.importorskip("starlette")
    from couler_plugins.driver.session import session
    from couler_plugins.errors import EngineError
    from couler_plugins.inputs.sources import read_source
    from couler_plugins.options.config import Config
    from couler_plugins.studio.run_messages import RunRequest
    from couler_plugins.studio.runs import Runs
    from couler_plugins.studio.studio import Studio

    config = Config()
    runs = Runs(Studio(read_source(place / "big.yaml", config.max_bytes), config, session(config)))
    request = RunRequest(path="big.yaml")
    server.forbidden = {("create", "workflows")}
    with pytest.raises(EngineError, match=f"you may not create workflows in {NAMESPACE}"):
        runs.start(request)
    assert not stored(server, "workflows")
    server.forbidden = set()
    Controller(server)
    run = runs.start(request)
    while run.phase in ("pending", "running"):
        run = runs.view(run.run)
    assert (run.phase, run.outputs["score"]) == ("succeeded", "0.93")
    runs.close()
