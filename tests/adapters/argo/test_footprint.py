"""What a step adds to its workflow: an upper estimate, additive."""

from __future__ import annotations

import msgspec
import pytest

from adapters.argo.edits import CACHE
from adapters.subjects import ARGO, lift_file, lift_source, lower_and_write
from couler_plugins.documents import read
from couler_plugins.ir import Call, replace_steps, with_directive
from support import at_least

TEXT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: plain, template: leaf}
      - {name: items, template: leaf, withItems: [1, 2, 3]}
      - {name: param, template: leaf, withParam: "{{workflow.parameters.p}}"}
      - {name: count, template: leaf, withSequence: {count: "4"}}
      - {name: range, template: leaf, withSequence: {start: 2, end: "5"}}
      - {name: down, template: leaf, withSequence: {start: "5", end: "2"}}
      - {name: open, template: leaf, withSequence: {count: "{{workflow.parameters.p}}"}}
      - {name: wait, template: wait}
      - {name: graph, template: graph, withItems: [1, 2]}
      - {name: inline, inline: {container: {image: i}}}
      - {name: elsewhere, templateRef: {name: a, template: b}}
      - {name: again, template: main}
      - {name: hooked, template: leaf, hooks: {exit: {template: leaf}}}
  - name: graph
    dag: {tasks: [{name: a, template: leaf}, {name: b, template: leaf}, {name: c, template: wait}]}
  - {name: wait, suspend: {}}
  - {name: leaf, container: {image: i}}
"""
PODS = {
    "plain": 1,
    "items": 3,
    "param": None,
    "count": 4,
    "range": 4,
    "down": 4,
    "open": None,
    "wait": 0,
    "graph": 4,
    "inline": 1,
    "elsewhere": None,
    "again": None,
    "hooked": 2,
}


@pytest.mark.parametrize("name", PODS)
def test_pods(name: str) -> None:
    (workflow,) = lift_source(ARGO, read(TEXT, "w")).workflows
    measure = ARGO.adapter.footprint(workflow)
    step = next(step for step in workflow.graphs[0].steps if step.name == name)
    found = measure(step)
    assert found.pods == PODS[name]
    assert found.steps == 1


def test_bytes_are_no_less_than_what_is_written() -> None:
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        for workflow in plan.workflows:
            measure = ARGO.adapter.footprint(workflow)
            for graph in workflow.graphs:
                for step in graph.steps:
                    source = step.source or ()
                    data = plan.bundle.documents[int(source[0])].data
                    for key in source[1:]:
                        data = data[key]
                    assert measure(step).bytes >= len(msgspec.json.encode(data))


def test_bytes_of_a_directive_cover_its_expansion() -> None:
    seen = 0
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        for workflow in plan.workflows:
            for graph in workflow.graphs:
                step = next((step for step in graph.steps if isinstance(step.call, Call)), None)
                if step is None:
                    continue
                asked = with_directive(step, CACHE)
                new = replace_steps(workflow, {(graph.name, step.name): asked})
                lowered, _ = lower_and_write(ARGO, plan.with_workflow(workflow, new))
                measure = ARGO.adapter.footprint(new)
                for number, data in lowered.changed.items():
                    grown = len(msgspec.json.encode(data)) - len(
                        msgspec.json.encode(plan.bundle.documents[number].data)
                    )
                    assert grown <= measure(asked).bytes - measure(step).bytes
                    seen += 1
    assert seen > at_least(25, 75)
