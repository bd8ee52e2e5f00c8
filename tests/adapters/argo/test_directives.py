"""Requests of optimizers, carried out in templates and read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.argo.edits import CACHE
from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_plugins.documents import read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Directive, Step, Workflow, call_sites, map_steps, replace, with_directive
from couler_plugins.plan import Plan

TEXT = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: main
  onExit: leaf
  templates:
  - name: main
    steps:
    - - {name: a, template: leaf}
      - name: b
        template: leaf
        hooks: {exit: {template: leaf}}
    - - {name: c, template: owned}
    - - {name: d, templateRef: {name: lib, template: t}}
  - name: leaf   # shared
    container: {image: i}
  - name: owned
    memoize: {key: mine, maxAge: 1h, cache: {configMap: {name: c}}}
    container: {image: i}
"""
MEMOIZE = {"key": "k", "maxAge": "", "cache": {"configMap": {"name": "c"}}}


def lifted(text: str = TEXT) -> Plan:
    return lift_source(ARGO, read(text, "w.yaml"))


def directed(plan: Plan, wanted: Callable[[Step], bool], directive: Directive = CACHE) -> Any:
    (workflow,) = plan.workflows
    new = map_steps(workflow, lambda step: with_directive(step, directive) if wanted(step) else step)
    lowered, written = lower_and_write(ARGO, plan.with_workflow(workflow, new))
    for error in lowered.refused.values():
        raise error
    return lowered.changed[0], written.texts[0]


def templates(data: Any) -> dict[str, Any]:
    return {template["name"]: template for template in data["spec"]["templates"]}


def calls(workflow: Workflow) -> dict[str, tuple[Directive, ...]]:
    return {site.step.name: site.step.directives for site in call_sites(workflow)}


def leaf(step: Step) -> bool:
    return getattr(step.call, "name", "") == "leaf"


def test_equal_directives_of_all_call_sites_go_into_the_template() -> None:
    data, text = directed(lifted(), leaf)
    assert templates(data)["leaf"]["memoize"] == MEMOIZE
    assert "metadata" not in templates(data)["leaf"]
    assert data["metadata"]["annotations"] == {"couler.io/key-spec": '{"leaf":""}'}
    assert list(templates(data)) == ["main", "leaf", "owned"]
    assert "# shared" in text
    again = lifted(text)
    assert calls(again.workflows[0]) == {
        **dict.fromkeys(("a", "b", "exit", ""), (CACHE,)),
        "entrypoint": (),
        "c": (),
        "d": (),
    }
    assert not lower_and_write(ARGO, again)[0].changed


def test_otherwise_a_call_site_gets_a_private_copy() -> None:
    data, text = directed(lifted(), lambda step: step.name == "a")
    found = templates(data)
    assert "memoize" not in found["leaf"]
    assert found["leaf-cache"]["memoize"] == MEMOIZE
    assert found["main"]["steps"][0][0]["template"] == "leaf-cache"
    assert found["main"]["steps"][0][1]["template"] == "leaf"
    assert not lower_and_write(ARGO, lifted(text))[0].changed


def test_in_a_library_always_a_copy() -> None:
    text = TEXT.replace("kind: Workflow", "kind: WorkflowTemplate").replace("{generateName: w-}", "{name: w}")
    data, text = directed(lifted(text), lambda step: step.name == "a")
    assert "memoize" not in templates(data)["leaf"]
    again = lifted(text)
    assert not lower_and_write(ARGO, again)[0].changed
    copy = next(item for item in again.workflows[0].operations if item.name == "leaf-cache")
    assert copy.directives == (CACHE,)  # others may call the copy as well by now
    (workflow,) = again.workflows
    once_more = map_steps(workflow, lambda step: with_directive(step, CACHE) if step.name == "a" else step)
    assert not lower_and_write(ARGO, again.with_workflow(workflow, once_more))[0].changed


def test_a_directive_that_goes_takes_its_expansion_along() -> None:
    _, text = directed(lifted(), leaf)
    plan = lifted(text)
    (workflow,) = plan.workflows
    bare = map_steps(workflow, lambda step: replace(step, directives=()))
    lowered, written = lower_and_write(ARGO, plan.with_workflow(workflow, bare))
    assert templates(lowered.changed[0]) == templates(lifted().bundle.documents[0].data)
    assert "couler" not in written.texts[0]


def test_another_annotation_stays() -> None:
    text = TEXT.replace("{generateName: w-}", "{generateName: w-, annotations: {x: z}}")
    data, text = directed(lifted(text), leaf)
    assert data["metadata"]["annotations"] == {"x": "z", "couler.io/key-spec": '{"leaf":""}'}
    assert not lower_and_write(ARGO, lifted(text))[0].changed


@pytest.mark.parametrize(
    ("step", "directive", "reason"),
    [
        ("c", CACHE, "owner memoizes it"),
        ("d", CACHE, "in another workflow"),
        ("a", Directive(kind="tune"), "not known"),
        ("a", Directive(kind="cache"), "takes"),
        ("a", Directive(kind="cache", options=(("config-map", "c"), ("key", "k"), ("what", 1))), "takes"),
    ],
)
def test_refused(step: str, directive: Directive, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason) as error:
        directed(lifted(), lambda item: item.name == step, directive)
    assert error.value.feature == "directive"
    assert error.value.hint or error.value.step


@pytest.mark.parametrize(
    "edit",
    [
        ("key: k", "key: k\n      more: 1"),
        ("name: c\n", "name: c\n          key: x\n"),
        ('\'{"leaf":""}\'', "''"),
        ('\'{"leaf":""}\'', "not json"),
        ('\'{"leaf":""}\'', '\'{"other":""}\''),
    ],
)
def test_what_somebody_has_changed_by_hand_is_theirs(edit: tuple[str, str]) -> None:
    _, text = directed(lifted(), leaf)
    old, new = edit
    assert text.count(old) >= 1, text
    plan = lifted(text.replace(old, new, 1))
    assert not lower_and_write(ARGO, plan)[0].changed
    if "key-spec" not in old and "leaf" in old:  # without our mark it is a setting of the owner
        assert not any(calls(plan.workflows[0]).values())
        assert plan.workflows[0].operations[0].memoized is not None
