"""No conversion loses something silently: what people read is told, and so is all else by a change of each field."""

from __future__ import annotations

import re

import pytest

from benchmarks.losses import figures_of, silent_paths
from couler_plugins import Text, convert
from couler_plugins.errors import Unsupported
from support import corpus_paths, own_files

EVERY = 20
"""One of so many files of the shared corpora is changed, beside all of our own."""
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: greet}
spec:
  tasks:
  - name: greet
    displayName: Greets everybody
    taskSpec:
      description: Says hello.
      steps: [{name: main, image: busybox, command: [echo, hello]}]
"""
RECURSION = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: again}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: say, template: say}
    - - {name: once-more, template: main}
  - name: say
    container: {image: busybox, command: [echo]}
"""
LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: tekton.dev/v1
  kind: TaskRun
  metadata: {name: hello}
  spec: {taskSpec: {steps: [{name: main, image: busybox, command: [echo]}]}}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: levels}
"""


def test_what_people_read_is_told_and_refused_when_strict() -> None:
    (file,) = convert(Text(PIPELINE, "greet.yaml"), "kfp").files
    told = " ".join(decision.reason for decision in file.decisions if decision.loss == "detail")
    assert "displayName" in told
    assert "description" in told
    (strict,) = convert(Text(PIPELINE, "greet.yaml"), "kfp", strict=True).files
    assert isinstance(strict.error, Unsupported)


def test_a_placeholder_for_more_than_a_step_says_so() -> None:
    (file,) = convert(Text(RECURSION, "again.yaml"), "tekton", on_unsupported="todo").files
    assert "all of 'again'" in " ".join(decision.reason for decision in file.decisions if decision.loss == "step")


def test_an_object_in_a_list_that_is_no_workflow_is_told() -> None:
    (file,) = convert(Text(LIST, "list.yaml"), "argo").files
    assert "line 8 begins a ConfigMap" in " ".join(decision.reason for decision in file.decisions)


UNUSED = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ["5 4 * * *"]
  concurrencyPolicy: Allow
  when: "{{= cronworkflow.failed < 3 }}"
  workflowSpec:
    entrypoint: main
    arguments: {parameters: [{name: unread, value: x}, {name: day, value: x}]}
    templates:
    - name: main
      inputs: {parameters: [{name: day}]}
      dag: {failFast: false, tasks: [{name: run, template: run}]}
    - name: run
      synchronization: {mutexes: [{name: one}]}
      retryStrategy: {limit: 2, retryPolicy: OnFailure}
      container: {image: busybox, command: [echo]}
      outputs: {artifacts: [{name: log, path: /tmp/log, s3: {key: log}}]}
    - name: uncalled
      container: {image: busybox, command: [echo]}
"""


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("kfp", ("'uncalled'", "its schedule has concurrencyPolicy", "its schedule has when", "and not failFast")),
        ("kfp", ("OnFailure", "its artifact 'log' is kept where the pipeline root is, and not in s3")),
        ("airflow", ("'uncalled'", "OnFailure", "the pool 'one' of Airflow")),
    ],
)
def test_what_no_run_computes_with_is_told(engine: str, told: tuple[str, ...]) -> None:
    text = UNUSED if engine == "kfp" else re.sub(r" +(when|outputs): .*\n", "", UNUSED)
    (file,) = convert(Text(text, "nightly.yaml"), engine, on_unsupported="todo").files
    reasons = " ".join(decision.reason for decision in file.decisions)
    assert [text for text in told if text not in reasons] == []
    assert "'day'" not in reasons


@pytest.mark.slow
def test_no_change_of_a_field_is_lost_silently() -> None:
    engines = ("argo", "kfp", "tekton")
    shared = [path for engine in engines for path in corpus_paths(engine)[len(own_files(engine)) :: EVERY]]
    figures = figures_of([*(path for engine in engines for path in own_files(engine)), *shared])
    assert set(silent_paths(figures)) == set()
    assert figures["changed"] > figures["silent_losses"]
