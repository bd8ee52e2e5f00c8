"""What stands in a manifest beside what the IR has words for, on the way to another engine."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from couler_plugins import Text, convert

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: n-, annotations: null}
spec:
  entrypoint: main
  nodeSelector: null
  arguments: {parameters: [{name: p, value: x, description: null}]}
  templates:
    - name: main
      inputs: null
      dag:
        tasks:
          - name: a
            template: t
            depends: null
            when: null
            withItems: null
            arguments: {parameters: [{name: q, value: "1"}], artifacts: null}
          - {name: b, depends: a, template: t, arguments: {parameters: [{name: q, value: "{{workflow.parameters.p}}"}]}}
    - name: t
      inputs: {parameters: [{name: q, default: null}, {name: r, default: z, value: null}]}
      retryStrategy: null
      outputs: {parameters: null}
      container:
        image: busybox
        command: [echo]
        args: ["{{inputs.parameters.q}}", "{{inputs.parameters.r}}"]
        env: [{name: A, value: null}, {name: B, value: b, valueFrom: null}]
        resources: null
        workingDir: null
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: n-}
spec:
  params: null
  pipelineSpec:
    params: [{name: p, default: x, type: null}]
    tasks:
      - name: a
        runAfter: null
        when: null
        matrix: null
        retries: null
        timeout: null
        params: [{name: q, value: "1"}]
        taskSpec:
          params: [{name: q, default: null}, {name: r, default: z, description: null}]
          results: null
          steps:
            - image: busybox
              command: [echo]
              args: ["$(params.q)", "$(params.r)"]
              env: [{name: A, value: null}, {name: B, value: b, valueFrom: null}]
              workingDir: null
              script: null
              securityContext: null
"""


def nulls(data: Any) -> bool:
    match data:
        case dict():
            return any(map(nulls, data.values()))
        case list():
            return any(map(nulls, data))
    return data is None


def without(data: Any) -> Any:
    match data:
        case dict():
            return {key: without(inner) for key, inner in data.items() if inner is not None}
        case list():
            return [without(inner) for inner in data]
    return data


def plainly(text: str) -> str:
    """The text without its nulls, written by somebody else; an unset variable is an empty one."""
    return yaml.safe_dump(without(yaml.safe_load(text.replace("A, value: null", 'A, value: ""'))))


@pytest.mark.parametrize(
    ("text", "target"),
    [(ARGO, "tekton"), (ARGO, "kfp"), (ARGO, "airflow"), (TEKTON, "argo"), (TEKTON, "kfp"), (TEKTON, "airflow")],
)
def test_null_says_nothing(text: str, target: str) -> None:
    written, expected = (convert(Text(item, "n.yaml"), target).text for item in (text, plainly(text)))
    assert written == expected
    if target != "airflow":
        assert not any(map(nulls, yaml.safe_load_all(written)))


@pytest.mark.parametrize("target", ["airflow", "kfp", "tekton"])
def test_what_is_empty_says_nothing(target: str) -> None:
    plain = convert(Text(ARGO, "n.yaml"), target).text
    for empty in ("dependencies: []", 'depends: ""', 'when: ""', "hooks: {}"):
        assert convert(Text(ARGO.replace("depends: null", empty), "n.yaml"), target).text == plain


@pytest.mark.parametrize("target", ["airflow", "kfp", "tekton"])
def test_what_only_the_engine_knows_is_named(target: str) -> None:
    for text, names in (
        (ARGO.replace("when: null", "future: {a: {b: 1}}"), "future.a"),
        (ARGO.replace("when: null", "future: 1\n            past: '{{workflow.name}}'"), "future, past"),
    ):
        (file,) = convert(Text(text, "n.yaml"), target).files
        assert f"'a' has {names}, which means nothing outside of its engine" in str(file.error)


def test_a_null_among_the_items_of_a_loop_is_an_item() -> None:
    text = ARGO.replace("withItems: null", "withItems: [{x: null}]").replace('value: "1"', 'value: "{{item.x}}"')
    for target in ("tekton", "kfp", "airflow"):
        (file,) = convert(Text(text, "n.yaml"), target).files
        assert file.error is not None or "null" in str(file.text) or "None" in str(file.text)
