"""The laws, and all edits, on random manifests."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.argo.checking import check
from adapters.argo.counts import counted
from adapters.argo.edits import EDITS, edited
from adapters.argo.generate import documents
from adapters.argo.judge import judge
from adapters.subjects import ARGO, lift_source, lower_and_write, regenerate
from couler_plugins.documents import dump_yaml, read
from couler_plugins.ir import call_sites, references, without_origin
from couler_plugins.plan import Plan
from documents.judge import exactly
from support import examples, first_of

many = settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])
some = settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])


def lifted(items: list[Any]) -> Plan:
    text = "---\n".join(dump_yaml(item) for item in items)
    return lift_source(ARGO, read(text, "generated.yaml"))


@given(documents())
@some
def test_what_is_generated_here_could_run(items: list[Any]) -> None:
    assert not judge(items)


@given(documents())
@many
@pytest.mark.slow
def test_laws(items: list[Any]) -> None:
    plan = lifted(items)
    assert not lower_and_write(ARGO, plan)[0].changed
    sites = sum(1 for workflow in plan.workflows for _ in call_sites(workflow))
    found = sum(1 for workflow in plan.workflows for _ in references(workflow))
    expected = [counted(item) for item in items]
    assert (sites, found) == (sum(count[1] for count in expected), sum(count[2] for count in expected))
    for workflow in plan.workflows:
        ((document, again),) = regenerate(ARGO, [without_origin(workflow)])
        assert again == workflow
        assert workflow.source is not None
        original: Any = items[int(workflow.source[0])]
        for key in workflow.source[1:]:
            original = original[key]
        assert exactly(ARGO.normal(document), ARGO.normal(original))


NESTED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: leaf}
    - - name: b
        inline:
          dag:
            tasks:
            - {name: c, template: use, arguments: {parameters: [{name: q, value: "{{steps.a.outputs.result}}"}]}}
            - {name: d, depends: c, template: use, arguments: {parameters: [
                {name: q, value: "{{=tasks.c.outputs.result + steps['a'].outputs.result}}"}]}}
            - name: e
              inline: {steps: [[{name: f, template: use, arguments: {parameters: [
                {name: q, value: "{{tasks.c.status}}{{steps.a.status}}"}]}}]]}
  - {name: leaf, script: {image: i, source: x}}
  - {name: use, inputs: {parameters: [{name: q}]}, script: {image: i, source: x}}
"""


@pytest.mark.parametrize("kind", ["rename", "directive"])
def test_graphs_in_graphs_of_the_other_sort(kind: str) -> None:
    plan = lift_source(ARGO, read(NESTED, "nested.yaml"))
    (workflow,) = plan.workflows
    for edit in edited(workflow, kind):
        assert not check(plan, workflow, edit)
    ((document, again),) = regenerate(ARGO, [without_origin(workflow)])
    assert again == workflow
    assert exactly(ARGO.normal(document), ARGO.normal(plan.bundle.documents[0].data))


@pytest.mark.parametrize("kind", first_of(EDITS, 2))
@given(items=documents())
@some
def test_edits(kind: str, items: list[Any]) -> None:
    plan = lifted(items)
    for workflow in plan.workflows:
        for edit in edited(workflow, kind):
            check(plan, workflow, edit)
