"""Fields are changed to other values of their kind, and what nobody is told of is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import losses
from benchmarks.losses_mutations import other, schema_path

TASK_RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: hello}
spec:
  taskSpec:
    description: Says hello.
    steps: [{name: main, image: "busybox:1", command: [echo]}]
"""


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        (True, False),
        (3, 4),
        ("true", "false"),
        ("10m", "11m"),
        ("Always", "IfNotPresent"),
        ("{{inputs.parameters.a}}", "{{inputs.parameters.a}}x"),
        ("a-$(params.b)", "b-$(params.b)"),
        ("buzz", "buzy"),
    ],
)
def test_a_value_becomes_another_of_its_kind(value: object, changed: object) -> None:
    assert other(value, "field") == changed


def test_names_of_owners_are_no_part_of_a_path() -> None:
    assert schema_path(("spec", "tasks", 3, "name")) == "spec.tasks.*.name"
    assert schema_path(("metadata", "labels", "team")) == "metadata.labels.*"


def test_a_loss_that_nobody_tells_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hello.yaml"
    path.write_text(TASK_RUN)
    assert losses.figures_of([path])["silent_losses"] == 0
    monkeypatch.setattr("couler_plugins.driver.differences.omissions", lambda *_: ())
    figures = losses.figures_of([path])
    assert ("tekton to airflow", "spec.taskSpec.description") in set(losses.silent_paths(figures))
