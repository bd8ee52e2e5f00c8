"""The word `order`: what merely runs before a step does not change its result, but may change what comes after."""

from __future__ import annotations

import pytest

from adapters.argo.caching.small import Made, made, workflow
from couler_plugins.api import Text, optimize

TEMPLATES = """
- name: value
  metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"{words}}}
  inputs: {parameters: [{name: x, default: "0"}]}
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}
- name: never
  metadata: {annotations: {couler.io/cache: never}}
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}], artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [load]}
- name: plain
  metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
  inputs: {parameters: [{name: x, default: "1"}]}
  outputs: {parameters: [{name: r, valueFrom: {path: /r}}]}
  container: {image: i, args: ["{{inputs.parameters.x}}", plain]}
- name: eater
  metadata: {annotations: {couler.io/cache: pure, couler.io/cache-allow: order}}
  inputs: {artifacts: [{name: a, path: /a}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [eat]}
"""
WORDS = ", couler.io/cache-allow: order"
TASKS = """
- {name: load, template: never}
- {name: value, template: value, depends: load}
- {name: after, template: plain, depends: value}
"""
STAGES = """
- - {name: load, template: never}
- - {name: value, template: value}
- - {name: after, template: plain}
"""


def result(tasks: str, words: str = WORDS, metadata: str = "generateName: w-") -> Made:
    document = workflow(tasks, TEMPLATES.replace("{words}", words), metadata=metadata)
    return made(document, pipeline="cache{via=memoize}")


@pytest.mark.parametrize("tasks", [TASKS, STAGES], ids=["dag", "stages"])
def test_what_runs_before_does_not_count_for_the_step_alone(tasks: str) -> None:
    assert result(tasks, "").rules["main/value"] == "unknown-producer"
    waived = result(tasks)
    assert not waived.rules["main/value"]
    assert waived.rules["main/after"] == "unknown-producer", "it may read what `load` leaves behind"
    assert not waived.lineage("value")


@pytest.mark.parametrize("tasks", [TASKS, STAGES], ids=["dag", "stages"])
def test_what_has_a_key_counts_for_the_steps_after_it(tasks: str) -> None:
    def lineage(version: str) -> list[str]:
        arguments = f"arguments: {{parameters: [{{name: x, value: '{version}'}}]}}"
        waived = result(tasks.replace("template: never", f"template: pure, {arguments}"))
        assert not any(waived.rules.values())
        assert not waived.lineage("value")
        return waived.lineage("after")

    assert lineage("1") != lineage("2")


def test_explain_gives_the_word() -> None:
    decision = result(TASKS, "").decision("main/value")
    assert decision.verdict == "declarable"
    (objection,) = decision.objections
    assert objection.rule == "unknown-producer"
    assert objection.remedy == "metadata: {annotations: {couler.io/cache-allow: order}}, in the template 'value'"


def test_a_broad_word_is_not_enough() -> None:
    whole = "generateName: w-, annotations: {couler.io/cache-allow: order}"
    assert result(TASKS, "", whole).rules["main/value"] == "unknown-producer"


def test_data_cannot_be_waived() -> None:
    call = 'arguments: {artifacts: [{name: a, from: "{{tasks.load.outputs.artifacts.o}}"}]}'
    tasks = f"- {{name: load, template: never}}\n- {{name: eat, template: eater, depends: load, {call}}}\n"
    decision = result(tasks).decision("main/eat")
    assert decision.verdict == "never"
    assert [(item.rule, item.remedy) for item in decision.objections] == [("unknown-producer", "")]


def test_a_value_that_may_be_missing_cannot_be_waived() -> None:
    load = '- {name: load, template: never, when: "1 == 1"}\n'
    call = 'arguments: {parameters: [{name: x, value: "{{tasks.load.outputs.parameters.r}}"}]}'
    data = f"{load}- {{name: value, template: value, depends: load, {call}}}\n"
    assert result(data).rules["main/value"] == "uncertain-producer"
    order = f"{load}- {{name: value, template: value, depends: load}}\n"
    assert result(order, "").decision("main/value").verdict == "declarable"
    assert not result(order).rules["main/value"]


TEKTON = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  params: [{name: tag}]
  tasks:
    - name: publish
      taskSpec: {steps: [{image: i, script: publish}]}
    - name: report
      runAfter: [publish]
      params: [{name: tag, value: $(params.tag)}]
      taskSpec:
        metadata: {annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "99"{words}}}
        params: [{name: tag}]
        results: [{name: url}]
        steps: [{image: i, script: "printf $(params.tag) > $(results.url.path)"}]
"""


def test_tekton_takes_the_word() -> None:
    pipeline = "cache{via=wrapper,store=s3://b/c,image=i@sha256:" + 64 * "0" + "}"
    verdicts = []
    for words in ("", WORDS):
        decisions = optimize([Text(TEKTON.replace("{words}", words), "p.yaml")], pipeline).decisions
        verdicts += [item.verdict for item in decisions if item.subject == "pipeline/report"]
    assert verdicts == ["declarable", "cached"]
