"""The benchmark of parallelize counts graphs that get shorter, on any folder of repositories."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import parallelize

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: chain-}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - [{name: a, template: leaf}]
        - [{name: b, template: leaf}]
        - [{name: c, template: leaf}]
        - [{name: d, template: VOLUME}]
    - name: leaf
      container: {image: "busybox:1"}
    - name: mounting
      container: {image: "busybox:1", volumeMounts: [{name: disk, mountPath: /d}]}
  volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]
"""


def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    out = folder.parent / "figures.json"
    monkeypatch.setattr(sys, "argv", ["parallelize", "--traces", str(folder), "--json", str(out)])
    parallelize.main()
    return json.loads(out.read_text())


def test_figures_are_those_of_the_graphs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, leaf in (("one", "leaf"), ("two", "mounting")):
        folder = tmp_path / "field" / f"team__{name}"
        folder.mkdir(parents=True)
        (folder / "w.yaml").write_text(WORKFLOW.replace("VOLUME", leaf))
    figures = run(monkeypatch, tmp_path / "field")
    assert (
        figures["graphs"] == figures["ordered"] == figures["by_data"] == figures["shortened"] == figures["stages"] == 2
    )
    assert figures["makespan_ratio"] == round((1 / 4 * 2 / 4) ** 0.5, 4)
    assert (figures["never_longer"], figures["changed_undeclared"], figures["refused_files"]) == (True, 0, [])
    assert figures["engines"]["argo"]["refused"] == {"it mounts the volume …, whose content is unknown": 1}
