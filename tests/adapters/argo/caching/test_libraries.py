"""Libraries: what may be cached in place for everybody, and what only for the library's own graphs."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.argo.caching.corpus import ASSUMED
from adapters.argo.caching.small import Made, made, workflow
from couler_plugins.api import optimize
from couler_plugins.inputs.sources import Text

KINDS = ("WorkflowTemplate", "ClusterWorkflowTemplate")


def library(
    tasks: str, templates: str = "", kind: str = "WorkflowTemplate", pipeline: str = "cache{via=memoize}"
) -> Made:
    return made(workflow(tasks, templates, metadata="name: lib", kind=kind), pipeline=pipeline)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_declared_is_cached_in_place(kind: str) -> None:
    found = library("- {name: a, template: pure}\n", kind=kind)
    assert found.memoized.keys() == {"pure"}
    assert found.rules["main/a"] == ""


def test_artifacts_of_callers_are_refused() -> None:
    found = library("- {name: a, template: load}\n")
    assert found.rules["eat"] == "unknown-producer"
    assert "from whoever calls it" in found.decision("eat").reason
    raw = """
- name: raw
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {artifacts: [{name: a, path: /a, raw: {data: D}}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i}
"""
    assert library("- {name: a, template: load}\n", raw).rules["raw"] == "unknown-producer"  # a caller can pass another


def test_assuming_holds_for_calls_inside_only() -> None:
    plain = """
- name: plain
  metadata: {annotations: {couler.io/max-output-bytes: "64"}}
  inputs: {parameters: [{name: x, default: "0"}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i}
"""
    found = library("- {name: a, template: plain}\n", plain, pipeline=ASSUMED)
    assert found.memoized.keys() == {"plain-cache"} | ({"pure"} & found.memoized.keys())
    assert "memoize" not in found.template("plain")
    assert found.template("main")["dag"]["tasks"][0]["template"] == "plain-cache"


def test_poisoned_and_unpoisoned_calls_inside() -> None:
    tasks = "- {name: d, template: load}\n- {name: a, template: pure}\n- {name: b, template: pure, depends: d}\n"
    found = library(tasks)
    assert found.rules["main/a"] == ""
    assert found.rules["main/b"] == "unknown-producer"
    tasks_now = {task["name"]: task["template"] for task in found.template("main")["dag"]["tasks"]}
    assert tasks_now == {"d": "load", "a": "pure-cache", "b": "pure"}
    assert found.memoized.keys() == {"pure-cache"}


def test_calls_with_a_lineage_get_a_copy_of_their_own() -> None:
    eat = 'arguments: {artifacts: [{name: a, from: "{{tasks.a.outputs.artifacts.o}}"}]}'
    found = library(f"- {{name: a, template: pure}}\n- {{name: b, template: eat, depends: a, {eat}}}\n")
    assert found.rules["main/b"] == ""
    assert "memoize" not in found.template("eat")
    assert "inputs" in found.template("eat-cache")
    assert [port["name"] for port in found.template("eat-cache")["inputs"]["parameters"]] == ["couler-lineage"]


def caller(name: str, template: str) -> dict[str, Any]:
    call = f"templateRef: {{name: {name}, template: {template}}}"
    return workflow(f"- {{name: d, template: load}}\n- {{name: r, depends: d, {call}}}\n")


def test_calls_of_another_workflow_are_never_cached_by_the_caller() -> None:
    lib = workflow("- {name: a, template: pure}\n", metadata="name: lib", kind="WorkflowTemplate")
    found = made(lib, caller("lib", "pure"))
    (step,) = (x for x in found.documents[1]["spec"]["templates"][0]["dag"]["tasks"] if x["name"] == "r")
    assert step["templateRef"] == {"name": "lib", "template": "pure"}
    assert "arguments" not in step


def test_libraries_that_call_each_other_in_a_circle() -> None:
    one = workflow(
        "- {name: a, template: pure}\n"
        "- {name: b, depends: a, templateRef: {name: two, template: main}, when: '1 == 2'}\n",
        metadata="name: one",
        kind="WorkflowTemplate",
    )
    two = workflow(
        "- {name: b, templateRef: {name: one, template: main}}\n", metadata="name: two", kind="WorkflowTemplate"
    )
    found = made(one, two)
    assert found.rules["main/a"] == "recursion"
    assert made(one).rules["main/a"] == ""


SCRIPT = """
- name: tell
  metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
  inputs: {parameters: [{name: x, default: "0"}]}
  script: {image: i, command: [sh], source: "echo {{inputs.parameters.x}}"}
"""


def test_what_is_printed_may_be_read_by_others() -> None:
    found = library("- {name: a, template: load}\n", SCRIPT)
    assert "tell" not in found.memoized
    assert found.rules["tell"] in ("printed-result", "no-outputs", "unbounded-output")


def test_the_entry() -> None:
    entry = workflow("- {name: a, template: load}\n", spec="arguments: {parameters: [{name: x, value: '1'}]}")
    entry["spec"]["entrypoint"] = "pure"
    assert made(entry).rules["pure"] == ""
    entry["spec"]["entrypoint"] = "eat"
    entry["spec"]["arguments"]["artifacts"] = [{"name": "a", "s3": {"bucket": "b", "key": "k"}}]
    assert made(entry).rules["eat"] == "unknown-producer"


def test_handlers() -> None:
    document = workflow(
        "- {name: a, template: pure}\n", spec="onExit: bye\nhooks: {run: {template: pure, expression: 'true'}}"
    )
    document["spec"]["templates"].append({"name": "bye", "dag": {"tasks": [{"name": "z", "template": "pure"}]}})
    found = made(document)
    assert found.rules["bye/z"] == "handler"
    assert found.rules["main/a"] == ""
    assert found.template("bye")["dag"]["tasks"][0]["template"] == "pure"
    assert "memoize" not in found.template("pure")  # the hook's and the handler's
    assert "memoize" in found.template("pure-cache")


def test_a_callee_that_only_the_run_knows() -> None:
    spec = "arguments: {parameters: [{name: t, value: pure}]}"
    tasks = "- {name: a, template: pure}\n- {name: b, template: '{{workflow.parameters.t}}', depends: a}\n"
    assert made(workflow(tasks, spec=spec)).rules["main/a"] == "dynamic"


PATCHED = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: sums}
spec:
  templates:
    - name: sum
      metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
      inputs: {parameters: [{name: day}]}
      outputs: {parameters: [{name: total, valueFrom: {path: /total}}]}
      container: {image: "registry.example/sum:1", command: [sum, "{{inputs.parameters.day}}"]}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: between}
spec:
  templates:
    - name: days
      dag:
        tasks:
          - {name: one, templateRef: {name: sums, template: sum}, arguments: {parameters: [{name: day, value: "1"}]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nightly-}
spec:
  entrypoint: main
  templates:
    - name: main
      dag: {tasks: [{name: sums, templateRef: {name: between, template: days}}]}
"""


@pytest.mark.parametrize("holder", ["generateName: nightly-", "name: between", "another"])
def test_what_runs_under_the_patch_of_a_caller_is_not_cached(holder: str) -> None:
    """The patch says another image, say: then one key would stand for two results."""
    patch = '  podSpecPatch: \'{"containers": [{"name": "main", "image": "other"}]}\'\n'
    text = PATCHED.replace(f"{holder}}}\nspec:\n", f"{holder}}}\nspec:\n{patch}")
    result = optimize([Text(text, "w.yaml")], "cache{via=memoize}")
    (decision,) = [item for item in result.decisions if item.workflow == "sums" and item.verdict]
    assert decision.verdict == ("cached" if holder == "another" else "never")
    assert ["patched"] * (holder != "another") == [item.rule for item in decision.objections]
    assert ("memoize" in result.text) is (holder == "another")


def test_a_patch_around_a_referenced_workflow_counts() -> None:
    text = PATCHED.partition("---\n")[0].replace("spec:\n", "spec:\n  entrypoint: sum\n", 1) + (
        "---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-}\n"
        "spec: {workflowTemplateRef: {name: sums}, podSpecPatch: '{}'}\n"
    )
    assert "memoize" not in optimize([Text(text, "w.yaml")], "cache{via=memoize}").text
    assert "memoize" in optimize([Text(text.replace(", podSpecPatch: '{}'", ""), "w.yaml")], "cache{via=memoize}").text
