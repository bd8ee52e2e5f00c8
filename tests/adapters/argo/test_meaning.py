"""Edits leave what each leaf computes as it is; judged by an interpreter that knows nothing of the adapter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.argo.edits import edited
from adapters.argo.generate import documents
from adapters.argo.interpret import CannotRun, computed
from adapters.subjects import ARGO, lift_file, lift_source, lower_and_write
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow
from couler_plugins.plan import Plan
from optimizers.running import CONTEXT, PASSES
from support import at_least, examples, first_of

EDITED = ("rename", "move", "clone callable", "clone step")


def ran(documents_before: list[Any], plan: Plan, workflow: Workflow, kind: str) -> Counter[bool]:
    """Whether each edit of a kind could be carried out; compares what is computed before and after it."""
    outcomes: Counter[bool] = Counter()
    before = computed(documents_before)
    for edit in edited(workflow, kind):
        if isinstance(edit.result, Unsupported):
            outcomes[False] += 1
            continue
        lowered, _ = lower_and_write(ARGO, plan.with_workflow(workflow, edit.result))
        assert not lowered.refused
        after = computed([lowered.changed.get(number, data) for number, data in enumerate(documents_before)])
        if kind == "clone step":  # the copy computes the same once more, and what reads it may be all items of a loop
            assert after.keys() >= before.keys(), edit.what
        else:
            assert after == before, edit.what
        outcomes[True] += 1
    return outcomes


DIAMOND = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: p, value: x}]}
  templates:
  - name: main
    inputs: {parameters: [{name: p}]}
    dag:
      tasks:
      - {name: A, template: leaf, arguments: {parameters: [{name: q, value: "{{inputs.parameters.p}}"}]}}
      - {name: B, depends: A, template: leaf, arguments: {parameters: [
          {name: q, value: "b{{tasks.A.outputs.parameters.o}}"}]}}
      - {name: C, template: leaf, depends: A, arguments: {parameters: [
          {name: q, value: "c{{tasks.A.outputs.result}}"}]}}
      - {name: D, template: sum, depends: B && C, when: "{{tasks.B.status}} == Succeeded", arguments: {parameters: [
          {name: q, value: "{{=tasks['B'].outputs.parameters.o + tasks.C.outputs.parameters.o}}"}]}}
  - name: leaf
    inputs: {parameters: [{name: q}]}
    container: {image: i, args: ["{{inputs.parameters.q}}"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
  - {name: sum, inputs: {parameters: [{name: q}]}, container: {image: sum}}
"""
BROKEN = {
    "another step's output": ("tasks.C.outputs.parameters", "tasks.B.outputs.parameters"),
    "another output": ("tasks.A.outputs.result", "tasks.A.outputs.parameters.o"),
    "a literal": ("value: x", "value: y"),
    "an input": ("b{{tasks", "c{{tasks"),
    "a condition": ("== Succeeded", "== Failed"),
    "a condition on another step": ("tasks.B.status", "tasks.C.status"),
    "a body": ("image: sum", "image: product"),
    "another callee": ("{name: D, template: sum", "{name: D, template: leaf"),
    "a loop": ("{name: C, template: leaf", "{name: C, template: leaf, withItems: [1]"),
    "a hook": ("{name: C, template: leaf", "{name: C, template: leaf, onExit: sum"),
    "a handler": ("entrypoint: main", "entrypoint: main\n  onExit: sum"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_interpreter_notices(case: str) -> None:
    old, new = BROKEN[case]
    assert DIAMOND.count(old) == 1
    before, after = (read(text, "d").documents[0].data for text in (DIAMOND, DIAMOND.replace(old, new)))
    assert computed([after]) != computed([before])


@pytest.mark.parametrize("kind", first_of(EDITED))
def test_edits_of_the_corpus(kind: str) -> None:
    outcomes: Counter[Any] = Counter()
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        data = [document.data for document in plan.bundle.documents]
        try:
            computed(data)
        except CannotRun:
            outcomes["cannot run"] += 1
            continue
        for workflow in plan.workflows:
            outcomes.update(ran(data, plan, workflow, kind))
    assert outcomes["cannot run"] <= at_least(10, 50)
    assert outcomes[True] >= at_least(40, 140)


@pytest.mark.parametrize("kind", first_of(EDITED))
@given(items=documents())
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
def test_edits_of_random_manifests(kind: str, items: list[Any]) -> None:
    plan = lift_source(ARGO, read("---\n".join(dump_yaml(item) for item in items), "generated.yaml"))
    for workflow in plan.workflows:
        ran(items, plan, workflow, kind)


@pytest.mark.parametrize("name", PASSES)
def test_optimizers(name: str) -> None:
    changed = 0
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        data = [document.data for document in plan.bundle.documents]
        lowered, _ = lower_and_write(ARGO, PASSES[name]().run(plan, CONTEXT))
        changed += len(lowered.changed)
        try:
            before = computed(data)
        except CannotRun:
            continue
        assert computed([lowered.changed.get(number, item) for number, item in enumerate(data)]) == before
    assert changed
