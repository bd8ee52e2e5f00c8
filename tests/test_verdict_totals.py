"""Totals of verdicts: per engine and optimizer, and none of the call sites forgotten."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from couler_plugins.api import Result, Text, optimize
from couler_plugins.driver.pipeline import Pass
from couler_plugins.driver.verdict_totals import VerdictTotals, total_of, verdict_totals
from couler_plugins.ir import leaf_call_sites
from support import first_of, shared

ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - - {name: a, template: pure, arguments: {parameters: [{name: x, value: "1"}]}}
          - {name: b, template: undeclared, arguments: {parameters: [{name: x, value: "1"}]}}
          - {name: c, template: effect}
          - {name: d, template: inner}
    - name: inner
      steps: [[{name: e, template: effect}]]
    - name: pure
      metadata: {annotations: {couler.io/cache: pure}}
      inputs: {parameters: [{name: x}]}
      container: {image: alpine, command: [run], args: ["{{inputs.parameters.x}}"]}
      outputs: {artifacts: [{name: result, path: /tmp/result}]}
    - name: undeclared
      inputs: {parameters: [{name: x}]}
      container: {image: alpine, command: [count], args: ["{{inputs.parameters.x}}"]}
      outputs: {artifacts: [{name: result, path: /tmp/result}]}
    - name: effect
      container: {image: alpine, command: [mail]}
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: known
      taskRef: {name: t}
      params: [{name: x, value: "1"}]
    - name: absent
      taskRef: {name: absent}
    - name: resolved
      taskRef: {resolver: git}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: x}]
  results: [{name: r}]
  steps: [{image: alpine, script: "run $(params.x) > $(results.r.path)"}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: alone}
spec:
  steps: [{image: alpine, script: run}]
"""


def results(pipeline: str = "dedupe,cache{via=memoize}") -> Result:
    return optimize([Text(ARGO, "argo.yaml"), Text(TEKTON, "tekton.yaml")], pipeline)


def by_engine(result: Result, optimizer: str = "cache") -> dict[str, VerdictTotals]:
    return {total.engine: total for total in verdict_totals(result) if total.optimizer == optimizer}


def test_totals_are_per_engine() -> None:
    totals = by_engine(results())
    argo, tekton = totals["argo"], totals["tekton"]
    assert (argo.workflows, argo.calls, argo.unjudged) == (1, 4, 0)
    assert argo.verdicts == {"never": 2, "cached": 1, "declarable": 1}
    assert argo.never == {"no-outputs": 2}
    assert (argo.declarable, argo.places) == ({"not-declared": 1}, 1)
    assert (tekton.workflows, tekton.calls, tekton.unjudged) == (3, 3, 0)
    assert tekton.verdicts == {"declarable": 1, "not-in-call": 1, "never": 1}
    assert tekton.never == {"resolver": 1}
    assert tekton.declarable == {"no-store": 1, "not-declared": 1, "unbounded-output": 1}
    assert tekton.places == 1
    assert tekton.uncalled == {"never": 1}


def test_changes_are_counted_for_every_optimizer() -> None:
    result = results()
    assert {total.optimizer for total in verdict_totals(result)} == {"dedupe", "cache"}
    assert by_engine(result)["argo"].changed == 2  # the step, and the workflow that has it
    assert by_engine(result, "dedupe")["argo"].changed == 0
    assert by_engine(result, "dedupe")["argo"].verdicts == {}


def test_the_whole_is_the_sum_of_its_engines() -> None:
    result = results()
    whole, parts = total_of(result, "cache"), by_engine(result).values()
    assert whole.calls == sum(part.calls for part in parts) == sum(whole.verdicts.values())
    assert whole.places == sum(part.places for part in parts)


def test_a_call_site_without_a_verdict_is_counted() -> None:
    """The count is made of the workflows as they were read, not of the decisions."""
    result = results()
    file = result.files[0]
    passes = tuple(
        Pass(item.optimizer, tuple(one for one in item.decisions if one.subject != "main/c")) for item in file.passes
    )
    assert total_of(replace(result, files=(replace(file, passes=passes), *result.files[1:])), "cache").unjudged == 1
    assert total_of(replace(result, files=()), "cache").unjudged == 7


def test_a_part_of_a_split_workflow_is_judged() -> None:
    split = optimize(Text(ARGO, "w.yaml"), "split{max-steps=2,into=workflows}")
    assert split.parts
    again = optimize(Text(split.text, "w.yaml"), "cache{via=memoize}")
    total = total_of(again, "cache")
    assert total.calls == sum(total.verdicts.values()) > 0
    assert total.unjudged == 0
    assert "part" in total.never


@pytest.mark.parametrize("engine", first_of(["argo", "tekton", "kfp"]))
def test_every_call_site_of_the_corpora_has_one_verdict(engine: str) -> None:
    calls = 0
    for path in sorted(shared("corpus", engine).rglob("*")):
        if path.suffix in (".yaml", ".yml", ".json"):
            result = optimize(path, "cache{via=memoize}")
            total = total_of(result, "cache")
            assert total.unjudged == 0, path
            assert total.calls == sum(total.verdicts.values()), path
            calls += total.calls
            for decision in result.decisions:
                assert not decision.verdict or bool(decision.objections) is (decision.verdict != "cached"), decision
    assert calls > 100


@pytest.mark.slow
def test_every_call_site_of_whole_repositories_has_one_verdict() -> None:
    calls = 0
    for folder in sorted(shared("corpus", "field").iterdir()):
        if folder.is_dir():
            total = total_of(optimize(folder, "cache{via=memoize}"), "cache")
            assert total.unjudged == 0, folder
            assert total.calls == sum(total.verdicts.values()), folder
            calls += total.calls
    assert calls > 500


def test_leaf_call_sites_are_those_that_call_no_graph() -> None:
    workflow = results().workflow_versions[0].versions[0]
    assert workflow is not None
    assert [site.label for site in leaf_call_sites(workflow)] == ["main/a", "main/b", "main/c", "inner/e"]
    inner = msgspec.structs.replace(workflow, graphs=workflow.graphs[1:])
    assert [site.label for site in leaf_call_sites(inner)] == ["main", "inner/e"]
