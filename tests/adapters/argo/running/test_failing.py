"""Which steps of a workflow failed, read from nodes as Argo 4.0.5 writes them."""

from __future__ import annotations

from typing import Any

import pytest

from couler_argo.run.runner import failed_of, own_lines
from couler_plugins.engine_kit.kubernetes.failing import Failed, failures
from couler_plugins.engine_kit.kubernetes.step_logs import Container

Node = dict[str, Any]


def node(name: str, phase: str, **fields: Any) -> Node:
    shown = {"displayName": name, "type": "Pod", "templateName": name, "message": f"{name} says"}
    return {"id": f"w-{sum(name.encode())}", "phase": phase, "boundaryID": "w"} | shown | fields


def workflow(*nodes: Node, name: str = "w", **metadata: Any) -> Node:
    root = node(name, "Failed", id=name, type="DAG", message="")
    status = {"nodes": {each["id"]: each for each in (root, *nodes)}}
    return {"metadata": {"name": name, "namespace": "ml", **metadata}, "spec": {}, "status": status}


def test_a_step_is_told_with_its_pod() -> None:
    bad = node("bad", "Failed", id="w-77")
    assert failed_of([workflow(node("good", "Succeeded"), bad)]) == [
        Failed("bad", "bad says", Container("ml", "w-bad-77", "main"))
    ]
    old = {"workflows.argoproj.io/pod-name-format": "v1"}
    assert failed_of([workflow(bad, annotations=old)])[0].container == Container("ml", "w-77", "main")
    only = workflow()
    only["status"]["nodes"] = {"w": node("w", "Error", id="w", templateName="main")}  # the entrypoint is no graph
    assert failed_of([only])[0].container == Container("ml", "w", "main")


def test_of_a_step_that_was_tried_again_the_last_attempt_counts() -> None:
    attempts = [node(f"again({number})", "Failed", id=f"w-{number}", templateName="again") for number in (1, 2)]
    again = node("again", "Failed", type="Retry", children=["w-1", "w-2"])
    (told,) = failed_of([workflow(again, *attempts)])
    assert (told.step, told.container) == ("again", Container("ml", "w-again-2", "main"))
    attempts[1]["phase"] = again["phase"] = "Succeeded"
    assert failed_of([workflow(again, *attempts)]) == []


def test_what_starts_a_part_says_less_than_the_part() -> None:
    parent = workflow(node("part-1", "Failed"))
    part = workflow(node("bad", "Failed"), name="p")
    assert [told.step for told in failed_of([parent, part])] == ["bad"]
    assert [told.step for told in failed_of([parent, workflow(name="p")])] == ["part-1"]


def test_of_a_container_set_the_container_that_failed_is_read() -> None:
    pod = node("set", "Failed", id="w-7")
    inner = node("second", "Failed", type="Container", boundaryID="w-7")
    (told,) = failed_of([workflow(pod, inner)])
    assert told.container == Container("ml", "w-set-7", "second")


def test_a_group_that_could_not_be_made_is_told_by_itself() -> None:
    group = node("inner", "Error", type="DAG", message="invalid template")
    assert failed_of([workflow(group)]) == [Failed("inner", "invalid template")]


def test_lines_of_the_executor_are_left_out() -> None:
    lines = [
        'time=2026-11-29T01:29:42.231Z level=INFO msg="waiting for signals" argo=true signalPath=/x',
        "tried",
        "Error: mine",
        'time=2026-11-29T01:29:42.231Z level=INFO msg="sub-process exited" argo=true error="exit status 3"',
        "Error: exit status 3",
    ]
    assert own_lines(lines) == ["tried", "Error: mine"]
    assert own_lines(lines[1:3]) == ["tried", "Error: mine"]


def test_a_log_that_is_not_written_yet_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late:
        """A kubelet that writes the log of a container after it has said that it has ended."""

        def log(self, *place: str, **limits: int) -> str:
            return texts.pop(0)

    texts = ["", "broken\n"]
    waits: list[float] = []
    monkeypatch.setattr("couler_plugins.engine_kit.kubernetes.failing.time.sleep", waits.append)
    late: Any = Late()
    (told,) = failures(late, [Failed("bad", "exit code 4", Container("ml", "pod", "main"))])
    assert (told.log, waits) == (("broken",), [0, 1])
