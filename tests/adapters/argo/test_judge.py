"""The judges themselves: they find what is broken by hand, and nothing in the corpus."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.crd import violations
from adapters.argo.judge import judge
from adapters.argo.objects import chains, objects
from adapters.subjects import ARGO
from couler_plugins.documents import read
from support import at_least, corpus_files, where_shared

WHOLE = read(
    """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  onExit: leaf
  arguments: {parameters: [{name: p, value: x}]}
  hooks: {running: {expression: workflow.status == "Running", template: leaf}}
  templates:
  - name: main
    inputs: {parameters: [{name: p}]}
    dag:
      target: C
      tasks:
      - {name: A, template: leaf, arguments: {parameters: [{name: q, value: "{{inputs.parameters.p}}"}]}}
      - name: B
        template: leaf
        depends: A.Succeeded && !A.Failed
        arguments:
          parameters: [{name: q, value: "{{=tasks['A'].outputs.parameters.o + tasks.A.outputs.result}}"}]
          artifacts: [{name: r, from: "{{tasks.A.outputs.artifacts.a}}"}]
        hooks: {done: {expression: 'tasks["B"].status == "Succeeded"', template: leaf}}
      - {name: C, depends: B, when: "{{tasks.A.status}} == Succeeded", templateRef: {name: lib, template: shared}}
    outputs: {parameters: [{name: o, valueFrom: {expression: "tasks['B'].outputs.parameters.o"}}]}
  - name: stepped
    inputs: {parameters: [{name: p}]}
    steps:
    - - {name: a, template: leaf}
    - - name: b
        template: strict
        withItems: [1]
        arguments: {parameters: [{name: s, value: "{{steps.a.outputs.result}}{{item}}"}]}
    - - {name: c, inline: {container: {image: "{{inputs.parameters.p}}"}}, onExit: leaf}
    outputs: {parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.parameters.o}}"}}]}
  - name: listed
    dag: {tasks: [{name: A, template: leaf, continueOn: {failed: true}}, {name: B, template: leaf, dependencies: [A]}]}
  - name: strict
    inputs: {parameters: [{name: s}]}
    container: {image: "i:{{inputs.parameters.s}}"}
  - name: leaf
    inputs:
      parameters: [{name: q, default: d}]
      artifacts: [{name: r, path: /r, optional: true}]
    container: {image: "{{workflow.parameters.p}}", args: ["{{inputs.parameters.q}}"]}
    outputs:
      parameters: [{name: o, valueFrom: {path: /o}}]
      artifacts: [{name: a, path: /a}]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec: {templates: [{name: shared, suspend: {}}]}
""",
    "whole.yaml",
)

Change = Callable[[Any], None]


def task(spec: Any, name: str) -> Any:
    return next(item for item in spec["templates"][0]["dag"]["tasks"] if item["name"] == name)


def argument(spec: Any, text: str) -> None:
    task(spec, "B")["arguments"]["parameters"][0]["value"] = text


def step(spec: Any, group: int) -> Any:
    return spec["templates"][1]["steps"][group][0]


BROKEN: dict[str, tuple[str, Change]] = {
    "entrypoint": ("callee", lambda spec: spec.update(entrypoint="gone")),
    "no entrypoint": ("callee", lambda spec: spec.pop("entrypoint")),
    "workflow's onExit": ("callee", lambda spec: spec.update(onExit="gone")),
    "workflow's hook": ("callee", lambda spec: spec["hooks"]["running"].update(template="gone")),
    "hook of the workflow reads a step": (
        "dangling",
        lambda spec: spec["hooks"]["running"].update(expression="tasks.A.status == 'x'"),
    ),
    "template": ("callee", lambda spec: task(spec, "A").update(template="gone")),
    "no callee": ("callee", lambda spec: task(spec, "A").pop("template")),
    "two callees": ("callee", lambda spec: task(spec, "C").update(template="leaf")),
    "templateRef in the bundle": ("callee", lambda spec: task(spec, "C")["templateRef"].update(template="gone")),
    "hook of a task": ("callee", lambda spec: task(spec, "B")["hooks"]["done"].update(template="gone")),
    "onExit of a step": ("callee", lambda spec: step(spec, 2).update(onExit="gone")),
    "expression of a hook": (
        "dangling",
        lambda spec: task(spec, "B")["hooks"]["done"].update(expression="tasks.X.status == 'x'"),
    ),
    "tag": ("dangling", lambda spec: argument(spec, "{{tasks.X.outputs.result}}")),
    "tag with spaces": ("dangling", lambda spec: argument(spec, "a {{ tasks.X.ip }} b")),
    "expression": ("dangling", lambda spec: argument(spec, "{{=tasks.X.outputs.result}}")),
    "expression with brackets": ("dangling", lambda spec: argument(spec, "{{='a' + tasks[\"X\"].outputs.result}}")),
    "steps in a dag": ("dangling", lambda spec: argument(spec, "{{steps.A.outputs.result}}")),
    "output": ("dangling", lambda spec: argument(spec, "{{tasks.A.outputs.parameters.gone}}")),
    "output in an expression": ("dangling", lambda spec: argument(spec, "{{=tasks['A'].outputs.parameters['gone']}}")),
    "input": ("dangling", lambda spec: argument(spec, "{{inputs.parameters.gone}}")),
    "parameter of the workflow": ("dangling", lambda spec: argument(spec, "{{workflow.parameters.gone}}")),
    "item without a loop": ("dangling", lambda spec: argument(spec, "{{item}}")),
    "artifact": (
        "dangling",
        lambda spec: task(spec, "B")["arguments"]["artifacts"][0].update(
            {"from": "{{tasks.A.outputs.artifacts.gone}}"}
        ),
    ),
    "when": ("dangling", lambda spec: task(spec, "C").update(when="{{tasks.X.status}} == Succeeded")),
    "output of a dag": (
        "dangling",
        lambda spec: spec["templates"][0]["outputs"]["parameters"][0]["valueFrom"].update(
            expression="tasks.X.outputs.result"
        ),
    ),
    "output of steps": (
        "dangling",
        lambda spec: spec["templates"][1]["outputs"]["parameters"][0]["valueFrom"].update(parameter="{{steps.x.ip}}"),
    ),
    "input of a leaf": ("dangling", lambda spec: spec["templates"][3].pop("inputs")),
    "inline": ("dangling", lambda spec: step(spec, 2)["inline"]["container"].update(image="{{steps.x.ip}}")),
    "depends": ("dangling", lambda spec: task(spec, "B").update(depends="A && X.Failed")),
    "dependencies": ("dangling", lambda spec: spec["templates"][2]["dag"]["tasks"][1].update(dependencies=["A", "X"])),
    "target": ("dangling", lambda spec: spec["templates"][0]["dag"].update(target="C X")),
    "outcome": ("depends", lambda spec: task(spec, "B").update(depends="A.Suceeded")),
    "grammar": ("depends", lambda spec: task(spec, "B").update(depends="A & A")),
    "mixed": ("mixed", lambda spec: task(spec, "C").update(dependencies=["B"], depends="")),
    "continueOn beside depends": ("mixed", lambda spec: task(spec, "A").update(continueOn={"failed": True})),
    "cycle": ("cycle", lambda spec: task(spec, "A").update(depends="C")),
    "not an ancestor": ("order", lambda spec: task(spec, "B").update(depends="")),
    "the same stage": (
        "order",
        lambda spec: spec["templates"][1]["steps"][0].extend(spec["templates"][1]["steps"].pop(1)),
    ),
    "unsupplied": ("unsupplied", lambda spec: step(spec, 1).pop("arguments")),
    "unsupplied entry": ("unsupplied", lambda spec: spec["arguments"]["parameters"].pop()),
    "two templates": ("duplicate", lambda spec: spec["templates"].append(spec["templates"][4])),
    "two tasks": ("duplicate", lambda spec: task(spec, "A").update(name="C")),
    "two inputs": ("duplicate", lambda spec: spec["templates"][3]["inputs"]["parameters"].append({"name": "s"})),
}


def test_what_is_whole_is_accepted() -> None:
    data = [document.data for document in WHOLE.documents]
    assert not judge(data)
    assert not any(violations(item) for item in data)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_by_hand_is_found(case: str) -> None:
    kind, change = BROKEN[case]
    data = [copy.deepcopy(document.data) for document in WHOLE.documents]
    change(data[0]["spec"])
    assert kind in {problem.kind for problem in judge(data)}


@pytest.mark.parametrize("case", BROKEN)
def test_it_is_found_in_a_list_and_in_a_cron_workflow_too(case: str) -> None:
    kind, change = BROKEN[case]
    workflow, library = (copy.deepcopy(document.data) for document in WHOLE.documents)
    change(workflow["spec"])
    cron = {**workflow, "kind": "CronWorkflow", "spec": {"workflowSpec": workflow["spec"]}}
    problems = judge([{"apiVersion": "v1", "kind": "List", "items": [cron, library]}])
    assert kind in {problem.kind for problem in problems}


CRD_BROKEN: dict[str, Change] = {
    "unknown field": lambda spec: spec.update(entryPoint="main"),
    "unknown field of a task": lambda spec: task(spec, "A").update(dependsOn="B"),
    "unknown field of a container": lambda spec: spec["templates"][4]["container"].update(images="x"),
    "a number as text": lambda spec: spec.update(entrypoint=3),
    "an object as list": lambda spec: spec["templates"][0]["inputs"].update(parameters={"name": "p"}),
    "memoize without maxAge": lambda spec: spec["templates"][4].update(
        memoize={"key": "k", "cache": {"configMap": {"name": "c"}}}
    ),
    "201 tasks": lambda spec: spec["templates"][0]["dag"].update(
        tasks=[{"name": f"t{n}", "template": "leaf"} for n in range(201)]
    ),
    "a name with a dot": lambda spec: task(spec, "A").update(name="a.b"),
    "a name of 129 characters": lambda spec: task(spec, "A").update(name="a" * 129),
    "templates missing their name's type": lambda spec: spec["templates"][0].update(name=None),
}


LIMITS = ("201 tasks", "a name with a dot", "a name of 129 characters")
"""What only the CRDs know."""


@pytest.mark.parametrize("case", [case for case in CRD_BROKEN if case not in LIMITS])
def test_the_crd_refuses(case: str) -> None:
    data = copy.deepcopy(WHOLE.documents[0].data)
    CRD_BROKEN[case](data["spec"])
    assert violations(data)


@pytest.mark.parametrize("case", where_shared("schemas/argo", LIMITS))
def test_the_crd_has_limits(case: str) -> None:
    test_the_crd_refuses(case)


@pytest.mark.parametrize("path", corpus_files("argo"))
def test_the_corpus_is_accepted(path: Path) -> None:
    data = [document.data for document in read(path.read_bytes(), path.name).documents]
    assert not judge(data)
    assert any(violations(item) for item in data) == (path.name == "refused-by-argo.yaml")


def test_the_corpus_has_all_its_documents() -> None:
    files = ARGO.files()
    assert sum(
        1 for path in files for item in read(path.read_bytes(), path.name).documents for _ in objects(item.data)
    ) >= at_least(40, 258)


def test_chains() -> None:
    text = """tasks['a-b'].outputs.x ?? steps . b ?. c + 'inputs.no' + x.tasks.no + {status: item}["k"]"""
    text += """ + inputs["a\\"b"] + 1e3"""
    assert list(chains(text)) == [("tasks", "a-b", "outputs", "x"), ("steps", "b", "c"), ("item",), ("inputs", 'a"b')]
