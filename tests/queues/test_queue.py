"""`queue` on each engine: which pods get its labels, what leaves them time to wait, and which must not wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import pytest
import yaml

from couler_plugins import Result, Text, optimize
from couler_plugins.errors import InvalidInput
from couler_plugins.ir.attempts import QUEUED
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import load_plugins
from couler_plugins.runs import Run
from reliability.test_guard import run_of, took
from rightsizing.drawn import history_in

PLUGINS = load_plugins(load_config(environ={}))
LABELS = {"kueue.x-k8s.io/queue-name": "vision"}
ARGO = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {generateName: nightly-, namespace: vision-runs}
    spec:
      entrypoint: main
      onExit: bye
      templates:
        - name: main
          dag:
            tasks:
              - {name: train, template: work}
              - {name: again, template: work, depends: train}
        - name: work
          container: {image: "registry.local/train:2"}
        - name: bye
          script: {image: alpine, source: echo}
    """
TEKTON = """\
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {generateName: build-}
    spec:
      pipelineSpec:
        tasks:
          - name: compile
            taskSpec: {steps: [{name: a, image: x, script: echo}]}
          - name: test
            timeout: 5m
            taskRef: {name: elsewhere}
    """
TABLE = """\
    [[flavors]]
    name = "small"
    [[flavors]]
    name = "gpu-nodes"
    [[cohorts]]
    name = "research"
    [[teams]]
    name = "vision"
    namespaces = ["vision-runs"]
    cohort = "research"
    [[quotas]]
    team = "vision"
    flavor = "small"
    cpu = 4
    memory = "8Gi"
    [[quotas]]
    cohort = "research"
    flavor = "gpu-nodes"
    cpu = 8
    memory = "64Gi"
    gpu = 2
    """


def queued(text: str, folder: Path, passes: str = "queue{name=vision}", *runs: Run, settings: str = "") -> Result:
    """What becomes of a text; its settings are a couler.toml."""
    config = history_in(folder, runs) if runs else Config()
    if settings:
        (folder / "couler.toml").write_text(dedent(settings))
        config = replace(config, rows=load_config(start=folder, environ={}).rows)
    result = optimize(Text(dedent(text), name="w.yaml"), passes, config=config, plugins=PLUGINS)
    assert result.files[0].error is None
    return result


def documents(result: Result) -> list[Any]:
    return list(yaml.safe_load_all(result.files[0].text or ""))


def templates(result: Result) -> dict[str, Any]:
    return {item["name"]: item for item in documents(result)[0]["spec"]["templates"]}


def reasons(result: Result) -> dict[str, str]:
    """Why what stays as it is does, by what it is."""
    decisions = [item for item in result.files[0].decisions if not item.action]
    return {name: item.reason for item in decisions for name in (item.subject, *item.affects)}


def with_template(text: str) -> str:
    """The workflow with a task that runs another template."""
    task = "- {name: other, template: other}\n              - {name: train"
    return (
        dedent(ARGO).replace("- {name: train", task.replace("              ", "          "))
        + f"    - name: other\n{text}"
    )


def test_each_pod_of_argo_gets_the_labels(tmp_path: Path) -> None:
    result = queued(ARGO, tmp_path, "queue{name=vision,priority=nightly}")
    wanted = {**LABELS, "kueue.x-k8s.io/priority-class": "nightly"}
    assert templates(result)["work"]["metadata"]["labels"] == wanted
    assert templates(result)["bye"]["metadata"]["labels"] == wanted
    assert "metadata" not in templates(result)["main"]
    again = queued(result.files[0].text or "", tmp_path, "queue{name=other}")
    assert again.files[0].text == result.files[0].text
    assert reasons(again)["main/train"].startswith("its owner says something of Kueue already")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("      daemon: true\n      container: {image: db}\n", "it is a daemon"),
        (
            "      synchronization: {mutexes: [{name: gpu}]}\n      container: {image: a}\n",
            "it would hold its lock while it waits for a quota",
        ),
        (
            "      resource: {action: create, manifest: '{kind: Job}', successCondition: status.succeeded > 0}\n",
            "it may start others and wait for them",
        ),
        (
            "      timeout: '{{workflow.parameters.time}}'\n      container: {image: a}\n",
            "only the run knows its `timeout`",
        ),
        (
            "      timeout: 5m\n      activeDeadlineSeconds: 100\n      container: {image: a}\n",
            "its `timeout` counts the wait, and it has activeDeadlineSeconds as well",
        ),
        ("      suspend: {}\n", "it runs in no pod of its own"),
        ("      http: {url: 'http://x'}\n", "it runs in no pod of its own"),
    ],
)
def test_what_must_not_wait_is_left_alone(template: str, reason: str, tmp_path: Path) -> None:
    result = queued(with_template(template), tmp_path)
    assert reasons(result)["main/other"].startswith(reason)
    assert "metadata" not in templates(result)["other"]
    assert templates(result)["work"]["metadata"]["labels"] == LABELS


def test_a_row_may_say_that_a_daemon_waits_or_that_a_step_never_does(tmp_path: Path) -> None:
    text = with_template("      daemon: true\n      container: {image: db}\n")
    settings = """\
        [[queue.declare]]
        step = "other"
        queue = "daemons"
        priority = "first"
        [[queue.declare]]
        step = "bye"
        priority = "last"
        [[queue.declare]]
        image = "registry.local/*"
        queue = "never"
        """
    result = queued(text, tmp_path, settings=settings)
    labels = {"kueue.x-k8s.io/queue-name": "daemons", "kueue.x-k8s.io/priority-class": "first"}
    assert templates(result)["other"]["metadata"]["labels"] == labels
    assert "metadata" not in templates(result)["work"]
    assert reasons(result)["main/train"] == "a row of the settings says never"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('step = "x"\nqueue = 3', "couler.toml:1: 'queue' cannot be 3"),
        ('step = "x"\nqueue = "Big"', "'queue' cannot be 'Big'; write lower-case letters"),
        ('step = "x"', 'it says nothing: add queue = "never"'),
        ('step = "x"\nguard = "never"', "write it into [[guard.declare]]"),
    ],
)
def test_rows_that_say_nothing_are_refused(row: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        queued(ARGO, tmp_path, settings=f"[[queue.declare]]\n{row}")
    assert problem in str(caught.value)


def test_what_a_lock_holder_calls_does_not_wait(tmp_path: Path) -> None:
    text = dedent(ARGO).replace("- name: main\n", "- name: main\n      synchronization: {mutexes: [{name: one}]}\n")
    result = queued(text, tmp_path)
    assert reasons(result)["main/train"] == "what calls it would hold its lock while this waits for a quota"
    assert templates(result)["bye"]["metadata"]["labels"] == LABELS  # the lock is free again
    whole = queued(
        text.replace("      synchronization: {mutexes: [{name: one}]}\n", "").replace(
            "entrypoint", "synchronization: {mutexes: [{name: one}]}\n  entrypoint"
        ),
        tmp_path,
    )
    assert reasons(whole)["bye"] == "it would hold its lock while it waits for a quota"


def test_timeouts_of_argo_begin_with_the_pod(tmp_path: Path) -> None:
    text = dedent(ARGO).replace("- name: work\n", "- name: work\n      timeout: 10m\n")
    text = text.replace("entrypoint", "activeDeadlineSeconds: 7200\n  entrypoint")
    result = queued(text, tmp_path, "queue{name=vision,wait=3600}")
    assert templates(result)["work"]["activeDeadlineSeconds"] == 600
    assert "timeout" not in templates(result)["work"]
    assert documents(result)[0]["spec"]["activeDeadlineSeconds"] == 10_800
    said = {item.subject: item for item in result.files[0].decisions if item.action}
    assert "its `timeout` is activeDeadlineSeconds now" in said["main/train"].reason
    assert said[""].reason == "the wait counts for activeDeadlineSeconds of its workflow"
    assert dict(said[""].figures) == {"seconds added": 3600}
    alone = queued(text, tmp_path, "queue{name=vision,wait=0}")
    assert alone.files[0].text == alone.files[0].original
    assert "say how long it may wait, with the option `wait`" in reasons(alone)["main/train"]


def test_a_guard_in_front_sets_timeouts_that_count_no_wait(tmp_path: Path) -> None:
    run = run_of("nightly", "work", *took(*[1000.0] * 12))
    result = queued(ARGO, tmp_path, "guard,queue{name=vision}", run)
    assert templates(result)["work"]["activeDeadlineSeconds"] == 3000
    behind = queued(result.files[0].text or "", tmp_path, "guard", run)
    assert behind.files[0].text == result.files[0].text


def test_parts_of_a_split_carry_the_labels_and_what_starts_them_does_not(tmp_path: Path) -> None:
    tasks = "\n".join(
        f"              - {{name: s{number}, template: work{', depends: s' + str(number - 1) if number else ''}}}"
        for number in range(12)
    )
    before, _, _ = ARGO.partition("              - {name: train")
    _, _, after = ARGO.partition("- name: work")
    text = f"{before}{tasks}\n        - name: work{after}"
    result = queued(text, tmp_path, "queue{name=vision},split{into=workflows,max-steps=5}")
    text = "\n---\n".join(filter(None, [result.files[0].text, result.added]))
    parts = [item for item in yaml.safe_load_all(text) if item.get("kind", "").startswith("Workflow")]
    assert len(parts) > 2
    pods = [item for part in parts for item in part["spec"].get("templates", ())]
    for item in pods:
        labels = item.get("metadata", {}).get("labels", {})
        if "container" in item or "script" in item:
            assert labels == LABELS, item["name"]
        else:
            assert "kueue.x-k8s.io/queue-name" not in labels, item["name"]
    assert any("resource" in item for item in pods)


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ("{requests: {cpu: 9}}", "more cpu"),
        ("{limits: {memory: 65Gi}}", "more memory"),
        ("{limits: {nvidia.com/gpu: 3}}", "more nvidia.com/gpu"),
        ("{requests: {ephemeral-storage: 1Gi}}", "more ephemeral-storage"),
        ("{requests: {cpu: 6, memory: 60Gi}, limits: {nvidia.com/gpu: 2}}", ""),
        ("{requests: {cpu: '{{workflow.parameters.cpu}}'}}", ""),
    ],
)
def test_what_asks_for_more_than_the_queue_can_have_is_refused(resources: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_text(dedent(TABLE))
    passes = f"queue{{name=vision,table={tmp_path / 'queues.toml'}}}"
    result = queued(with_template(f"      container: {{image: a, resources: {resources}}}\n"), tmp_path, passes)
    reason = reasons(result).get("main/other", "")
    assert bool(text) == bool(reason)
    assert text in reason
    if text == "more cpu":
        (decision,) = [item for item in result.files[0].decisions if not item.action]
        assert dict(decision.figures) == {"resource": "cpu", "asked for": "9", "at most in the queue": "8"}


@pytest.mark.parametrize(
    ("passes", "problem"),
    [
        ("queue{name=vison,table=TABLE}", "there is no queue 'vison' in this table"),
        ("queue{name=vision,priority=first,table=TABLE}", "there is no priority 'first' in this table"),
        ("queue{name=vision,table=missing.toml}", "the table cannot be read"),
        ("queue{name=Vision}", "'name' is 'Vision'; write lower-case letters"),
        ("queue{name=vision,wait=-1}", "'wait' is -1"),
        ("queue", "needs the option 'name'"),
    ],
)
def test_wrong_options_are_errors(passes: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_text(dedent(TABLE))
    with pytest.raises(InvalidInput) as caught:
        queued(ARGO, tmp_path, passes.replace("TABLE", str(tmp_path / "queues.toml")))
    assert problem in str(caught.value)


def test_the_namespace_has_to_have_the_queue(tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_text(dedent(TABLE))
    text = ARGO.replace("vision-runs", "elsewhere").replace(
        'registry.local/train:2"', 'a", resources: {limits: {cpu: 1}}'
    )
    result = queued(text, tmp_path, f"queue{{name=vision,table={tmp_path / 'queues.toml'}}}")
    assert "has no queue 'vision' for the namespace 'elsewhere'" in reasons(result)["main/train"]


@pytest.mark.parametrize(
    ("word", "reason"), [("queue", "has no queue 'vison' for the"), ("priority", "has no priority 'vison'")]
)
def test_the_table_has_to_have_what_a_row_names(word: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "queues.toml").write_text(dedent(TABLE))
    rows = f'[[queue.declare]]\nstep = "train"\n{word} = "vison"\n'
    result = queued(ARGO, tmp_path, f"queue{{name=vision,table={tmp_path / 'queues.toml'}}}", settings=rows)
    assert reason in reasons(result)["main/train"]


def test_tekton_gets_labels_and_more_time(tmp_path: Path) -> None:
    (run,) = documents(queued(TEKTON, tmp_path, "queue{name=vision,wait=3600}"))
    compiling, testing = run["spec"]["pipelineSpec"]["tasks"]
    assert compiling["taskSpec"]["metadata"]["labels"] == LABELS
    assert (compiling["timeout"], testing["timeout"]) == ("7200s", "3900s")
    assert run["spec"]["taskRunSpecs"] == [{"pipelineTaskName": "test", "metadata": {"labels": LABELS}}]
    assert run["spec"]["timeouts"] == {"pipeline": "7200s"}


@pytest.mark.parametrize(
    ("said", "timeouts"),
    [
        ("{pipeline: 2h, tasks: 1h, finally: 30m}", {"pipeline": "14400s", "tasks": "7200s", "finally": "5400s"}),
        ("{pipeline: '0', tasks: 1h}", {"pipeline": "0", "tasks": "7200s"}),
        ("{tasks: 30m}", {"tasks": "5400s", "pipeline": "7200s"}),
    ],
)
def test_timeouts_of_a_run_stay_consistent(said: str, timeouts: dict[str, str], tmp_path: Path) -> None:
    text = dedent(TEKTON).replace("  pipelineSpec", f"  timeouts: {said}\n  pipelineSpec")
    (run,) = documents(queued(text, tmp_path, "queue{name=vision,wait=3600}"))
    assert run["spec"]["timeouts"] == timeouts


def test_the_owner_of_a_pipeline_hears_of_the_timeouts_of_its_runs(tmp_path: Path) -> None:
    text = """\
        apiVersion: tekton.dev/v1
        kind: Pipeline
        metadata: {name: build}
        spec:
          tasks:
            - name: compile
              taskSpec: {steps: [{name: a, image: x, script: echo}]}
            - {name: other, taskRef: {name: elsewhere}}
        """
    result = queued(text, tmp_path)
    (done, *_) = [item for item in result.files[0].decisions if item.action]
    assert "the run that starts it gives up after an hour" in done.reason
    assert "name the file of the Task 'elsewhere' as well" in reasons(result)["pipeline/other"]
    assert "timeout" not in documents(result)[0]["spec"]["tasks"][1]


def test_a_task_and_a_task_run_get_labels(tmp_path: Path) -> None:
    text = """\
        apiVersion: tekton.dev/v1
        kind: Task
        metadata: {name: lib}
        spec: {steps: [{name: a, image: x, script: echo}]}
        ---
        apiVersion: tekton.dev/v1
        kind: TaskRun
        metadata: {name: one}
        spec: {taskRef: {name: alone}}
        """
    task, run = documents(queued(text, tmp_path, "queue{name=vision,wait=60}"))
    assert task["metadata"]["labels"] == run["metadata"]["labels"] == LABELS
    assert run["spec"]["timeout"] == "3660s"


@pytest.mark.airflow
def test_airflow_gives_its_pods_time_to_be_scheduled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
    from kubernetes.client import models

    from couler_airflow import optimize as optimize_dag

    with DAG("nightly", dagrun_timeout=timedelta(hours=1)) as dag:
        KubernetesPodOperator(
            task_id="train", image="alpine:3", labels={"a": "b"}, execution_timeout=timedelta(minutes=10)
        )
        KubernetesPodOperator(task_id="plain", image="alpine:3", schedule_timeout_seconds=300)
        KubernetesPodOperator.partial(task_id="mapped", image="alpine:3").expand(arguments=[["a"], ["b"]])
        PythonOperator(task_id="check", python_callable=len, executor_config={"pod_override": models.V1Pod()})
        PythonOperator(task_id="local", python_callable=len)
    optimize_dag(dag, "queue{name=vision,wait=3600}")
    tasks = cast("dict[str, Any]", dag.task_dict)
    assert tasks["train"].labels == {"a": "b", **LABELS}
    assert tasks["train"].execution_timeout == timedelta(minutes=70)
    assert [tasks[name].schedule_timeout_seconds for name in ("train", "plain")] == [3720, 3900]
    assert tasks["train"].startup_timeout_seconds == 120
    assert tasks["mapped"].partial_kwargs["labels"] == LABELS
    assert tasks["mapped"].partial_kwargs["startup_timeout_seconds"] == 3720
    assert tasks["check"].executor_config["pod_override"].metadata is None
    assert dag.dagrun_timeout == timedelta(hours=2)


def test_guard_sets_no_timeout_of_a_pod_in_a_queue() -> None:
    from couler_airflow.retries import attempt_limits
    from couler_plugins.ir import Call, Literal, Native, Operation, Step, Workflow

    native = Native.of({"pod": {"labels": LABELS}})
    step = Step(name="a", call=Call(name="a"), timeout=Literal(value=1))
    operation = Operation(name="a", kind="KubernetesPodOperator", native_extra=native)
    assert attempt_limits(Workflow(engine="airflow", kind="DAG"), step, operation).timed == QUEUED
