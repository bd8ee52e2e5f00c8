"""Settings of steps in Argo's templates: where they go, what cannot have them, and the laws over the corpus."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_plugins.documents import SourceFile, read
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    Literal,
    Operation,
    Retry,
    SettableStep,
    Step,
    Workflow,
    replace,
    verify,
    with_settings,
)
from couler_plugins.plan import Plan
from documents.judge import apply, exactly
from support import SHARED, own_files, sampled

pytestmark = pytest.mark.sampled

TEXT = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  onExit: leaf
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: leaf}
      - {name: c, template: gate}
      - name: d
        inline:
          script: {image: i, source: "true"}
      - {name: e, templateRef: {name: lib, template: work}}
      - {name: f, template: late}
  - name: leaf   # shared
    metadata:
      labels: {app: "{{workflow.name}}"}
    container: {image: i}
  - name: gate
    suspend: {}
  - name: late
    activeDeadlineSeconds: 60
    container: {image: i}
"""
SETTINGS: dict[str, Any] = {
    "retry": 2,
    "timeout": 3600,
    "requests": {"cpu": "100m"},
    "limits": {"memory": "8Gi"},
    "env": {"STAGE": "prod"},
    "labels": {"couler.io/team": "data"},
    "annotations": {"couler.io/why": "to see"},
    "node_selector": {"couler.io/pool": "big"},
    "priority": "high",
    "scheduler": "volcano",
}


def lifted(text: str = TEXT) -> Plan:
    return lift_source(ARGO, read(text, "w.yaml"))


def set_all(plan: Plan, only: Callable[[SettableStep], bool] = lambda step: True, **settings: Any) -> Plan:
    def change(step: SettableStep) -> SettableStep:
        return with_settings(step, **settings) if only(step) else step

    return plan.map_steps("me", change, action="set", reason="to see")


def written(plan: Plan) -> tuple[str, dict[str, Any]]:
    """The text that becomes of a plan, and its templates by name."""
    lowered, texts = lower_and_write(ARGO, plan)
    assert not lowered.refused
    assert all(edit.decision is not None for edit in lowered.edits)
    return texts.texts[0], {template["name"]: template for template in lowered.changed[0]["spec"]["templates"]}


def reasons(plan: Plan) -> dict[str, str]:
    return {decision.subject: decision.reason for decision in plan.decisions if not decision.action}


def test_each_setting_has_its_field_in_the_template() -> None:
    text, templates = written(set_all(lifted(), **SETTINGS))
    assert "- name: leaf   # shared" in text
    assert templates["leaf"] == {
        "name": "leaf",
        "metadata": {
            "labels": {"app": "{{workflow.name}}", "couler.io/team": "data"},
            "annotations": {"couler.io/why": "to see"},
        },
        "container": {
            "image": "i",
            "env": [{"name": "STAGE", "value": "prod"}],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "8Gi"}},
        },
        "retryStrategy": {"limit": 2},
        "timeout": "3600s",
        "nodeSelector": {"couler.io/pool": "big"},
        "priorityClassName": "high",
        "schedulerName": "volcano",
    }
    assert templates["main"]["dag"]["tasks"][3]["inline"]["timeout"] == "3600s"
    assert templates["gate"] == {"name": "gate", "suspend": {}, "retryStrategy": {"limit": 2}}


def test_what_cannot_have_a_setting_says_why() -> None:
    assert reasons(set_all(lifted(), timeout=5)) == {
        "main/c": "timeout cannot be set: Argo has no timeout of a suspended step",
        "main/e": "timeout cannot be set: what it calls is in another workflow",
    }
    assert (
        reasons(set_all(lifted(), labels={"a": "b"}))["main/c"] == "labels cannot be set: it runs in no pod of its own"
    )
    why = "requests cannot be set: it has no container of its own"
    assert reasons(set_all(lifted(), requests={"cpu": "1"}))["main/c"] == why


def test_a_deadline_is_a_timeout() -> None:
    seen: dict[str, Any] = {}
    lifted().map_steps("me", lambda step: seen.setdefault(step.name, step), action="", reason="")
    assert [seen[name].timeout is None for name in ("a", "f")] == [True, False]

    def limited(operation: Any) -> Any:
        return (
            operation
            if operation.timeout
            else replace(operation, timeout=with_settings(seen["a"], timeout=1.5).timeout)
        )

    _, templates = written(lifted().map_operations("me", limited, action="set", reason="to see"))
    assert {name: template.get("timeout") for name, template in templates.items()} == {
        "main": None,
        "leaf": "1500ms",
        "gate": None,
        "late": None,
    }


def test_a_step_that_differs_gets_a_copy_with_all_comments() -> None:
    text, templates = written(set_all(lifted(), lambda step: step.name == "b", priority="high"))
    assert "- {name: b, template: leaf-priority}" in text
    assert text.count("# shared") == 2
    assert templates["leaf-priority"] == {**templates["leaf"], "name": "leaf-priority", "priorityClassName": "high"}


@pytest.mark.parametrize("call", ["entrypoint: leaf", "entrypoint: main\n  onExit: leaf"])
def test_calls_of_the_workflow_itself_are_traced(call: str) -> None:
    text = TEXT.replace("entrypoint: main\n  onExit: leaf", call)
    after = set_all(lifted(text), lambda step: not step.name or step.name == "entrypoint", retry=2)
    new, _ = written(after)
    assert call.replace("leaf", "leaf-retry") in new


def test_calls_of_other_engines_that_differ_get_copies_each() -> None:
    main = Operation(name="work", kind="container", containers=(Container(image=Literal(value="i")),))
    tries = {"a": Retry(limit=Literal(value=1)), "b": Retry(limit=Literal(value=2)), "c": None}
    steps = tuple(Step(name=name, call=Call(name="work"), retry=retry) for name, retry in tries.items())
    entry = Step(name="entry", call=Call(name="main"))
    graph = Graph(name="main", steps=steps)
    workflow = Workflow(name="w", engine="none", kind="test", entry=entry, graphs=(graph,), operations=(main,))
    plan = Plan(bundle=ARGO.adapter.load(()), originals=(), workflows=(workflow,))
    (document,) = lower_and_write(ARGO, plan)[0].added
    limits = {item["name"]: item.get("retryStrategy", {}).get("limit") for item in document["spec"]["templates"]}
    assert limits == {"main": None, "work": None, "work-retry": 1, "work-retry-2": 2}
    calls = [task["template"] for task in document["spec"]["templates"][0]["dag"]["tasks"]]
    assert calls == ["work-retry", "work-retry-2", "work"]


KIND = re.compile(rb"^kind: (Cron|Cluster)?Workflow(Template)?\b(?!.*\{\{-? *(\.|end))", re.MULTILINE | re.DOTALL)
"""What documents of Argo have that no chart makes."""
OWN, OTHERS = own_files("argo"), sorted((SHARED / "corpus").rglob("*.yaml"))
FILES = [
    *(pytest.param(path, id=f"own/{path.name}") for path in OWN),
    *sampled(
        pytest.param(path, id=path.relative_to(SHARED / "corpus").as_posix())
        for path in OTHERS
        if KIND.search(path.read_bytes())
    ),
]


FEW = 3
"""Settings that are tried in a file of others: each of them comes to many files, and each file has some."""


@pytest.mark.parametrize("path", FILES)
def test_settings_of_the_corpus(path: Path) -> None:
    """Each setting alone: only its edits change, all of them traced, and it is there again; twice is once."""
    source = read(path.read_bytes(), path.name)
    plan = ARGO.adapter.lift(ARGO.adapter.load([source]), lambda number, error: None)
    if any(map(verify, plan.workflows)):
        return
    before = found(source)
    several = sorted(SETTINGS) if path in OWN else random.Random(path.name).sample(sorted(SETTINGS), FEW)
    for setting in several:
        value = SETTINGS[setting]
        after = set_all(plan, **{setting: value})
        acting = [decision for decision in after.decisions if decision.action]
        lowered, texts = lower_and_write(ARGO, after)
        assert not lowered.refused
        assert bool(lowered.edits) == bool(acting)
        assert [edit for edit in lowered.edits if edit.decision is None] == []
        for number, document in enumerate(plan.bundle.documents):
            edits = [traced.edit for traced in lowered.edits if traced.document == number]
            if path.name != "anchors.yaml":  # whose documents share what is edited
                assert exactly(apply(document.data, edits), lowered.changed.get(number, document.data))
        again = read(texts.texts.get(0, source.text), path.name)
        once = lift_source(ARGO, again)
        assert not any(map(verify, once.workflows))
        assert not [item for item in set_all(once, **{setting: value}).decisions if item.action]
        assert not found(again) - before


def found(source: SourceFile) -> Counter[str]:
    """What Argo would refuse of a file, by code."""
    remarks = ARGO.adapter.lint(ARGO.adapter.load([source]))
    return Counter(remark.code for remark in remarks if remark.severity == "error")
