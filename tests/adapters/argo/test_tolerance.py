"""Which failures a run of Argo survives, by what its templates and its nodes say."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.argo.statuses import node, workflow
from couler_argo.history import run_of

FAILED: dict[str, Any] = {"phase": "Failed", "message": "main: Error (exit code 1)"}
WORK = {"name": "work", "container": {"image": "work:1"}}


def tolerated(*templates: dict[str, Any], phase: str = "Failed", **nodes: Any) -> list[str]:
    """The steps that a run survives, or would have; the first template is the entry, `main`."""
    data = workflow(nodes)
    data["spec"] = {"templates": [*templates, WORK]}
    data["status"]["phase"] = data["status"]["nodes"]["main"]["phase"] = phase
    run = run_of(data)
    assert run is not None
    return [ran.step for ran in run.steps if ran.tolerated]


def dag(*tasks: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return {"name": name, "dag": {"tasks": list(tasks)}}


@pytest.mark.parametrize(
    ("allowed", "phase", "is_tolerated"),
    [
        ({"failed": True}, "Failed", True),
        ({"error": True}, "Error", True),
        ({"error": True, "failed": True}, "Error", True),
        ({"failed": True}, "Error", False),
        ({"error": True}, "Failed", False),
        ({"failed": False}, "Failed", False),
        ({}, "Failed", False),
    ],
)
@pytest.mark.parametrize("kind", ["dag", "steps"])
def test_continue_on_is_by_phase(allowed: dict[str, bool], phase: str, is_tolerated: bool, kind: str) -> None:
    one, other = {"name": "a", "template": "work", "continueOn": allowed}, {"name": "b", "template": "work"}
    graph = dag(one, {**other, "dependencies": ["a"]}) if kind == "dag" else {"name": "main", "steps": [[one], [other]]}
    failing = node("Pod", "a", phase=phase, message="x")
    after = node("Pod", "b", **FAILED) if is_tolerated else node("Skipped", "b", phase="Omitted")
    assert tolerated(graph, a=failing, b=after) == (["main/a"] if is_tolerated else [])


def test_attempts_and_items_are_those_of_their_call() -> None:
    call = {"name": "a", "template": "work", "continueOn": {"failed": True}}
    retry = node("Retry", "a", "a0", **FAILED)
    attempt = node("Pod", "a(0)", nodeFlag={"retried": True}, **FAILED)
    assert tolerated(dag(call, {"name": "b", "template": "work"}), a=retry, a0=attempt) == ["main/a"]
    items: dict[str, Any] = {name: node("Pod", f"a({name}:x)", **FAILED) for name in "01"}
    assert tolerated(dag(call), g=node("TaskGroup", "a", "0", "1", **FAILED), **items) == ["main/a(0:x)", "main/a(1:x)"]


@pytest.mark.parametrize(
    ("depends", "nodes", "is_tolerated"),
    [
        ("a.Failed || a.Errored", {"b": "Succeeded"}, True),
        ("(a.Failed && !x-a.Succeeded)", {"b": "Failed"}, True),  # b is to blame
        ("a.Failed", {"b": "Running"}, True),
        ("a", {"b": "Omitted"}, False),
        ("a.Failed", {"b": "Skipped"}, False),  # by its `when`: it ends as what is before it
        ("a.Failed", {}, False),  # nobody knows yet
        ("x-a.Failed", {"b": "Succeeded"}, False),
    ],
)
def test_who_depends_on_a_failure_and_runs_makes_good_for_it(
    depends: str, nodes: dict[str, str], is_tolerated: bool
) -> None:
    graph = dag({"name": "a", "template": "work"}, {"name": "b", "template": "work", "depends": depends})
    more: dict[str, Any] = {name: node("Pod", name, phase=phase) for name, phase in nodes.items()}
    assert tolerated(graph, a=node("Pod", "a", **FAILED), **more) == (["main/a"] if is_tolerated else [])


def test_all_that_comes_next_has_to_run() -> None:
    tasks = [{"name": "b", "depends": "a.Failed"}, {"name": "c", "depends": "a"}]
    graph = dag({"name": "a", "template": "work"}, *tasks)
    nodes: dict[str, Any] = {"a": node("Pod", "a", **FAILED), "b": node("Pod", "b")}
    nodes["c"] = node("Skipped", "c", phase="Omitted")
    assert tolerated(graph, **nodes) == []


def test_a_hook_is_nothing_that_comes_next() -> None:
    graph = dag({"name": "a", "template": "work", "hooks": {"exit": {"template": "work"}}})
    hook = node("Pod", "a.onExit", nodeFlag={"hooked": True})
    assert tolerated(graph, a=node("Pod", "a", "h", **FAILED), h=hook) == []


def test_a_graph_may_be_tolerated_and_all_in_it_is() -> None:
    inner = dag({"name": "x", "template": "work"}, name="inner")
    group = node("DAG", "a", "x", templateName="inner", **FAILED)
    failing = node("Pod", "x", boundaryID="g", **FAILED)
    lenient = dag({"name": "a", "template": "inner", "continueOn": {"failed": True}})
    assert tolerated(lenient, inner, g=group, x=failing) == ["main/a/inner/x"]
    assert tolerated(dag({"name": "a", "template": "inner"}), inner, g=group, x=failing) == []
    lenient = dag({"name": "a", "template": "inner"}, {"name": "b", "template": "work", "depends": "a.Failed"})
    assert tolerated(lenient, inner, g=group, x=failing, b=node("Pod", "b")) == ["main/a/inner/x"]


def test_what_a_graph_that_ended_well_had_is_tolerated_whatever_its_template_says() -> None:
    group = node("DAG", "a", "x", templateName="inner")
    failing = node("Pod", "x", boundaryID="g", **FAILED)
    assert tolerated(dag({"name": "a", "template": "inner"}), g=group, x=failing) == ["main/a/inner/x"]
    assert tolerated(dag(), phase="Succeeded", a=node("Pod", "a", **FAILED)) == ["main/a"]
    attempt = node("DAG", "a(0)", "x", templateName="inner", nodeFlag={"retried": True}, **FAILED)
    again = node("DAG", "a(1)", templateName="inner", nodeFlag={"retried": True})
    retry = node("Retry", "a", "g", "again", templateName="inner")
    assert tolerated(dag(), r=retry, g=attempt, again=again, x=failing) == ["main/a/inner/x"]


def test_the_last_step_fails_its_run() -> None:
    assert tolerated(dag({"name": "a", "template": "work"}), a=node("Pod", "a", **FAILED)) == []
    assert tolerated(a=node("Pod", "a", boundaryID="", **FAILED)) == []
