"""Workflows of Hera's, optimized where they are built, run on the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.cluster import Cluster
from cluster.running import run_argo
from couler_argo.hera import optimize

if TYPE_CHECKING:
    from hera.workflows import Workflow


def built() -> Workflow:
    """Two containers that are the same in all but their names, before a script that reads a value."""
    from hera.workflows import DAG, Container, Parameter, Script, Task, Workflow
    from hera.workflows.models import ValueFrom

    source = "open('/tmp/doubled', 'w').write(str({{inputs.parameters.number}} * 2))"
    doubled = Parameter(name="doubled", value_from=ValueFrom(path="/tmp/doubled"))
    with Workflow(generate_name="hera-", entrypoint="main", arguments=[Parameter(name="rows", value="21")]) as made:
        one = Container(name="one", image="busybox:1", command=["true"])
        two = Container(name="two", image="busybox:1", command=["true"])
        number = Parameter(name="number")
        double = Script(
            name="double", image="python:3", command=["python3"], source=source, inputs=[number], outputs=[doubled]
        )
        with DAG(name="main"):
            given = Parameter(name="number", value="{{workflow.parameters.rows}}")
            last = Task(name="double", template=double, arguments=[given])
            Task(name="first", template=one) >> last
            Task(name="second", template=two) >> last
    return made


def test_an_optimized_workflow_runs(cluster: Cluster, namespace: str) -> None:
    pytest.importorskip("hera.workflows")
    whole, smaller = built(), optimize(built(), "dedupe")
    assert len(smaller.templates) == len(whole.templates) - 1
    for workflow in (whole, smaller):
        outcome = run_argo(cluster, namespace, workflow.to_dict(), 300)
        assert (outcome.phase, outcome.outputs["double"]["doubled"]) == ("Succeeded", "42")
