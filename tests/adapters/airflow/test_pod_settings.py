"""What is set on the pods of tasks: read and written where Airflow keeps it, and undone without a trace."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.airflow.closure import closed
from adapters.airflow.editing import held, refused
from adapters.airflow.examples import lifted, load
from adapters.airflow.split.running import split
from airflow_dags import DagFiles, dag_files, rendered
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.homes import HOMES
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_airflow.pod_sizes import pod_containers
from couler_airflow.pods import Pods
from couler_airflow.split.commit import parts_of
from couler_plugins.ir import Literal, Operation, Workflow, replace, replace_callables, with_settings
from couler_plugins.plan import Plan
from documents.judge import apply, exactly
from support import CORPUS

pytestmark = pytest.mark.airflow
__all__ = ["dag_files"]

PODS = CORPUS / "airflow" / "pods.py"
Settings = Mapping[str, Any]
EVERYTHING: Settings = {
    "env": {"A": "1"},
    "requests": {"cpu": "1"},
    "limits": {"memory": "1Gi"},
    "labels": {"team": "x"},
    "annotations": {"note": "y"},
    "node_selector": {"zone": "z"},
    "priority": "low",
    "scheduler": "volcano",
}


def pods() -> tuple[DagBundle, Plan, Workflow]:
    bundle = load(PODS)
    plan = lifted(bundle)
    return bundle, plan, plan.workflows[0]


def operation(workflow: Workflow, task: str) -> Operation:
    return next(item for item in workflow.operations if item.name == f"task/{task}")


def with_setting(workflow: Workflow, task: str, name: str, value: Any) -> Workflow:
    old = operation(workflow, task)
    return replace_callables(workflow, {old.name: HOMES[name].write(name, old, value)})


def pairs(**values: Any) -> tuple[tuple[str, Literal], ...]:
    return tuple((name, Literal(value=value)) for name, value in values.items())


def everything_set(plan: Plan, only: str) -> Plan:
    return all_set(plan, EVERYTHING, only)


def all_set(plan: Plan, settings: Settings, only: str = "") -> Plan:
    """The plan with settings on all tasks, or on one."""

    def change(step: Any) -> Any:
        return with_settings(step, **settings) if step.name == (only or step.name) else step

    return plan.map_steps("test", change, action="set", reason="to see it")


def test_settings_are_read_where_they_are() -> None:
    _, _, workflow = pods()
    sized = {name: HOMES[name].read(name, operation(workflow, "sized")) for name in EVERYTHING}
    assert sized["requests"] == pairs(cpu="100m", memory="128Mi")
    assert sized["limits"] == pairs(memory="256Mi")
    assert sized["env"][1] == ("LEVEL", Literal(value="debug"))
    assert not isinstance(sized["env"][0][1], Literal)  # it comes from a secret
    assert sized["labels"] == pairs(team="data", day="{{ ds }}")
    assert sized["annotations"] == pairs(note="nightly")
    assert sized["node_selector"] == pairs(disk="ssd")
    assert sized["priority"] == Literal(value="high")
    assert sized["scheduler"] is None
    assert HOMES["labels"].read("labels", operation(workflow, "released")) == pairs(release="stable")
    assert HOMES["labels"].read("labels", operation(workflow, "pulled")) == ()  # only the run knows its value


@pytest.mark.parametrize("name", ["sized", "plain", "decorated"])
def test_the_pod_that_an_operator_starts_gets_every_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    monkeypatch.setattr(KubernetesPodOperator, "hook", SimpleNamespace(is_in_cluster=False))
    bundle, plan, _ = pods()
    commit(everything_set(plan, name))
    pod = bundle.live[0].dag.task_dict[name].build_pod_request_obj()
    assert_everything(pod)
    if name == "sized":
        assert [item.name for item in pod.spec.containers[0].env] == ["TOKEN", "LEVEL", "A"]
        assert pod.spec.containers[0].env[0].value_from.secret_key_ref.key == "token"
        assert pod.spec.containers[0].resources.requests["memory"] == "128Mi"
        assert pod.metadata.labels["day"] == "{{ ds }}"


def assert_everything(pod: Any) -> None:
    container = pod.spec.containers[0]
    assert {item.name: item.value for item in container.env}["A"] == "1"
    assert container.resources.requests["cpu"] == "1"
    assert container.resources.limits["memory"] == "1Gi"
    assert pod.metadata.labels["team"] == "x"
    assert pod.metadata.annotations["note"] == "y"
    assert pod.spec.node_selector["zone"] == "z"
    assert pod.spec.priority_class_name == "low"
    assert pod.spec.scheduler_name == "volcano"


@pytest.mark.parametrize("name", ["released", "mapped"])
def test_the_pod_of_a_worker_gets_every_setting(name: str) -> None:
    """As Airflow merges it into its own; the other task that has the same dictionary keeps it as it is."""
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
    from kubernetes.client import models

    bundle, plan, _ = pods()
    dag = bundle.live[0].dag
    (other,) = {"released", "mapped"} - {name}
    shared = dag.task_dict[other].executor_config
    kept = copy.deepcopy(shared)
    commit(everything_set(plan, name))
    base = models.V1Container(name="base", image="worker", args=["airflow", "tasks", "run"])
    worker = models.V1Pod(metadata=models.V1ObjectMeta(), spec=models.V1PodSpec(containers=[base]))
    pod = PodGenerator.reconcile_pods(worker, dag.task_dict[name].executor_config["pod_override"])
    assert_everything(pod)
    assert pod.metadata.labels["release"] == "stable"
    assert [(item.name, item.image, item.args) for item in pod.spec.containers] == [("base", "worker", base.args)]
    assert dag.task_dict[other].executor_config is shared
    assert shared == kept


def test_each_setting_is_written_and_undone() -> None:
    for setting, value in EVERYTHING.items():
        bundle, plan, _ = pods()
        dag, before = bundle.live[0].dag, bundle.documents[0].data
        parts = held(dag)
        new = all_set(plan, {setting: value})
        done = commit(new)
        assert not done.lowered.refused
        after = snapshot(dag)
        changed = {traced.subject.split("/")[1] for traced in done.lowered.edits}
        assert changed == {decision.subject.split("/")[1] for decision in new.decisions if decision.action}
        assert "sized" in changed
        assert exactly(apply(before, [traced.edit for traced in done.lowered.edits]), after)
        assert all(traced.decision is not None for traced in done.lowered.edits)
        lifted_again = lift_dag(dag, 0)
        assert closed(lifted_again) == closed(new.workflows[0])
        again = dataclasses.replace(plan, workflows=(lifted_again,), originals=(lifted_again,))
        assert not [item for item in all_set(again, {setting: value}).decisions if item.action]
        done.undo()
        assert exactly(snapshot(dag), before)
        assert held(dag) == parts


def test_a_task_without_a_pod_has_no_place_for_what_one_gets() -> None:
    _, plan, _ = pods()
    new = everything_set(plan, "here")
    reasons = {item.reason for item in new.decisions if not item.action}
    assert len(reasons) == len(EVERYTHING) - 1  # it has its env
    assert all("starts no pod" in reason for reason in reasons)
    reasons = {item.reason for item in everything_set(plan, "described").decisions}
    assert all("starts no pod" in reason or "template of its pod" in reason for reason in reasons)


ALIAS = "mine:airflow.providers.cncf.kubernetes.executors.kubernetes_executor.KubernetesExecutor"


@pytest.mark.parametrize(
    ("configured", "own", "runs_in_pod"),
    [
        ("LocalExecutor", None, False),
        ("KubernetesExecutor", None, True),
        ("LocalExecutor,KubernetesExecutor", None, False),
        ("LocalExecutor,KubernetesExecutor", "KubernetesExecutor", True),
        ("KubernetesExecutor,LocalExecutor", "LocalExecutor", False),
        (f"LocalExecutor,{ALIAS}", "mine", True),
    ],
)
def test_the_executor_decides_whether_other_tasks_have_a_pod(
    configured: str, own: str | None, runs_in_pod: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.standard.operators.empty import EmptyOperator

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", configured)
    places = Pods().places(EmptyOperator(task_id="work", executor=own))
    assert set(places) == (set(EVERYTHING) if runs_in_pod else set())


def test_a_command_keeps_the_environment_of_its_worker(dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a BashOperator is given would be its only one."""
    monkeypatch.setenv("OF_THE_WORKER", "there")
    path = dag_files.write(
        "bash.py",
        """
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.sdk import DAG
        with DAG("d", schedule=None):
            BashOperator(task_id="inherits", bash_command="env")
            BashOperator(task_id="alone", bash_command="env", env={"B": "2"})
        """,
    )
    bundle = load(path)
    plan = lifted(bundle)
    done = commit(all_set(plan, {"env": {"A": "1"}}))
    inherits, alone = (rendered(task).get_env({}) for task in bundle.live[0].dag.task_dict.values())
    assert (inherits["A"], inherits["OF_THE_WORKER"]) == ("1", "there")
    assert (alone["A"], alone["B"], "OF_THE_WORKER" in alone) == ("1", "2", False)
    edited = {(traced.subject, (traced.edit.after or ())[-1]) for traced in done.lowered.edits}
    assert edited == {("d/inherits", "env"), ("d/inherits", "append_env"), ("d/alone", "A")}


@pytest.mark.parametrize(
    ("task", "change", "reason"),
    [
        ("here", {"containers": "requests"}, "no place for its requests"),
        ("plain", {"kind": "other"}, "the owner's"),
        ("released", {"containers": ()}, "says what it starts"),
    ],
)
def test_what_an_operator_has_no_place_for_is_refused(task: str, change: dict[str, Any], reason: str) -> None:
    bundle, plan, workflow = pods()
    old = operation(workflow, task)
    if change.get("containers") == "requests":
        change = {"containers": (replace(old.containers[0], requests=pairs(cpu="1")),)}
    new = replace_callables(workflow, {old.name: replace(old, **change)})
    refused(bundle, plan, workflow, new, reason)


def test_values_that_a_pod_cannot_have_are_refused() -> None:
    bundle, plan, workflow = pods()
    for name, value in (("env", pairs(A=1)), ("requests", pairs(cpu=None)), ("labels", pairs(team=1))):
        refused(bundle, plan, workflow, with_setting(workflow, "plain", name, value), "known beforehand")


def test_parts_of_a_split_dag_have_what_was_set_on_their_tasks() -> None:
    bundle, plan, _ = pods()
    dag = bundle.live[0].dag
    done = commit(split(all_set(plan, {"labels": {"team": "x"}}), max_steps=3))
    assert not done.lowered.refused
    parts = parts_of(dag)
    assert len(parts) > 1
    tasks = {name: task for part in parts for name, task in part.task_dict.items()}
    assert tasks["plain"].labels == {"team": "x"}
    assert tasks["released"].executor_config["pod_override"].metadata.labels == {"release": "stable", "team": "x"}
    done.undo()
    assert exactly(snapshot(dag), bundle.documents[0].data)


def test_a_container_may_have_another_name_than_usual(dag_files: DagFiles) -> None:
    dag = dag_files.dag(
        """
        from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

        with DAG("d", schedule=None):
            KubernetesPodOperator(task_id="usual", image="i")
            KubernetesPodOperator(task_id="named", image="i", base_container_name="job")
            KubernetesPodOperator(task_id="rendered", image="i", base_container_name="{{ params.name }}")
        """
    )
    assert [pod_containers(item) for item in lift_dag(dag, 0).operations] == [("base",), ("job",), ("",)]
