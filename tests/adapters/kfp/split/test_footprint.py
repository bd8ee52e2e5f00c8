"""The size that a pipeline is taken to have as the workflow that KFP's backend makes of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.split.generating import chain, fan, grouped
from adapters.subjects import KFP
from couler_kfp.plugin import KfpAdapter
from couler_kfp.split.splitting import KfpSplitting, splitting_of
from couler_plugins.api import lift
from couler_plugins.ir import Graph, Step, Workflow, callables

MEASURED = {
    "critical/add_numbers.yaml": 11_345,
    "critical/flip_coin.yaml": 35_386,
    "critical/modelcar.yaml": 17_910,
    "critical/parameter_oneof.yaml": 27_520,
    "critical/pipeline_with_pod_metadata.yaml": 54_755,
    "essential/lightweight_python_functions_pipeline.yaml": 20_335,
    "integration/ray_integration_compiled.yaml": 17_224,
    "parallel_and_nested/pipeline_in_pipeline.yaml": 15_404,
    "mounted_cabundle_secret.yaml": 10_074,
    "pipeline_with_loops_and_conditions.yaml": 80_674,
    "pipeline_with_nested_loops.yaml": 28_155,
    "pvc_mount.yaml": 13_851,
    "xgboost_sample_pipeline.yaml": 57_466,
}
"""Bytes of the JSON of the workflows that KFP's backend made of these, as they stand in its repository
(`test_data/compiled-workflows`, at 7b70c7b9)."""


def facet_of(source: Path | dict[str, Any]) -> tuple[KfpSplitting, Workflow]:
    plan = lift(source)
    (workflow,) = plan.workflows
    facet = splitting_of(workflow, plan)
    assert facet is not None
    return facet, workflow


def steps_of(workflow: Workflow) -> tuple[Step, ...]:
    root = callables(workflow)["root"]
    assert isinstance(root, Graph)
    return root.steps


@pytest.mark.parametrize("name", [name for name in MEASURED if (KFP.root / name).exists()])
def test_no_workflow_is_larger_than_its_estimate(name: str) -> None:
    facet, workflow = facet_of(KFP.root / name)
    measured = MEASURED[name]
    assert measured <= facet.extent(workflow).bytes <= 1.2 * measured


@pytest.mark.parametrize("spec", [chain(5), fan(6), grouped()], ids=["chain", "fan", "grouped"])
def test_footprints_add_up_to_no_less_than_the_whole(spec: dict[str, Any]) -> None:
    facet, workflow = facet_of(spec)
    measured = KfpAdapter().footprint(workflow)
    total = sum(measured(step).bytes for step in steps_of(workflow))
    assert facet.wrapper.bytes + total >= facet.extent(workflow).bytes


def test_components_that_are_the_same_count_once() -> None:
    spec = fan(2)
    twice = copy.deepcopy(spec)
    twice["components"]["comp-write-2"] = {**twice["components"]["comp-write"], "executorLabel": "exec-write-2"}
    twice["deploymentSpec"]["executors"]["exec-write-2"] = twice["deploymentSpec"]["executors"]["exec-write"]
    twice["root"]["dag"]["tasks"]["leaf-1"]["componentRef"]["name"] = "comp-write-2"
    one, other = (facet.extent(workflow).bytes for facet, workflow in map(facet_of, (spec, twice)))
    assert abs(one - other) < 100


def test_pods_are_a_driver_and_what_it_starts() -> None:
    spec = grouped()
    _, workflow = facet_of(spec)
    measured = KfpAdapter().footprint(workflow)
    pods = {step.name: measured(step).pods for step in steps_of(workflow)}
    assert pods == {"numbers": 2, "for-loop-1": None, "gather": 2, "inner": 3, "condition-1": 3, "last": 2}
    items = spec["root"]["dag"]["tasks"]["for-loop-1"]["parameterIterator"]
    items["items"] = {"raw": '["a", "b", "c"]'}
    _, workflow = facet_of(spec)
    step = next(step for step in steps_of(workflow) if step.loop is not None)
    assert KfpAdapter().footprint(workflow)(step).pods == 1 + 3 * 3


def test_what_is_no_graph_is_not_split() -> None:
    spec = fan(1)
    spec["root"] = {"executorLabel": "exec-write"}
    plan = lift(spec)
    assert splitting_of(plan.workflows[0], plan) is None
