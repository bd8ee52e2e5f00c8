"""The benchmark of `fuse` counts what is there, and its own count of time knows no chain that the pass chose."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import fuse

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: rows-}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: a, template: one}
          - {name: b, template: one, depends: a}
          - {name: c, template: one, depends: b, when: "1 == 1"}
    - name: one
      container: {image: "busybox:1.36", command: [echo, hello]}
"""


def test_the_figures_are_those_of_the_repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("mine", "mine/tests", "yours"):
        (tmp_path / "repositories" / folder).mkdir(parents=True)
        (tmp_path / "repositories" / folder / "w.yaml").write_text(WORKFLOW)
    out = tmp_path / "fuse.json"
    monkeypatch.setattr(fuse, "executions", lambda folder, *, quick: iter([(["x", "y"], [[], [0]], [1.0, 2.0])]))
    monkeypatch.setattr(
        sys, "argv", ["fuse", "--quick", "--traces", str(tmp_path / "repositories"), "--json", str(out)]
    )
    fuse.main()
    figures = json.loads(out.read_text())
    assert (figures["pods_before"], figures["pods_saved"]["bound"], figures["chains"]["bound"]) == (6, 2, 2)
    assert figures["refused"]["bound"] == {"condition": 2}
    assert figures["share_saved"]["bound"] == 0.3333
    assert figures["by_repository"]["yours"]["pods_before"] == 3
    assert figures["makespan_worse"] == 0
    assert figures["makespan_gain"]["free, 30 s"] == round((3 + 60) / (3 + 30), 4)
    assert figures["makespan_chains"] == 10


def test_the_time_of_a_run_is_counted_without_the_pass() -> None:
    names, parents, seconds = ["q", "r1", "r2", "z", "a", "b"], [[], [0], [0], [1, 2], [], [4]], [1, 10, 10, 10, 1, 10]
    free = [fuse.makespan(names, parents, seconds, chains, 1, None) for chains in ([], [["a", "b"]])]
    two = [fuse.makespan(names, parents, seconds, chains, 1, 2) for chains in ([], [["a", "b"]])]
    assert free == [24, 24]
    assert two[1] > two[0]
    assert fuse.chains_of(names, parents, seconds, 1, None) == [["a", "b"]]
    assert fuse.chains_of(names, parents, seconds, 1, 2) == []


def test_generated_graphs_stand_in_for_runs(tmp_path: Path) -> None:
    runs = list(fuse.executions(tmp_path / "nothing", quick=True))
    assert {len(names) > 50 for names, _, _ in runs} == {True}
    assert fuse.makespans(runs[:1])["makespan_worse"] == 0
