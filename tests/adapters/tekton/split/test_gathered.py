"""Results that a matrix gathers cross as lists, where Tekton hands them out: one reader stays with the matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from adapters.tekton.split.generating import Data
from adapters.tekton.split.interpreter import run_document
from adapters.tekton.split.runs import differences, objects_of, split, splitting
from adapters.tekton.split.test_splitting import cut_most, errors, tasks
from couler_plugins.api import optimize
from couler_plugins.errors import InvalidInput, Unsupported

FAN = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: fan}
spec:
  params: [{name: many, value: [p, q]}]
  pipelineSpec:
    params: [{name: many, type: array}]
    results: [{name: all, value: "$(tasks.m.results.r[*])"}]
    tasks:
    - name: m
      matrix: {params: [{name: x, value: [a, b]}]}
      taskSpec:
        params: [{name: x}]
        results: [{name: r}]
        steps: [{image: busybox, script: "echo $(params.x)"}]
    - name: one
      params: [{name: l, value: "$(tasks.m.results.r[*])"}]
      taskSpec: {params: [{name: l, type: array}], steps: [{image: busybox, args: ["$(params.l[*])"]}]}
    - name: two
      params: [{name: l, value: ["z", "$(tasks.m.results.r[*])"]}]
      taskSpec: {params: [{name: l, type: array}], steps: [{image: busybox, args: ["$(params.l[*])"]}]}
    - name: three
      matrix: {params: [{name: x, value: "$(tasks.m.results.r[*])"}]}
      taskSpec: {params: [{name: x}], steps: [{image: busybox, args: ["$(params.x)"]}]}
    finally:
    - name: tell
      params: [{name: l, value: "$(tasks.m.results.r[*])"}]
      taskSpec: {params: [{name: l, type: array}], steps: [{image: busybox, args: ["$(params.l[*])"]}]}
"""


def fan(change: Callable[[Any], object] = lambda run: None) -> list[Data]:
    (run,) = yaml.safe_load_all(FAN)
    change(run)
    assert errors([run]) == []
    return [run]


def test_what_a_matrix_gathers_crosses_as_a_list() -> None:
    after = split(fan(), "max-steps=2")
    parts = {item["metadata"]["name"]: item["spec"] for item in objects_of(after, "Pipeline")}
    assert [task["name"] for task in parts["fan-part-1"]["tasks"]] == ["m", "one"]
    assert parts["fan-part-1"]["results"] == [{"name": "m-r", "type": "array", "value": "$(tasks.m.results.r[*])"}]
    assert parts["fan-part-2"]["params"] == [{"name": "m-r", "type": "array"}]
    matrix = parts["fan-part-2"]["tasks"][1]["matrix"]
    assert matrix == {"params": [{"name": "x", "value": "$(params.m-r[*])"}]}
    spec = after[0]["spec"]["pipelineSpec"]
    passed = [{"name": "m-r", "value": "$(tasks.part-1.results.m-r[*])"}]
    assert spec["tasks"][1]["params"] == spec["finally"][0]["params"] == passed
    assert spec["results"] == [{"name": "all", "value": "$(tasks.part-1.results.m-r[*])"}]
    assert errors(after) == []


def test_the_parts_do_what_the_whole_does() -> None:
    after = cut_most(fan())
    assert after is not None
    for failing in ("", *run_document(fan(), fan()[0]).tasks):
        assert differences(fan(), after, frozenset({failing} - {""})) == []


def test_one_reader_stays_and_the_decision_says_why() -> None:
    result = optimize(fan(), splitting("max-steps=2"))
    reason = "Tekton hands out what 'm' gathers from its matrix where a task beside it reads it"
    assert any(reason in decision.reason for decision in result.decisions)


def dynamic(run: Any) -> None:
    tasks(run)["m"]["matrix"]["params"][0]["value"] = "$(params.many[*])"


def earlier(run: Any) -> None:
    """All that read it come before it in the document."""
    spec = run["spec"]["pipelineSpec"]
    spec["tasks"] = spec["tasks"][1:] + spec["tasks"][:1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (dynamic, "which may be empty, and then there is none"),
        (earlier, "which no task after it reads in its parameters"),
    ],
)
def test_what_tekton_may_not_hand_out_is_not_cut(change: Callable[[Any], object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(reason)):
        split(fan(change), "max-steps=2")

    def beside(run: Any) -> None:
        change(run)
        spec = run["spec"]["pipelineSpec"]
        spec["tasks"].append({"name": "four", "taskSpec": {"steps": [{"image": "busybox", "script": "echo"}]}})

    with pytest.raises(Unsupported, match=re.escape(reason)):
        split(fan(beside), "max-steps=4")

    def inside(run: Any) -> None:
        """Nobody reads it who runs elsewhere."""
        beside(run)
        del run["spec"]["pipelineSpec"]["results"], run["spec"]["pipelineSpec"]["finally"]

    after = split(fan(inside), "max-steps=4")
    (part,) = (item for item in objects_of(after, "Pipeline") if len(item["spec"]["tasks"]) == 4)
    assert {task["name"] for task in part["spec"]["tasks"]} == {"m", "one", "two", "three"}
    assert differences(fan(inside), after) == []


def test_a_list_that_is_read_at_the_end_crosses() -> None:
    def listed(run: Any) -> None:
        spec = run["spec"]["pipelineSpec"]
        del spec["tasks"][0]["matrix"], spec["tasks"][0]["taskSpec"]["params"]
        spec["tasks"][0]["taskSpec"]["steps"][0]["script"] = "echo"
        spec["tasks"][0]["taskSpec"]["results"] = [{"name": "r", "type": "array"}]

    after = cut_most(fan(listed))
    assert after is not None
    assert errors(after) == []
    assert differences(fan(listed), after) == []
