"""The judge of settings fails on outputs that were broken by hand, each at one place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from carrying import SETTINGS, bare, places

ARGO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: say}
      - name: b
        inline:
          script: {image: i, source: s, resources: {requests: {cpu: 1}}}
          retryStrategy: {limit: 2}
          timeout: 5m
          metadata: {labels: {team: x}}
  - name: wait
    suspend: {}
  - name: say
    container: {image: i, resources: {limits: {memory: 1Gi}}}
    retryStrategy: {limit: 2}
    activeDeadlineSeconds: 60
    metadata: {labels: {team: x}}
  - name: set
    containerSet:
      containers: [{name: main, image: i, resources: {requests: {cpu: 1}}}]
    retryStrategy: {}
    timeout: 5m
    metadata: {labels: {team: x}}
"""
KFP = """
components:
  comp-a: {executorLabel: exec-a}
  comp-b: {dag: {tasks: {inner: {componentRef: {name: comp-a}, retryPolicy: {maxRetryCount: 2}}}}}
  comp-i: {executorLabel: exec-i}
deploymentSpec:
  executors:
    exec-a: {container: {image: i, resources: {resourceCpuRequest: '1'}}}
    exec-i: {importer: {artifactUri: {constant: u}}}
root:
  dag:
    tasks:
      a: {componentRef: {name: comp-a}, retryPolicy: {maxRetryCount: 2}}
      b: {componentRef: {name: comp-b}}
      i: {componentRef: {name: comp-i}}
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-a: {activeDeadlineSeconds: 60, podMetadata: {labels: {team: x}}}
"""
TEKTON = """
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
  - name: a
    retries: 2
    timeout: 5m
    taskSpec:
      metadata: {labels: {team: x}}
      steps: [{name: s, image: i, computeResources: {requests: {cpu: 1}}}]
  - {name: far, taskRef: {name: elsewhere}}
  finally:
  - {name: b, taskRef: {name: t}, retries: 1, timeout: 5m}
  - {name: c, taskRef: {name: t}, onError: continue, timeout: 5m}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t, labels: {team: x}}
spec:
  steps: [{name: s, image: i, computeResources: {requests: {cpu: 1}}}, {name: r, ref: {name: action}}]
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r, labels: {team: x}}
spec:
  retries: 2
  timeout: 5m
  taskSpec:
    steps: [{name: s, image: i, computeResources: {requests: {cpu: 1}}}]
"""
AIRFLOW = """
dag:
  tasks:
  - __var:
      task_id: plain
      template_fields: [bash_command, env]
      retries: 2
      execution_timeout: 60.0
  - __var:
      task_id: pod
      template_fields: [image, labels, container_resources, pod_template_dict]
      retries: 2
      execution_timeout: 60.0
      labels: {team: x}
      container_resources: {requests: {cpu: '1'}, limits: null}
  - __var:
      task_id: mapped
      template_fields: [image, labels, container_resources, pod_template_dict]
      partial_kwargs:
        retries: 2
        execution_timeout: {__type: timedelta, __var: 60.0}
        labels: {__type: dict, __var: {team: x}}
        container_resources: "{'claims': None, 'limits': None, 'requests': {'cpu': '1'}}"
  - __var:
      task_id: worker
      template_fields: [op_args]
      retries: 2
      execution_timeout: 60.0
      executor_config:
        __type: dict
        __var:
          pod_override:
            __type: k8s.V1Pod
            __var:
              metadata: {labels: {team: x}}
              spec: {containers: [{name: base, resources: {requests: {cpu: '1'}}}]}
"""
GOOD = {
    engine: list(yaml.safe_load_all(text))
    for engine, text in {"argo": ARGO, "kfp": KFP, "tekton": TEKTON, "airflow": AIRFLOW}.items()
}


PLATFORM = (1, "platforms", "kubernetes", "deploymentSpec", "executors", "exec-a")
TEMPLATES = (0, "spec", "templates")
TASKS = (0, "dag", "tasks")
POD = (*TASKS, 3, "__var", "executor_config", "__var", "pod_override", "__var")
BROKEN: list[tuple[str, tuple[str | int, ...], str, list[str]]] = [
    ("argo", (*TEMPLATES, 2, "retryStrategy"), "retry", ["say"]),
    ("argo", (*TEMPLATES, 2, "activeDeadlineSeconds"), "timeout", ["say"]),
    ("argo", (*TEMPLATES, 0, "dag", "tasks", 1, "inline", "timeout"), "timeout", ["main/b"]),
    ("argo", (*TEMPLATES, 0, "dag", "tasks", 1, "inline", "script", "resources"), "requests", ["main/b"]),
    ("argo", (*TEMPLATES, 3, "containerSet", "containers", 0, "resources"), "requests", ["set"]),
    ("argo", (*TEMPLATES, 2, "metadata", "labels", "team"), "label", ["say"]),
    ("kfp", (0, "components", "comp-b", "dag", "tasks", "inner", "retryPolicy"), "retry", ["inner"]),
    ("kfp", (*PLATFORM, "activeDeadlineSeconds"), "timeout", ["a", "inner"]),
    ("kfp", (0, "deploymentSpec", "executors", "exec-a", "container", "resources"), "requests", ["a", "inner"]),
    ("kfp", (*PLATFORM, "podMetadata", "labels"), "label", ["a", "inner"]),
    ("tekton", (0, "spec", "tasks", 0, "retries"), "retry", ["p/a"]),
    ("tekton", (0, "spec", "finally", 1, "timeout"), "timeout", ["p/c"]),
    ("tekton", (1, "spec", "steps", 0, "computeResources"), "requests", ["p/b", "p/c"]),
    ("tekton", (1, "metadata", "labels"), "label", ["p/b", "p/c"]),
    ("tekton", (2, "spec", "retries"), "retry", ["r"]),
    ("tekton", (2, "metadata", "labels", "team"), "label", ["r"]),
    ("airflow", (*TASKS, 0, "__var", "retries"), "retry", ["plain"]),
    ("airflow", (*TASKS, 2, "__var", "partial_kwargs", "execution_timeout"), "timeout", ["mapped"]),
    ("airflow", (*TASKS, 1, "__var", "container_resources", "requests"), "requests", ["pod"]),
    ("airflow", (*TASKS, 2, "__var", "partial_kwargs", "container_resources"), "requests", ["mapped"]),
    ("airflow", (*TASKS, 2, "__var", "partial_kwargs", "labels"), "label", ["mapped"]),
    ("airflow", (*POD, "metadata"), "label", ["worker"]),
    ("airflow", (*POD, "spec", "containers"), "requests", ["worker"]),
]


@pytest.mark.parametrize(("engine", "able"), [("argo", 3), ("kfp", 2), ("tekton", 4), ("airflow", 4)])
def test_what_carries_everything_lacks_nothing(engine: str, able: int) -> None:
    assert len(places(engine, GOOD[engine])) == able
    assert [bare(engine, GOOD[engine], setting) for setting in SETTINGS] == [[]] * len(SETTINGS)


@pytest.mark.parametrize(("engine", "path", "setting", "names"), BROKEN)
def test_what_is_broken_is_seen(engine: str, path: tuple[str | int, ...], setting: str, names: list[str]) -> None:
    documents = copy.deepcopy(GOOD[engine])
    owner: Any = documents
    for key in path[:-1]:
        owner = owner[key]
    del owner[path[-1]]
    assert {item: bare(engine, documents, item) for item in SETTINGS} == {
        item: names if item == setting else [] for item in SETTINGS
    }


def test_steps_that_cannot_carry_a_setting_are_not_asked_for_it() -> None:
    tekton = {place.where: {*place.carries} for place in places("tekton", GOOD["tekton"])}
    assert "retry" not in tekton["p/c"]
    assert "p/far" not in tekton
    airflow = {place.where: {*place.carries} for place in places("airflow", GOOD["airflow"])}
    assert airflow["plain"] == {"retry", "timeout"}
    assert "wait" not in {place.where for place in places("argo", GOOD["argo"])}
    alone = places("tekton", GOOD["tekton"][1:2])
    assert [(place.where, {*place.carries}) for place in alone] == [("t", {"requests", "label"})]
