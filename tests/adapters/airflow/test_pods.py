"""Operators that start containers: lifted with what they run, unchanged by lowering, and not to be changed in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.airflow.examples import lifted, load
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Container, EnvVar, Literal, Node, Reference, rebuild, replace, verify
from couler_plugins.plan import Plan

pytestmark = pytest.mark.airflow
DAG = """
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from kubernetes.client import models as k8s

class OwnPod(KubernetesPodOperator):
    pass

with DAG("pods", params={"x": "y"}):
    pod = KubernetesPodOperator(task_id="pod", image="a", cmds=["b", "{{ params.x }}"], env_vars={"E": "{{ ds }}"},
        arguments=["c"], container_resources=k8s.V1ResourceRequirements(limits={"cpu": "1"}), do_xcom_push=True)
    docker = DockerOperator(task_id="docker", image="a", command="echo {{ ti.xcom_pull('pod') }}")
    bash = BashOperator(task_id="bash", bash_command="echo", env={"E": "f"})
    mapped = KubernetesPodOperator.partial(task_id="mapped", image="a").expand(arguments=[["c"], ["d"]])
    own = OwnPod(task_id="own", image="a")
    pod >> [docker, bash, mapped, own]
"""


@pytest.fixture
def bundle(tmp_path: Path) -> DagBundle:
    path = tmp_path / "pods.py"
    path.write_text(DAG)
    return load(path)


def field(name: str, *path: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name, path=path)


def test_an_operator_says_what_it_runs(bundle: DagBundle) -> None:
    (workflow,) = lifted(bundle).workflows
    assert not verify(workflow)
    containers = {operation.name: operation.containers for operation in workflow.operations}
    ((pod,), (docker,), (bash,), (mapped,), own) = containers.values()
    assert (pod.image, pod.command) == (Literal(value="a"), (field("cmds", "0"), field("cmds", "1")))
    assert (pod.args, pod.env) == ((field("arguments", "0"),), (EnvVar(name="E", value=Literal(value="{{ ds }}")),))
    assert (docker.image, docker.command, docker.args) == (Literal(value="a"), (), (field("command"),))
    assert (bash.image, bash.args) == (None, (field("bash_command"),))
    assert bash.command == (Literal(value="bash"), Literal(value="-c"))
    assert mapped.args == (field("arguments"),)
    assert own == (Container(),)  # what a class of one's own runs is not known; it is in a pod all the same


def test_identity(bundle: DagBundle) -> None:
    plan = lifted(bundle)
    before = snapshot(bundle.live[0].dag)
    done = commit(plan)
    assert not done.lowered.edits
    assert snapshot(bundle.live[0].dag) == before
    assert lift_dag(bundle.live[0].dag, 0) == plan.workflows[0]


def test_what_a_container_runs_is_not_changed_in_place(bundle: DagBundle) -> None:
    plan = lifted(bundle)
    (old,) = plan.workflows
    before = snapshot(bundle.live[0].dag)

    def changed(node: Node) -> Node:
        return replace(node, args=(Literal(value="z"),)) if isinstance(node, Container) else node

    done = commit(Plan(bundle=bundle, originals=plan.originals, workflows=(rebuild(old, changed),)))
    (error,) = done.lowered.refused.values()
    assert isinstance(error, Unsupported)
    assert error.feature == "Container.args"
    assert snapshot(bundle.live[0].dag) == before


def test_an_image_is_changed_where_its_text_is_known(bundle: DagBundle) -> None:
    plan = lifted(bundle)
    (old,) = plan.workflows
    dag = bundle.live[0].dag
    before = snapshot(dag)

    def changed(node: Node) -> Node:
        known = isinstance(node, Container) and isinstance(node.image, Literal)
        return replace(node, image=Literal(value="z")) if known else node

    done = commit(Plan(bundle=bundle, originals=plan.originals, workflows=(rebuild(old, changed),)))
    assert not done.lowered.refused
    images = [dag.task_dict[name].image for name in ("pod", "docker", "own")]
    assert (images, dag.task_dict["mapped"].partial_kwargs["image"]) == (["z", "z", "a"], "z")
    assert len(done.lowered.edits) == 3
    done.undo()
    assert snapshot(dag) == before


@pytest.mark.parametrize("image", ["{{ params.x }}", "a:{% if x %}1{% endif %}", "a{# b #}"])
def test_an_image_that_jinja_fills_in_is_not_changed(image: str, tmp_path: Path) -> None:
    path = tmp_path / "pods.py"
    path.write_text(DAG.replace('task_id="pod", image="a"', f'task_id="pod", image="{image}"'))
    plan = lifted(load(path))
    (old,) = plan.workflows
    (pod,) = old.operations[0].containers
    assert pod.image == field("image")

    def changed(node: Node) -> Node:
        return replace(node, image=Literal(value="z")) if node is pod else node

    done = commit(Plan(bundle=plan.bundle, originals=plan.originals, workflows=(rebuild(old, changed),)))
    (error,) = done.lowered.refused.values()
    assert isinstance(error, Unsupported)
    assert error.feature == "Container.image"
