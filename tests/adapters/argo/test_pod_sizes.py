"""Memory by item: which loops tell their items apart, and what is written into the template."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from couler_argo.pod_sizes import items_of, objection, with_item_sizes
from couler_plugins import lift
from couler_plugins.ir import Operation, Step, Workflow, call_sites

PATCH = """\
containers:
- name: main
  resources:
    requests:
      memory: "{{=inputs.parameters['size'] in ['s', 'm'] ? '64Mi' : '2Gi'}}"
    limits:
      memory: "{{=inputs.parameters['size'] in ['s', 'm'] ? '64Mi' : '2Gi'}}"
"""


def workflow(items: object, argument: str = "{{item}}", **template: Any) -> Workflow:
    step: dict[str, Any] = {"name": "t", "template": "train", "withItems": items}
    step["arguments"] = {"parameters": [{"name": "size", "value": argument}]}
    container = {"image": "busybox", "command": ["echo", "{{inputs.parameters.size}}"]}
    train = {"name": "train", "inputs": {"parameters": [{"name": "size"}]}, "container": container, **template}
    spec = {"entrypoint": "main", "templates": [{"name": "main", "steps": [[step]]}, train]}
    head: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}}
    document: dict[str, Any] = {**head, "spec": spec}
    return lift(document).workflows[0]


def step_of(lifted: Workflow) -> Step:
    return next(site.step for site in call_sites(lifted) if site.step.name == "t")


def train_of(lifted: Workflow) -> Operation:
    return next(item for item in lifted.operations if item.name == "train")


@pytest.mark.parametrize(
    ("items", "argument", "values"),
    [
        (["small", "big", 3], "{{item}}", {"small": "small", "big": "big", "3": "3"}),
        ([{"s": "a", "k": 1}, {"s": "b", "k": 2}], "{{item.s}}", {"k:1,s:a": "a", "k:2,s:b": "b"}),
    ],
)
def test_items_are_those_of_the_file(items: object, argument: str, values: dict[str, str]) -> None:
    found = items_of(step_of(workflow(items, argument)))
    assert found is not None
    assert (found.parameter, dict(found.values)) == ("size", values)


@pytest.mark.parametrize(
    ("items", "argument"),
    [
        (["a", "a"], "{{item}}"),  # two items of one value cannot be told apart
        (["a b", "c"], "{{item}}"),
        (["it's", "c"], "{{item}}"),
        (["{{workflow.name}}", "c"], "{{item}}"),
        ([1.5, 2], "{{item}}"),  # Argo and we may spell it differently
        ([True, False], "{{item}}"),
        ([{"s": "a"}, {"k": "b"}], "{{item.s}}"),
        ([{"s": "a"}, {"s": "b"}], "{{item}}"),
        (["a", "b"], "x-{{item}}"),
        ([], "{{item}}"),
    ],
)
def test_items_that_nothing_tells_apart_have_no_sizes(items: object, argument: str) -> None:
    assert items_of(step_of(workflow(items, argument))) is None


def test_a_patch_looks_at_the_parameter_and_is_recognized() -> None:
    train = train_of(workflow(["s", "m", "l"]))
    sized = with_item_sizes(train, "size", {"s": "64Mi", "m": "64Mi", "l": "2Gi"}, "2Gi")
    assert train_of(workflow(["s", "m", "l"], podSpecPatch=PATCH)) == sized
    assert objection(sized) == "" == objection(train)
    assert with_item_sizes(sized, "size", {"s": "64Mi", "m": "64Mi", "l": "2Gi"}, "2Gi") == sized
    assert with_item_sizes(sized, "size", {"s": "2Gi"}, "2Gi") == train
    memory = yaml.safe_load(PATCH)["containers"][0]["resources"]["requests"]["memory"]
    assert memory.startswith("{{=")


@pytest.mark.parametrize(
    "patch",
    [
        "terminationGracePeriodSeconds: 5",
        PATCH.replace("64Mi", '64Mi"'),
        PATCH + "  - name: x\n",
        PATCH.replace("main", "wait"),
    ],
)
def test_a_patch_of_the_owner_is_left_alone(patch: str) -> None:
    assert objection(train_of(workflow(["s"], podSpecPatch=patch))) == "it has a podSpecPatch of its owner's"


def test_what_runs_no_main_container_has_no_sizes() -> None:
    suspend = train_of(workflow(["s"], container=None, suspend={}))
    assert objection(suspend) == "it has no main container of its own"
