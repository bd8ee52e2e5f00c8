"""DAGs of containers as Argo Workflows: what is carried passes Argo's lint and runs in the same order; else refused."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from adapters.airflow.examples import dag_files, load, read_dag_file
from adapters.subjects import ARGO
from couler_airflow.plugin import AirflowAdapter
from couler_argo.plugin import ArgoAdapter, Options
from couler_plugins import convert
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.conversion import to_portable_plan
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.plan import Plan

pytestmark = pytest.mark.airflow
IMPORTS = """
from datetime import timedelta
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, TaskGroup, Variable, literal, task
from kubernetes.client import models as k8s

@task
def count():
    return 1

@task
def read_all(**context):
    print(context)

@task
def reads_variables():
    return Variable.get("a")

@task
def reads_connections(conn=None):
    return conn.a

@task
def skipped():
    return 1

@task
def read(value):
    print(value)

def pod(name, **fields):
    return KubernetesPodOperator(**{"task_id": name, "image": "busybox", "cmds": ["echo"], **fields})

"""


def lifted(tmp_path: Path, body: str, **dag: str) -> Plan:
    """The plan of a DAG with these tasks."""
    arguments = ", ".join(f"{name}={value}" for name, value in {"dag_id": "'d'", **dag}.items())
    path = tmp_path / "dag.py"
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    path.write_text(f"{IMPORTS}with DAG({arguments}):\n{lines}")
    adapter = AirflowAdapter()
    errors: list[CoulerError] = []
    plan = adapter.lift(adapter.load([read_dag_file(path)]), lambda number, error: errors.append(error))
    assert not errors
    return plan


def manifest(plan: Plan, image: str = "") -> Any:
    """The Workflow that the only DAG of a plan becomes; Argo's lint finds nothing in it."""
    lowered = ArgoAdapter().lower(to_portable_plan(plan, AirflowAdapter(), ArgoAdapter()), Options(image=image))
    (document,) = lowered.added
    bundle = ArgoAdapter().load([read(dump_yaml(document), "made.yaml")])
    assert {remark.code for remark in ArgoAdapter().lint(bundle)} <= {"missing-value"}
    return document


def templates(document: Any) -> dict[str, Any]:
    return {item["name"]: item for item in document["spec"]["templates"]}


def depends(document: Any) -> dict[str, str]:
    tasks = templates(document)[document["spec"]["entrypoint"]]["dag"]["tasks"]
    return {task["name"]: task.get("depends", "") for task in tasks}


def test_a_pod_is_a_container(tmp_path: Path) -> None:
    body = """
    resources = k8s.V1ResourceRequirements(requests={"cpu": "1"}, limits={"memory": "1Gi"})
    pod("a", arguments=["{{ params.x }} and {{ params['x'] }}\\n", literal("{ x")], env_vars={"E": "{{ params.x }}"},
        container_resources=resources, retries=2, retry_delay=timedelta(0))
    """
    document = manifest(lifted(tmp_path, body, params="{'x': Param('v'), 'n': 3}"))
    assert document["spec"]["arguments"]["parameters"] == [{"name": "n", "value": "3"}, {"name": "x", "value": "v"}]
    assert templates(document)["a"] == {
        "name": "a",
        "retryStrategy": {"limit": 2, "retryPolicy": "Always"},
        "container": {
            "image": "busybox",
            "command": ["echo"],
            "args": ["{{workflow.parameters.x}} and {{workflow.parameters.x}}", "{ x"],
            "env": [{"name": "E", "value": "{{workflow.parameters.x}}"}],
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        },
    }


@pytest.mark.parametrize(
    ("fields", "backoff"),
    [
        ("retry_delay=timedelta(minutes=1), max_retry_delay=90", {"duration": "60s"}),
        ("retry_delay=4, retry_exponential_backoff=True", {"duration": "4s", "factor": 2}),
        (
            "retry_delay=4, retry_exponential_backoff=2, max_retry_delay=90",
            {"duration": "4s", "factor": 2, "cap": "90s"},
        ),
    ],
)
def test_delays_are_carried(tmp_path: Path, fields: str, backoff: dict[str, Any]) -> None:
    document = manifest(lifted(tmp_path, f"pod('a', retries=2, {fields})"))
    assert templates(document)["a"]["retryStrategy"] == {"limit": 2, "retryPolicy": "Always", "backoff": backoff}


def test_policies_of_retries_stay_with_airflow(tmp_path: Path) -> None:
    pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="this Airflow has no retry policies")
    body = """
    from airflow.sdk import ExceptionRetryPolicy
    pod("a", retries=2, retry_policy=ExceptionRetryPolicy([]))
    """
    with pytest.raises(Unsupported, match="has retry_policy"):
        manifest(lifted(tmp_path, body))


def test_a_docker_container_keeps_its_entrypoint(tmp_path: Path) -> None:
    body = "DockerOperator(task_id='a', image='x', entrypoint=['sh'], command=['-c', 'ls'], environment={'E': '1'})"
    container = templates(manifest(lifted(tmp_path, body)))["a"]["container"]
    assert container == {
        "image": "x",
        "command": ["sh"],
        "args": ["-c", "ls"],
        "env": [{"name": "E", "value": "1"}],
    }


def test_a_shell_command_needs_an_image(tmp_path: Path) -> None:
    plan = lifted(tmp_path, "BashOperator(task_id='a', bash_command='ls {{ params.x }}')", params="{'x': 'v'}")
    with pytest.raises(Unsupported) as caught:
        manifest(plan)
    assert (caught.value.feature, caught.value.step) == ("Container.image", "a")
    assert "--to 'argo{image=" in (caught.value.hint or "")
    container = templates(manifest(plan, "debian"))["a"]["container"]
    assert container == {"image": "debian", "command": ["bash", "-c"], "args": ["ls {{workflow.parameters.x}}"]}


def test_empty_tasks_are_folded_away(tmp_path: Path) -> None:
    body = """
    start, join, end = (EmptyOperator(task_id=name) for name in ("start", "join", "end"))
    late = EmptyOperator(task_id="late", trigger_rule="all_done")
    a, b, c, d, e = map(pod, "abcde")
    start >> [a, b] >> join >> [c, d] >> end
    join >> late >> e
    """
    found = depends(manifest(lifted(tmp_path, body)))
    assert found.pop("a") == found.pop("b") == ""
    assert found.pop("c") == found.pop("d") == "a.Succeeded && b.Succeeded"
    ends = "({0}.Errored || {0}.Failed || {0}.Omitted || {0}.Skipped || {0}.Succeeded)"
    assert found == {"e": " && ".join(ends.format(name) for name in "ab")}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all_success", "a.Succeeded"),
        ("none_failed", "a.Succeeded"),
        ("all_failed", "a.Errored || a.Failed || a.Omitted"),
        ("all_done", "a.Errored || a.Failed || a.Omitted || a.Skipped || a.Succeeded"),
    ],
)
def test_trigger_rules_are_outcomes(tmp_path: Path, rule: str, expected: str) -> None:
    found = depends(manifest(lifted(tmp_path, f"pod('a') >> pod('b', trigger_rule={rule!r})")))["b"]
    assert sorted(found.split(" || ")) == sorted(expected.split(" || "))


def test_ids_become_names(tmp_path: Path) -> None:
    body = """
    with TaskGroup("g"):
        a = pod("x_y")
    b, c = pod("x-y"), pod("1")
    [a, b] >> c
    """
    document = manifest(lifted(tmp_path, body, dag_id="'My_Dag.v1'"))
    assert document["metadata"]["name"] == "my-dag-v1"
    assert depends(document) == {"g-x-y": "", "x-y": "", "n1": "g-x-y.Succeeded && x-y.Succeeded"}


def test_a_mapped_task_is_a_loop(tmp_path: Path) -> None:
    body = """
    base = KubernetesPodOperator.partial(task_id="a", image="busybox", cmds=["echo"])
    base.expand(arguments=[["x", "1"], ["x", "2"]])
    """
    document = manifest(lifted(tmp_path, body))
    (task,) = templates(document)["d"]["dag"]["tasks"]
    assert task["withItems"] == [{"text-1": "1"}, {"text-1": "2"}]
    assert task["arguments"]["parameters"] == [{"name": "text-1", "value": "{{item.text-1}}"}]
    assert templates(document)["a"]["container"]["args"] == ["x", "{{inputs.parameters.text-1}}"]


@pytest.mark.parametrize(
    ("body", "feature", "word"),
    [
        ("pod('a', arguments=['{% if x %}y{% endif %}'])", "Step.arguments", "{% if x %}"),
        ("pod('a') >> pod('b', arguments=[\"{{ ti.xcom_pull('a') }}\"])", "Output.value", "gives an XCom"),
        ("a = pod('a', do_xcom_push=True); pod('b', arguments=[a.output])", "Output.value", "gives an XCom"),
        ("pod('a', volumes=[k8s.V1Volume(name='v')])", "Operation.native_extra", "volumes"),
        ("pod('a', service_account_name='s')", "Operation.native_extra", "service_account_name"),
        ("[pod('a'), pod('b')] >> pod('c', trigger_rule='all_failed')", "Step.needs", "all_failed"),
        ("read_all()", "Step.arguments", "takes all of the context"),
        ("reads_variables()", "Operation.kind", "imports airflow.sdk"),
        ("reads_connections()", "Step.arguments", "reads conn"),
        ("count() >> read(skipped()).as_teardown()", "Step.arguments", "may not be there"),
        ("pod('a', retries=1, execution_timeout=timedelta(1))", "Step.timeout", "attempts"),
        ("DockerOperator(task_id='a', image='x', command='echo a')", "Container.args", "one text"),
        (
            "DockerOperator(task_id='a', image='x', mounts=[], network_mode='host')",
            "Operation.native_extra",
            "network_mode",
        ),
    ],
)
def test_what_only_airflow_has_is_refused_by_name(tmp_path: Path, body: str, feature: str, word: str) -> None:
    with pytest.raises(Unsupported) as caught:
        manifest(lifted(tmp_path, body.replace("; ", "\n")), "busybox")
    assert caught.value.feature == feature
    assert word in caught.value.message
    assert caught.value.step
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value", "feature"),
    [
        ("fail_fast", "True", "Graph.fail_fast"),
        ("render_template_as_native_obj", "True", "Step.arguments"),
    ],
)
def test_what_a_dag_says_as_a_whole_is_refused_by_name(tmp_path: Path, name: str, value: str, feature: str) -> None:
    with pytest.raises(Unsupported) as caught:
        manifest(lifted(tmp_path, "pod('a')", **{name: value}))
    assert caught.value.feature == feature


@pytest.mark.parametrize(
    ("body", "dag", "loss"),
    [
        ("pod('a', pool='p')", {}, "run"),
        ("pod('a', on_failure_callback=print)", {}, "run"),
        ("pod('a', depends_on_past=True)", {}, "run"),
        ("pod('a')", {"on_failure_callback": "print"}, "run"),
        ("pod('a')", {"schedule": "'@daily'", "max_active_runs": "1"}, "run"),
        ("pod('a')", {"schedule": "timedelta(1)"}, "detail"),
        ("pod('a')", {"tags": "['a']"}, "detail"),
    ],
)
def test_what_is_left_out_is_told(tmp_path: Path, body: str, dag: dict[str, str], loss: str) -> None:
    plan = to_portable_plan(lifted(tmp_path, body, **dag), AirflowAdapter(), ArgoAdapter())
    assert [decision.loss for decision in plan.decisions] == [loss]


def test_a_schedule_is_one_of_argo(tmp_path: Path) -> None:
    document = manifest(lifted(tmp_path, "pod('a')", schedule="'@daily'", dagrun_timeout="timedelta(1)"))
    assert (document["kind"], document["spec"]["schedules"]) == ("CronWorkflow", ["0 0 * * *"])
    assert document["spec"]["workflowSpec"]["activeDeadlineSeconds"] == 86400


def test_a_branch_decides_by_conditions(tmp_path: Path) -> None:
    body = """
    from airflow.providers.standard.operators.python import BranchPythonOperator
    choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "a")
    choose >> [pod("a"), pod("b")] >> pod("join", trigger_rule="none_failed_min_one_success")
    """
    document = manifest(lifted(tmp_path, body), "python:3")
    tasks = {task["name"]: task for task in templates(document)["d"]["dag"]["tasks"]}
    assert tasks["a"]["when"] == "{{=tasks.choose.outputs.parameters.runs_a == 'true'}}"
    assert (
        tasks["join"]["depends"]
        == "(a.Skipped || a.Succeeded) && (b.Skipped || b.Succeeded) && (a.Succeeded || b.Succeeded)"
    )


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in dag_files()])
def test_every_example_is_carried_or_refused_by_name(path: Path) -> None:
    adapter = AirflowAdapter()
    plan = adapter.lift(load(path), lambda number, error: pytest.fail(str(error)))
    for workflow in plan.workflows:
        one = Plan(bundle=plan.bundle, originals=plan.originals, workflows=(workflow,))
        refused: Unsupported | None = None
        try:
            assert manifest(one, "debian")["kind"] in ("CronWorkflow", "Workflow", "WorkflowTemplate")
        except Unsupported as error:
            refused = error
        assert refused is None or (refused.feature and refused.step and refused.hint and refused.engine)


def test_a_file_is_converted(tmp_path: Path) -> None:
    lifted(tmp_path, "pod('a', retries=1) >> BashOperator(task_id='b', bash_command='ls')")
    result = convert(tmp_path / "dag.py", "argo{image=debian}")
    (file,) = result.files
    assert (file.status, file.relative) == ("changed", "dag.yaml")
    assert [decision.subject for decision in file.decisions] == ["b"]
    assert "duration: 300s" in (file.text or "")
    again = ArgoAdapter().lift(ArgoAdapter().load([read(file.text or "", "again.yaml")]), lambda number, error: None)
    assert [workflow.name for workflow in again.workflows] == ["d"]
    assert ARGO.adapter.engine == "argo"
