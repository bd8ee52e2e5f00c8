"""Names that YAML 1.1 reads as true or false are refused where they stand, with what to do about it."""

from __future__ import annotations

import pytest

from adapters.subjects import ARGO, TEKTON, Subject
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError

ARGO_TEXT = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: make}
      - name: b
        template: say
        arguments:
          parameters:
          - {name: NAME, value: "{{tasks.a.outputs.parameters.NAME}}"}
  - name: make
    container: {image: busybox}
    outputs: {parameters: [{name: "NAME", valueFrom: {path: /tmp/n}}]}
  - name: say
    container: {image: busybox}
    inputs: {parameters: [{name: "NAME"}]}
"""
TEKTON_TEXT = """\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: r-}
spec:
  pipelineSpec:
    params:
    - {name: NAME, type: string, default: x}
    tasks:
    - name: a
      params: [{name: "NAME", value: $(params.NAME)}]
      taskSpec: {params: [{name: "NAME"}], steps: [{name: s, image: busybox}]}
"""


@pytest.mark.parametrize("name", ["n", "y", "N", "Y", "on", "off", "yes", "no"])
@pytest.mark.parametrize(
    ("subject", "text", "line"), [(ARGO, ARGO_TEXT, 15), (TEKTON, TEKTON_TEXT, 7)], ids=["argo", "tekton"]
)
def test_a_name_that_is_a_boolean_has_to_be_quoted(subject: Subject, text: str, line: int, name: str) -> None:
    (error,) = errors_of(subject, text.replace("NAME", name))
    assert (error.file, error.line, error.hint) == ("w.yaml", line, "put the name in quotes")
    read_as = "true" if name.casefold() in ("y", "on", "yes") else "false"
    assert f"is not text: Kubernetes reads it as {read_as}" in error.message
    assert errors_of(subject, text.replace("name: NAME", f'name: "{name}"').replace("NAME", name)) == []


def errors_of(subject: Subject, text: str) -> list[CoulerError]:
    errors: list[CoulerError] = []
    subject.adapter.lift(subject.adapter.load([read(text, "w.yaml")]), lambda _, error: errors.append(error))
    return errors
