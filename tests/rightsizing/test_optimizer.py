"""Sizes of containers on each engine: where they are written, and what keeps them as they are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import msgspec
import pytest

from couler_plugins import Result, Text, optimize
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import Config, load_config
from couler_plugins.plan import Decision
from couler_plugins.plugins import load_plugins
from couler_plugins.rightsizing import attempts
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from rightsizing.drawn import history_in

PLUGINS = load_plugins(load_config(environ={}))
MEBIBYTE = 2**20


@pytest.fixture(autouse=True)
def _largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest peak is asked for: how it is estimated is no matter of these tests."""
    monkeypatch.setattr(attempts, "estimate_request", max)


def run_of(family: str, *steps: tuple[str, Mapping[str, tuple[float, float]]], count: int = 3) -> Run:
    """A run whose steps (by what they call) used so many mebibytes and cores in each container."""
    ran = [
        StepRun(
            step=f"{name} once",
            site=name if "/" in name else "",
            type=name,
            spec=name,
            key=name,
            tries=tuple(
                Attempt(
                    succeeded=True,
                    containers=tuple(
                        ContainerUse(container=container, memory=round(memory * MEBIBYTE), cpu_p95=cores)
                        for container, (memory, cores) in uses.items()
                    ),
                )
                for _ in range(count)
            ),
        )
        for name, uses in steps
    ]
    return Run(family=family, steps=tuple(ran), at=1.0)


def rightsized(
    text: str, folder: Path, *runs: Run, passes: str = "rightsize", settings: str = "", more: str = ""
) -> Result:
    """What becomes of a text; its settings are a couler.toml."""
    config = history_in(folder, runs) if runs else Config()
    if settings:
        file = folder / "couler.toml"
        file.write_text(dedent(settings))
        config = replace(config, rows=load_config(start=folder, environ={}).rows)
    sources = [Text(dedent(item), name=f"{name}.yaml") for name, item in (("w", text), ("more", more)) if item]
    return optimize(sources, passes, config=config, plugins=PLUGINS)


def changes(result: Result) -> str:
    """The lines of the first file that went and that came."""
    (file, *_) = result.files
    assert file.error is None
    old, new = (text.splitlines() for text in (file.original or "", file.text or ""))
    return "\n".join(line for line in list(difflib.unified_diff(old, new, n=0))[2:] if not line.startswith("@@"))


def reasons(result: Result) -> list[tuple[str, str]]:
    """Why what stays as it is does."""
    return [(item.subject, item.reason) for item in result.files[0].decisions if not item.action]


def changed(result: Result) -> list[Decision]:
    return [item for item in result.files[0].decisions if item.action]


ARGO = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata:
      generateName: nightly-
    spec:
      entrypoint: train
      templates:
        # The largest.
        - name: train
          sidecars:
            - {name: p, image: "envoy:1"}
          container:
            image: alpine:3
            resources:
              requests: {cpu: "4", memory: 16Gi}  # a guess
              limits:
                memory: 32Gi
                nvidia.com/gpu: 1
    """
TRAINED = run_of("nightly", ("train", {"main": (3000, 0.95), "p": (40, 0.02)}))


def test_argo_gets_sizes_of_each_container(tmp_path: Path) -> None:
    result = rightsized(ARGO, tmp_path, TRAINED)
    assert changes(result) == dedent(
        """\
        -        - {name: p, image: "envoy:1"}
        +        - {name: p, image: "envoy:1", resources: {requests: {cpu: 20m, memory: 64Mi}, limits: {memory: 64Mi}}}
        -          requests: {cpu: "4", memory: 16Gi}  # a guess
        +          requests: {cpu: "950m", memory: 3008Mi}  # a guess
        -            memory: 32Gi
        +            memory: 3008Mi"""
    )
    assert next(dict(item.figures) for item in changed(result)) == {
        "container": "main",
        "attempts": 3,
        "killed for memory": 0,
        "peak bytes": 3000 * MEBIBYTE,
        "cpu cores": 0.95,
        "memory before": "16Gi/32Gi",
        "memory after": "3008Mi",
        "cpu before": "4/none",
        "cpu after": "950m/none",
    }
    assert rightsized(result.text, tmp_path, TRAINED).files[0].status == "ok"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "generateName: nightly-",
            "generateName: nightly-\n      annotations: {couler.io/rightsize: never}",
            "says so",
        ),
        ("- name: train", "- name: train\n          metadata: {annotations: {couler.io/rightsize: never}}", "says so"),
        (
            "- name: train",
            "- name: train\n          metadata: {annotations: {couler.io/rightsize: mostly}}",
            "says 'mostly'",
        ),
        ("entrypoint", "podMetadata: {annotations: {couler.io/rightsize: never}}\n      entrypoint", "says so"),
        ("entrypoint", "workflowMetadata: {annotations: {couler.io/rightsize: never}}\n      entrypoint", "says so"),
        (
            "entrypoint",
            "templateDefaults: {metadata: {annotations: {couler.io/rightsize: never}}}\n      entrypoint",
            "says so",
        ),
        ("- name: train", "- name: train\n          podSpecPatch: '{{workflow.name}}'", "podSpecPatch"),
        ("entrypoint", 'podSpecPatch: \'{"containers": [{"resources": {}}]}\'\n      entrypoint', "podSpecPatch"),
    ],
)
def test_what_says_so_stays(old: str, new: str, reason: str, tmp_path: Path) -> None:
    result = rightsized(ARGO.replace(old, new, 1), tmp_path, TRAINED)
    assert result.files[0].status == "ok"
    assert len(reasons(result)) == 2
    assert all(subject == "train" and reason in said for subject, said in reasons(result))


def test_limits_are_kept_where_an_annotation_says_so(tmp_path: Path) -> None:
    kept = ARGO.replace(
        "- name: train", "- name: train\n          metadata: {annotations: {couler.io/rightsize: keep-limits}}"
    )
    lines = changes(rightsized(kept, tmp_path, TRAINED)).splitlines()
    assert [line for line in lines if "name: p," not in line] == [
        '-          requests: {cpu: "4", memory: 16Gi}  # a guess',
        '+          requests: {cpu: "950m", memory: 3008Mi}  # a guess',
    ]


@pytest.mark.parametrize(
    ("row", "after"),
    [
        ('task = "train"\nrightsize = "never"', None),
        ('step = "other"\nrightsize = "never"', "3008Mi"),
        ('image = "alpine:*"\nmax-memory = "3001Mi"', "3001Mi"),
        ('image = "alpine:*"\nmax-memory = "2Gi"', "16Gi/32Gi"),
        ('workflow = "nightly"\nmin-memory = "4Gi"', "4Gi"),
        ('task = "train"\nrightsize = "keep-limits"', "3008Mi/32Gi"),
    ],
)
def test_rows_of_the_settings_hold(row: str, after: str | None, tmp_path: Path) -> None:
    text = "[[rightsize.declare]]\n" + row
    result = rightsized(ARGO, tmp_path, TRAINED, settings=text)
    figures = [dict(item.figures) for item in changed(result)]
    assert [item["memory after"] for item in figures if item["container"] == "main"] == ([after] if after else [])
    if after is None:
        assert reasons(result) == [("train", "couler.toml:1 says so")] * 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('task = "train"', "it says nothing"),
        ('task = "train"\nrightsize = "Never"', "'rightsize' cannot be 'Never'; write never or keep-limits"),
        ('task = "train"\nmax-memory = 64', "'max-memory' cannot be 64; write 512Mi or 250m"),
        ('task = "train"\nmax-cpu = "4Gi"', "'max-cpu' cannot be '4Gi'"),
        ('task = "train"\nmin-memory = "1e300"', "'min-memory' cannot be '1e300'"),
        ('task = "train"\nmax-memory = "big"', "'max-memory' cannot be 'big'; write 512Mi or 250m"),
        ('task = "train"\nmemory = "1Gi"', "there is no 'memory'"),
    ],
)
def test_rows_that_say_nothing_are_refused(row: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"couler.toml:1: .*") as caught:
        rightsized(ARGO, tmp_path, TRAINED, settings="[[rightsize.declare]]\n" + row)
    assert problem in caught.value.message


def test_attempts_of_another_namespace_say_nothing(tmp_path: Path) -> None:
    there = msgspec.structs.replace(
        TRAINED,
        steps=tuple(
            msgspec.structs.replace(
                one, tries=tuple(msgspec.structs.replace(two, namespace="dev") for two in one.tries)
            )
            for one in TRAINED.steps
        ),
    )
    own = ARGO.replace("generateName", "namespace: prod\n      generateName")
    assert not rightsized(own, tmp_path, there).changed
    assert rightsized(own.replace("prod", "dev"), tmp_path, there).changed
    assert rightsized(own, tmp_path, TRAINED).changed  # of no namespace
    assert rightsized(ARGO, tmp_path, there).changed


def test_what_holds_for_all_templates_is_not_written_again(tmp_path: Path) -> None:
    usual = ARGO[: ARGO.index("            resources:")].replace(
        "      templates:",
        "      templateDefaults: {container: {resources: {requests: {cpu: 950m}, limits: {memory: 3Gi}}}}\n"
        "      templates:",
    )
    result = rightsized(usual, tmp_path, TRAINED)
    assert reasons(result) == [("train", "its sizes are right within 10%")]
    assert [dict(item.figures)["container"] for item in changed(result)] == ["p"]


def test_without_a_history_one_sentence_says_so(tmp_path: Path) -> None:
    ((subject, reason),) = reasons(rightsized(ARGO, tmp_path))
    assert (subject, reason.partition(":")[0]) == ("", "no past attempt of its steps is known")


TASK = """\
    apiVersion: tekton.dev/v1
    kind: Task
    metadata: {name: build}
    spec:
      stepTemplate:
        computeResources: {requests: {memory: 512Mi, cpu: 500m}, limits: {memory: 512Mi}}
      steps:
        - {name: compile, image: "alpine:3"}
        - {name: push, image: "alpine:3"}
        - name: scan
          ref: {name: scan}
    """


def test_tekton_gets_sizes_of_each_step_beside_its_step_template_also_of_stepactions(tmp_path: Path) -> None:
    uses = {"step-compile": (505, 0.5), "step-push": (100, 0.1), "step-scan": (100, 0.1)}
    built = run_of("build", ("task", uses | {"compile": uses["step-compile"], "push": uses["step-push"]}))
    result = rightsized(TASK, tmp_path, built)
    sizes = "computeResources: {requests: {cpu: 100m, memory: 112Mi}, limits: {memory: 112Mi}}"
    assert changes(result) == dedent(
        f"""\
        -    - {{name: push, image: "alpine:3"}}
        +    - {{name: push, image: "alpine:3", {sizes}}}
        +      computeResources:
        +        requests:
        +          cpu: 100m
        +          memory: 112Mi
        +        limits:
        +          memory: 112Mi"""
    )
    assert reasons(result) == [("task", "its sizes are right within 10%")]


RUN = """\
    apiVersion: tekton.dev/v1
    kind: PipelineRun
    metadata: {name: nightly}
    spec:
      pipelineSpec:
        tasks:
          - name: build
            taskRef: {name: build}
    """
PODS = run_of("nightly", ("pipeline/build", {"step-compile": (500, 0.5), "step-push": (100, 2)}))


def test_a_run_says_the_sizes_of_a_task_in_another_object(tmp_path: Path) -> None:
    result = rightsized(RUN, tmp_path, PODS)
    assert changes(result) == dedent(
        """\
        +  taskRunSpecs:
        +    - computeResources:
        +        limits:
        +          memory: 512Mi
        +        requests:
        +          cpu: "2"
        +          memory: 512Mi
        +      pipelineTaskName: build"""
    )
    assert dict(changed(result)[0].figures)["container"] == "all of the pod"
    assert rightsized(result.text, tmp_path, PODS).files[0].status == "ok"
    # The Task has its own sizes where it is in the same call.
    assert rightsized(RUN, tmp_path, PODS, more=TASK).files[0].status == "ok"


def test_a_run_that_says_sizes_itself_goes_before_its_steps(tmp_path: Path) -> None:
    said = "taskRunSpecs: [{pipelineTaskName: build, computeResources: {requests: {memory: 1Gi}}}]"
    text = RUN.replace("taskRef: {name: build}", "taskSpec: {steps: [{name: one, image: a}]}")
    text = text.replace("pipelineSpec:", f"{said}\n      pipelineSpec:")
    result = rightsized(text, tmp_path, run_of("nightly", ("pipeline/build", {"step-one": (9, 1)})))
    assert reasons(result) == [("pipeline/build", "its run says it (computeResources)")]


def test_a_pipeline_says_where_the_sizes_of_its_tasks_can_be(tmp_path: Path) -> None:
    pipeline = """\
        apiVersion: tekton.dev/v1
        kind: Pipeline
        metadata: {name: nightly}
        spec: {tasks: [{name: build, taskRef: {name: build}}]}
        """
    ((subject, reason),) = reasons(rightsized(pipeline, tmp_path, PODS))
    assert subject == "pipeline/build"
    assert reason == (
        "what it runs is in another object; of these, PipelineRuns say it (taskRunSpecs): name the file of "
        "the Task 'build' as well"
    )
    assert reasons(rightsized(pipeline, tmp_path, PODS, more=TASK)) == []


KFP = """\
    pipelineInfo: {name: nightly}
    schemaVersion: 2.1.0
    sdkVersion: kfp-2.13.0
    components:
      comp-train: {executorLabel: exec-train}
    deploymentSpec:
      executors:
        exec-train:
          container:
            image: alpine:3
            resources:
              cpuRequest: 4.0
              memoryLimit: 17.179869184
              resourceCpuRequest: '4'
              resourceMemoryLimit: 16Gi
    root:
      dag:
        tasks:
          train: {taskInfo: {name: train}, componentRef: {name: comp-train}}
    """


def test_kfp_gets_sizes_as_texts_and_as_the_numbers_beside_them(tmp_path: Path) -> None:
    result = rightsized(KFP, tmp_path, run_of("nightly", ("comp-train", {"main": (3000, 0.95)})))
    assert changes(result) == dedent(
        """\
        -          cpuRequest: 4.0
        -          memoryLimit: 17.179869184
        -          resourceCpuRequest: '4'
        -          resourceMemoryLimit: 16Gi
        +          cpuRequest: 0.95
        +          memoryLimit: 3.154116608
        +          resourceCpuRequest: '950m'
        +          resourceMemoryLimit: 3008Mi"""
    )


def test_kfp_takes_numbers_alone_for_sizes(tmp_path: Path) -> None:
    text = "\n".join(line for line in KFP.splitlines() if " resource" not in line or line.endswith("resources:"))
    result = rightsized(text, tmp_path, run_of("nightly", ("comp-train", {"main": (16000, 3.9)})))
    assert reasons(result) == [("comp-train", "its sizes are right within 10%")]


@pytest.mark.airflow
def test_airflow_gets_sizes_of_pods_where_a_dag_file_optimizes_it(tmp_path: Path) -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
    from kubernetes.client import models

    from couler_airflow import optimize as optimize_dag

    sizes = models.V1ResourceRequirements(requests={"memory": "16Gi"}, limits={"memory": "16Gi"})
    worker = models.V1Pod(spec=models.V1PodSpec(containers=[models.V1Container(name="base", resources=sizes)]))
    with DAG("nightly") as dag:
        KubernetesPodOperator(task_id="train", image="alpine:3", container_resources=sizes)
        KubernetesPodOperator(task_id="plain", image="alpine:3")
        PythonOperator(task_id="check", python_callable=len, executor_config={"pod_override": worker})
        PythonOperator(task_id="local", python_callable=len)
    uses = {"main": (3000.0, 0.95), "base": (3000.0, 0.95)}
    config = history_in(
        tmp_path, [run_of("nightly", *((f"task/{name}", uses) for name in ("train", "plain", "check", "local")))]
    )
    optimize_dag(dag, "rightsize", history=config.history)
    tasks = cast("dict[str, Any]", dag.task_dict)
    sized = ({"cpu": "950m", "memory": "3008Mi"}, {"memory": "3008Mi"})
    overridden = tasks["check"].executor_config["pod_override"].spec.containers[0].resources
    for resources in (tasks["train"].container_resources, tasks["plain"].container_resources, overridden):
        assert (resources.requests, resources.limits) == sized
    assert not tasks["local"].executor_config
    assert sizes.requests == {"memory": "16Gi"}


@pytest.mark.airflow
def test_airflow_takes_rows_of_its_declarations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    from airflow.sdk import DAG

    from couler_airflow import optimize as optimize_dag

    rows = tmp_path / "couler.toml"
    rows.write_text('[[rightsize.declare]]\ntask = "train"\nrightsize = "never"\n')
    monkeypatch.setenv("AIRFLOW__COULER__DECLARATIONS", str(rows))
    with DAG("nightly") as dag:
        KubernetesPodOperator(task_id="train", image="alpine:3")
        KubernetesPodOperator(task_id="other", image="alpine:3", annotations={"couler.io/rightsize": "never"})
        KubernetesPodOperator(task_id="plain", image="alpine:3")
    uses = {"main": (3000.0, 0.95), "base": (3000.0, 0.95)}
    config = history_in(
        tmp_path, [run_of("nightly", *((f"task/{name}", uses) for name in ("train", "other", "plain")))]
    )
    optimize_dag(dag, "rightsize", history=config.history)
    tasks = cast("dict[str, Any]", dag.task_dict)
    assert [bool(tasks[name].container_resources) for name in ("train", "other", "plain")] == [False, False, True]


@pytest.mark.parametrize(
    "pipeline",
    [
        "rightsize,cache",
        "rightsize,dedupe",
        "split{max-steps=3},rightsize",
        "rightsize{min-memory=big}",
        "rightsize{margin=-1}",
        "rightsize{margin=inf}",
        "rightsize{min-memory=64}",
    ],
)
def test_orders_and_options_that_spoil_it_are_refused(pipeline: str) -> None:
    with pytest.raises(InvalidInput):
        parse_pipeline(pipeline, PLUGINS)
