"""What of a workflow of Argo means nothing outside of it, and is refused before anybody writes it."""

from __future__ import annotations

import pytest

from couler_plugins import Text, convert

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: whole}}
spec:
  entrypoint: t
  arguments: {{parameters: [{{name: q, value: x}}{more}]}}
  templates:
    - name: t
      inputs: {{parameters: [{{name: q}}]}}
      container: {{image: busybox, command: [echo], args: ["{text}"]}}
"""

each_target = pytest.mark.parametrize("target", ["airflow", "kfp", "tekton"])


@each_target
@pytest.mark.parametrize("variable", ["inputs.parameters", "workflow.parameters.json"])
def test_all_parameters_at_once_are_refused(variable: str, target: str) -> None:
    text = WORKFLOW.format(more="", text=f"{{{{{variable}}}}}")
    (file,) = convert(Text(text, "n.yaml"), target).files
    assert file.error is not None
    assert f"reads {variable}: all of them at once" in file.error.message
    assert file.error.hint == "read them one by one"


@each_target
def test_a_parameter_may_be_called_json(target: str) -> None:
    text = WORKFLOW.format(more=", {name: json, value: z}", text="{{workflow.parameters.json}}")
    assert "z" in str(convert(Text(text, "n.yaml"), target).text)
