"""Advice on splitting: it never raises, and says of which workflow it cannot tell."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.api import Result, Text, optimize
from couler_plugins.parallelism.report import SplitAdvice

GOOD = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: good}
spec:
  entrypoint: main
  templates:
    - name: main
      inputs: {parameters: [{name: x}]}
      steps: [[{name: run, template: work}]]
    - name: work
      container: {image: alpine, command: [run]}
"""
ODD = GOOD.replace("good", "odd").replace("name: run", 'name: "run-{{inputs.parameters.x}}"')


def advice(result: Result) -> dict[str, str]:
    assert [file.error for file in result.files] == [None] * len(result.files)
    return {item.workflow: item.reason for item in result.decisions if item.optimizer == SplitAdvice.name}


def test_a_name_with_a_template_in_it_ends_nothing() -> None:
    result = optimize([Text(ODD, "odd.yaml"), Text(GOOD, "good.yaml")], [SplitAdvice()])
    assert advice(result) == {
        "odd": "its size is not known: 'run-{{inputs.parameters.x}}' is no name for Argo: letters, digits and -, "
        "at most 128"
    }


def test_an_error_in_an_adapter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise TypeError("no bytes")

    monkeypatch.setattr("couler_plugins.parallelism.report.excess", fail)
    assert advice(optimize(Text(GOOD, "good.yaml"), [SplitAdvice()])) == {
        "good": "its size is not known, which is an error in the adapter of argo: TypeError('no bytes')"
    }
