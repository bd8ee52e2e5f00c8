"""What converted workflows compute, run for real: on the way over each engine that has a form of its own.

There is no engine here that could run Tekton's or KFP's containers. So what is written for them is read back, written
for Argo, and run there by a runner that shares no code with the adapters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.argo_runs import ArgoRun
from couler_plugins import Text, convert

PIPELINE = r"""
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: mood}
spec:
  params: [{name: log, type: string}, {name: who, default: world}]
  results: [{name: mood, value: $(tasks.choose.results.mood)}]
  tasks:
    - name: choose
      taskSpec:
        results: [{name: mood}, {name: text}]
        steps:
          - image: busybox
            script: |
              printf kind > $(results.mood.path)
              printf 'two\nlines' > $(results.text.path)
    - name: greet
      when: [{input: $(tasks.choose.results.mood), operator: in, values: [kind, cheerful]}]
      params: [{name: text, value: "Hello, $(params.who): $(tasks.choose.results.text)"}]
      taskRef: {name: say}
    - name: growl
      when: [{input: $(tasks.choose.results.mood), operator: notin, values: [kind]}]
      params: [{name: text, value: Grr}]
      taskRef: {name: say}
    - name: each
      runAfter: [choose]
      matrix: {params: [{name: text, value: [one, two]}]}
      taskRef: {name: say}
    - name: pair
      matrix: {params: [{name: a, value: [x, z]}, {name: b, value: [p, q]}]}
      taskSpec:
        params: [{name: a}, {name: b}]
        steps: [{image: busybox, command: [sh, -c, 'echo "$0$1" >> $(params.log)', $(params.a), $(params.b)]}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: say}
spec:
  params: [{name: text}, {name: mark, default: "!"}]
  steps:
    - image: busybox
      args: ["$(params.text)", "$(params.mark)"]
      env: [{name: GREETING, value: "> "}]
      script: |
        #!/bin/sh
        printf '%s%s%s\n' "$GREETING" "$1" "$2" >> LOG
"""
SAID = ["> Hello, world: two", "lines!", "> one!", "> two!", "xp", "xq", "zp", "zq"]

WORKFLOW = r"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: mood}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: world}]}
  templates:
    - name: main
      steps:
        - - {name: choose, template: choose}
        - - name: greet
            template: greet
            arguments: {parameters: [{name: mood, value: "{{steps.choose.outputs.parameters.mood}}"}]}
          - name: growl
            template: say
            when: "{{steps.choose.outputs.parameters.mood}} != kind"
            arguments: {parameters: [{name: text, value: Grr}]}
          - name: printed
            template: say
            arguments: {parameters: [{name: text, value: "[{{steps.choose.outputs.result}}]"}]}
          - name: items
            template: say
            withItems: [{word: one, count: 1}, {word: two, count: 2}]
            arguments: {parameters: [{name: text, value: "{{item.word}}-{{item.count}}"}]}
          - name: counted
            template: say
            withSequence: {start: 2, end: 1, format: "no%02d"}
            arguments: {parameters: [{name: text, value: "{{item}}"}]}
          - name: listed
            templateRef: {name: speech, template: say}
            withParam: '["a", "b c"]'
            arguments: {parameters: [{name: text, value: "{{item}}"}]}
          - name: joined
            templateRef: {name: speech, template: aloud}
            when: "{{=workflow.parameters.who == 'world'}}"
            arguments: {parameters: [{name: text, value: "{{='to the ' + workflow.parameters.who}}"}]}
    - name: choose
      script:
        image: busybox
        command: [sh, -e]
        source: |
          echo kind > MOOD
          echo 'it prints "this"'
          echo too
      outputs:
        parameters:
          - {name: mood, valueFrom: {path: MOOD}}
          - {name: missing, valueFrom: {path: MOOD.not, default: none}}
    - name: greet
      inputs: {parameters: [{name: mood}]}
      dag:
        tasks:
          - name: only-if-kind
            template: say
            when: "{{inputs.parameters.mood}} == kind"
            arguments: {parameters: [{name: text, value: "Hello, {{workflow.parameters.who}}"}]}
    - name: say
      inputs: {parameters: [{name: text}, {name: mark, value: "!"}]}
      container:
        image: busybox
        command: [sh, -c, 'printf "%s%s\n" "$0" "$1" >> LOG']
        args: ["{{inputs.parameters.text}}", "{{inputs.parameters.mark}}"]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: speech}
spec:
  templates:
    - name: aloud
      inputs: {parameters: [{name: text}]}
      dag:
        tasks:
          - {name: say, template: say, arguments: {parameters: [{name: text, value: "{{inputs.parameters.text}}"}]}}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, command: [sh, -c, 'echo "$0?" >> LOG'], args: ["{{inputs.parameters.text}}"]}
"""
MORE = r"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: more}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: make, template: make}
          - name: read
            depends: make
            template: read
            arguments: {artifacts: [{name: file, from: "{{tasks.make.outputs.artifacts.file}}"}]}
          - name: each
            depends: make
            template: say
            withParam: "{{tasks.make.outputs.parameters.list}}"
            arguments: {parameters: [{name: text, value: "each {{item}}"}]}
          - name: count
            template: say
            withSequence: {start: "2", end: "1", format: "n%02d"}
            arguments: {parameters: [{name: text, value: "{{item}}"}]}
          - {name: flaky, template: fail, continueOn: {failed: true}}
          - name: bad
            depends: flaky.Failed
            template: say
            arguments: {parameters: [{name: text, value: it failed}]}
          - name: good
            depends: flaky.Succeeded
            template: say
            arguments: {parameters: [{name: text, value: it succeeded}]}
          - name: never
            depends: make
            template: say
            when: "{{tasks.make.outputs.parameters.word}} == cheerful"
            arguments: {parameters: [{name: text, value: never}]}
          - name: anyway
            depends: never
            template: say
            arguments: {parameters: [{name: text, value: anyway}]}
          - name: either
            depends: make
            template: say
            when: "{{tasks.make.outputs.parameters.list}} == word || !({{tasks.make.outputs.parameters.word}} != kind)"
            arguments: {parameters: [{name: text, value: either}]}
    - name: make
      container:
        image: busybox
        command: [sh, -c, 'echo content > FILE; printf "%s" "[1, \"b\"]" > MOOD; echo kind > MOOD.word']
      outputs:
        parameters: [{name: list, valueFrom: {path: MOOD}}, {name: word, valueFrom: {path: MOOD.word}}]
        artifacts: [{name: file, path: FILE}]
    - name: read
      inputs:
        artifacts: [{name: file, path: COPY}, {name: text, path: COPY.text, raw: {data: "as text"}}]
      container:
        image: busybox
        env: [{name: WORDS, value: "and {{workflow.uid}}"}]
        command: [sh, -c, 'echo "$(cat COPY), $(cat COPY.text) $WORDS" >> LOG']
    - {name: fail, container: {image: busybox, command: [sh, -c, exit 3]}}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, command: [sh, -c, 'echo "$0" >> LOG'], args: ["{{inputs.parameters.text}}"]}
"""
LINES = ["content, as text and uid", "each 1", "each b", "n02", "n01", "it failed", "anyway", "either"]
STEPS = ["Hello, world!", '[it prints "this"', "too]!", "one-1!", "two-2!"]
STEPS += ["no02!", "no01!", "a?", "b c?", "to the world?"]


def over(text: str, engines: list[str], folder: Path) -> list[str]:
    """The lines that a workflow writes once it was converted to these engines, one after another, and run."""
    log = folder / "log"
    for name in ("log", "mood", "file", "copy"):
        text = text.replace(name.upper(), str(folder / name))
    documents: tuple[Any, ...] = ()
    for engine in engines:
        (file,) = convert(Text(text, f"mood-{engine}.yaml"), engine).files
        assert file.error is None, f"{engine}: {file.error}"
        assert file.text is not None
        text, documents = file.text, file.documents
    (document,) = documents
    run = ArgoRun(document, folder, log=str(log))
    assert run.state == "Succeeded", run.states
    return sorted(log.read_text().splitlines())


@pytest.mark.parametrize("engines", [["argo"], ["kfp", "argo"]], ids="-".join)
def test_a_pipeline_of_tekton(engines: list[str], tmp_path: Path) -> None:
    assert over(PIPELINE, engines, tmp_path) == sorted(SAID)


@pytest.mark.parametrize("engines", [["tekton", "argo"], ["kfp", "argo"], ["tekton", "kfp", "argo"]], ids="-".join)
def test_a_workflow_of_argo(engines: list[str], tmp_path: Path) -> None:
    assert over(WORKFLOW, engines, tmp_path) == sorted(STEPS)


def test_what_only_shell_says_in_kfp(tmp_path: Path) -> None:
    """Artifacts at paths of their own, lists of the run, failures that are waited for, and steps that are skipped."""
    assert over(MORE, ["kfp", "argo"], tmp_path) == sorted(LINES)
