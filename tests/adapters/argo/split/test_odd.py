"""Odd workflows split into the same thing, or are refused: names that are taken, what a spec or an expression reads."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapters.argo.crd import violations
from adapters.argo.split.chains import Chain
from adapters.argo.split.test_split import STORED, differences, loaded
from couler_plugins.api import lint, optimize
from couler_plugins.errors import InvalidInput
from oracles.argo_oracle import Oracle, build

HALVES = "split{into=workflows,max-steps=2}"


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def reading(text: str, number: int = 3, **spec: Any) -> Any:
    """One task reads something."""
    return Chain(**spec).task(number, arguments={"parameters": [{"name": "x", "value": text}]})


def folder() -> Any:
    chain = Chain()
    chain.crossing()
    chain.tasks[2]["arguments"]["artifacts"][0]["subPath"] = "of/{{workflow.name}}"
    return chain.data


def beside(name: str, task: int | None = None, **spec: Any) -> Any:
    """There is a template of that name, which a task calls."""
    chain = Chain(**spec)
    chain.spec["templates"].append({"name": name, "container": {"image": "i", "command": ["c"]}})
    return chain.data if task is None else chain.task(task, template=name, arguments={})


def parameter_alike(name: str) -> Any:
    parameters = [{"name": "p", "value": "1"}, {"name": name, "value": "8"}]
    return reading(f"{{{{workflow.parameters.{name}}}}}", arguments={"parameters": parameters})


def input_alike() -> Any:
    chain = Chain()
    chain.entry(inputs={"parameters": [{"name": "p", "value": "of the DAG"}]})
    text = "{{inputs.parameters.p}} {{workflow.parameters.p}}"
    return chain.task(3, arguments={"parameters": [{"name": "x", "value": text}]})


SAME: dict[str, Any] = {
    "a selector of a parameter": Chain(nodeSelector={"a": "{{workflow.parameters.p}}"}).data,
    "a claim of a parameter": Chain(
        volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "{{workflow.parameters.p}}"}}]
    ).data,
    "a label of the run": Chain(podMetadata={"labels": {"a": "{{workflow.name}}"}}).data,
    "an expression in a spec": Chain(podSpecPatch="{{=workflow.parameters['p'] + workflow.name}}").data,
    "an artifact as it is": Chain().crossing(archive={"none": {}}),
    "a zipped artifact": Chain().crossing(archive={"zip": {}}, gcs={"bucket": "b", "key": "k"}),
    "a folder of an artifact": folder(),
    "a parameter of an expression": reading("{{=tasks['t1'].outputs.parameters.o + workflow.parameters.p}}", 2),
    "a template called like a part": beside("part-1", 3),
    "a template called like what runs a part": beside("run-part-1", 3),
    "a handler called like what runs a part": beside("run-part-1", onExit="run-part-1"),
    "a template called like what starts one": beside("start", 3),
    "a parameter called like what crosses": parameter_alike("t1-o"),
    "a parameter called like an input": input_alike(),
}


@pytest.mark.parametrize("what", SAME)
def test_it_computes_what_it_computed(what: str) -> None:
    data = SAME[what]
    after = list(optimize([copy.deepcopy(data)], HALVES, plugins=loaded()).documents)
    stored = [document for document in after if document["kind"] in STORED]
    assert len(stored) == 3
    assert differences(data, stored) == []
    assert [violation for document in stored for violation in violations(document)] == []
    assert lint(copy.deepcopy(after)).findings == ()


@pytest.mark.parametrize(("kind", "name"), [("ConfigMap", "big-original"), ("Role", "big-parts")])
def test_what_comes_beside_parts_overwrites_nothing(kind: str, name: str) -> None:
    mine = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    with pytest.raises(InvalidInput, match=f"there is a {kind} '{name}' already"):
        _ = optimize([Chain().data, mine], HALVES, plugins=loaded()).documents


def test_what_is_elsewhere_is_not_overwritten() -> None:
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big-original", "namespace": "other"}}
    assert len(optimize([Chain().data, mine], HALVES, plugins=loaded()).documents) == 7


@pytest.mark.oracle
def test_argo_accepts_it(oracle: Oracle) -> None:
    split = {what: optimize([copy.deepcopy(data)], HALVES, plugins=loaded()).documents for what, data in SAME.items()}
    kept = {what: [document for document in after if document["kind"] in STORED] for what, after in split.items()}
    for what, verdicts in zip(kept, oracle.judge(list(kept.values())), strict=True):
        assert [verdict.complaint for verdict in verdicts if not verdict.accepted] == [], what
