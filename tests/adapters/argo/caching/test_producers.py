"""What runs before a step decides whether it has a key: by data, by order, through graphs."""

from __future__ import annotations

import pytest

from adapters.argo.caching.small import made, workflow

EAT = 'arguments: {artifacts: [{name: a, from: "{{tasks.%s.outputs.artifacts.o}}"}]}'
X = "arguments: {parameters: [{name: x, value: '%s'}]}"


def reads(step: str) -> str:
    return X % f"{{{{tasks.{step}.outputs.parameters.r}}}}"


def task(name: str, template: str, depends: str = "", more: str = "") -> str:
    waits = f", depends: '{depends}'" if depends else ""
    return f"- {{name: {name}, template: {template}{waits}{', ' + more if more else ''}}}\n"


def test_what_is_first_has_a_key_without_a_lineage() -> None:
    found = made(workflow(task("a", "pure")))
    assert found.rules == {"main/a": ""}
    assert found.lineage("a") == []


def test_load_then_report_by_order_only() -> None:
    found = made(workflow(task("a", "load") + task("b", "pure", "a")))
    assert found.rules["main/b"] == "unknown-producer"
    assert "'a' runs before it and has no cache key" in found.decision("main/b").reason
    assert not found.memoized


def test_poison_reaches_as_far_as_the_order_does() -> None:
    found = made(workflow(task("a", "load") + task("b", "pure", "a") + task("c", "pure", "b") + task("d", "pure")))
    assert found.rules == {
        "main/a": "no-inputs",
        "main/b": "unknown-producer",
        "main/c": "unknown-producer",
        "main/d": "",
    }


def test_a_value_cuts_it() -> None:
    found = made(workflow(task("a", "load") + task("b", "pure", "a", reads("a")) + task("c", "pure", "b")))
    assert found.rules["main/b"] == found.rules["main/c"] == ""
    assert found.lineage("b") == []
    assert found.lineage("c")[1:] == ["{{tasks.a.outputs.parameters.r}}"]  # b's key is in c's: so is a's value


def test_a_value_does_not_cut_what_is_before() -> None:
    tasks = task("z", "load") + task("a", "load", "z") + task("b", "pure", "a", reads("a"))
    assert made(workflow(tasks)).rules["main/b"] == "unknown-producer"
    both = X % "{{tasks.a.outputs.parameters.r}}{{tasks.z.outputs.parameters.r}}"
    found = made(workflow(task("z", "load") + task("a", "load", "z") + task("b", "pure", "a", both)))
    assert found.rules["main/b"] == ""


def test_an_artifact_of_an_unknown_step_is_never_cut() -> None:
    arguments = (
        'arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.parameters.r}}"}],'
        ' artifacts: [{name: a, from: "{{tasks.a.outputs.artifacts.o}}"}]}'
    )
    more = """
- name: both
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {parameters: [{name: x}], artifacts: [{name: a, path: /a}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i}
"""
    found = made(workflow(task("a", "load") + task("b", "both", "a", arguments), more))
    assert found.rules["main/b"] == "unknown-producer"
    assert "whose artifact it reads" in found.decision("main/b").reason


def test_a_lineage_carries_the_values_of_its_producers() -> None:
    tasks = task("a", "pure", "", X % "{{workflow.parameters.p}}") + task("b", "eat", "a", EAT % "a")
    found = made(workflow(tasks, spec="arguments: {parameters: [{name: p, value: '1'}]}"))
    assert found.rules["main/b"] == ""
    digest, value = found.lineage("b")
    assert len(digest) == 64
    assert value == "{{workflow.parameters.p}}"


@pytest.mark.parametrize(
    ("more", "depends"),
    [
        ("when: '1 == 1'", "a"),
        ("hooks: {exit: {template: load}}", "a"),
        ("onExit: load", "a"),
        ("", "a.Succeeded || a.Failed"),
        ("", "!a.Failed"),
        ("", "a.AnySucceeded"),
    ],
)
def test_who_may_run_after_nothing_has_no_key(more: str, depends: str) -> None:
    tasks = task("a", "pure", "", more) + task("b", "pure", depends, X % "1") + task("c", "pure", "b", X % "2")
    found = made(workflow(tasks))
    assert found.rules["main/a"] == ""
    assert found.rules["main/b"] == "uncertain-producer"
    assert found.rules["main/c"] == "unknown-producer"


def test_what_may_fail_has_no_key_for_its_followers() -> None:
    tasks = "- {name: a, template: pure, continueOn: {failed: true}}\n- {name: b, template: pure, dependencies: [a]}\n"
    assert made(workflow(tasks)).rules == {"main/a": "", "main/b": "uncertain-producer"}


@pytest.mark.parametrize("depends", ["(a.Succeeded || a.Failed)", "a || z"])
def test_doubt_is_not_cut_by_a_value(depends: str) -> None:
    """`b` runs whether `a` fails or not; what `a` left behind half-way, `c` would see."""
    tasks = task("a", "pure") + task("z", "pure") + task("b", "pure", depends) + task("c", "pure", "b", reads("b"))
    assert made(workflow(tasks)).rules["main/c"] in ("uncertain-producer", "unknown-producer")


def test_stages() -> None:
    tasks = """
- - {name: a, template: pure}
  - {name: b, template: load}
- - {name: c, template: pure}
- - name: d
    template: pure
    arguments: {parameters: [{name: x, value: "{{steps.b.outputs.parameters.r}}"}]}
"""
    found = made(workflow(tasks))
    assert found.rules["main/a"] == ""
    assert found.rules["main/c"] == found.rules["main/d"] == "unknown-producer"
    apart = tasks.replace("- - {name: c, template: pure}\n", "")
    assert made(workflow(apart)).rules["main/d"] == ""


@pytest.mark.slow
def test_many_stages() -> None:
    """3,000 stages of two steps: linear, or this takes minutes."""
    stages = "".join(f"- - {{name: a{n}, template: pure}}\n  - {{name: b{n}, template: pure}}\n" for n in range(3_000))
    found = made(workflow(stages))
    assert len(found.rules) == 6_000
    assert set(found.rules.values()) == {""}


SUB = """
- name: sub
  inputs: {parameters: [{name: m, default: "0"}]}
  outputs: {artifacts: [{name: o, from: "{{tasks.t.outputs.artifacts.o}}"}]}
  dag:
    tasks:
    - {name: t, template: pure}
    - {name: u, template: pure, arguments: {parameters: [{name: x, value: "{{inputs.parameters.m}}"}]}}
"""


def test_poison_reaches_into_graphs() -> None:
    call = 'arguments: {parameters: [{name: m, value: "{{tasks.x.outputs.parameters.r}}"}]}'
    tasks = task("x", "load") + task("s", "sub", "x", call) + task("b", "eat", "s", EAT % "s")
    found = made(workflow(tasks, SUB))
    assert found.rules["sub/t"] == "unknown-producer"
    assert found.rules["sub/u"] == ""
    assert found.rules["main/b"] == "unknown-producer"  # what t made is not known, although s is cut off
    assert made(workflow(task("x", "load") + task("s", "sub", "x"), SUB)).rules["sub/u"] == "unknown-producer"


def test_keys_reach_into_graphs_and_out_again() -> None:
    tasks = task("x", "pure") + task("s", "sub", "x") + task("b", "eat", "s", EAT % "s")
    found = made(workflow(tasks, SUB))
    assert set(found.rules.values()) == {""}
    assert len(found.lineage("t", "sub")) == len(found.lineage("b")) == 1


def test_a_graph_that_is_called_after_different_steps() -> None:
    tasks = task("x", "pure") + task("s", "sub", "x") + task("s2", "sub")
    assert made(workflow(tasks, SUB)).rules["sub/t"] == "several-callers"
    same = task("s", "sub") + task("s2", "sub")
    assert made(workflow(same, SUB)).rules["sub/t"] == ""
    poisoned = task("x", "load") + task("s", "sub", "x") + task("s2", "sub")
    assert made(workflow(poisoned, SUB)).rules["sub/t"] in ("unknown-producer", "several-callers")


def test_recursion() -> None:
    again = task("a", "pure") + task("b", "main", "a", "when: '1 == 2'")
    assert made(workflow(again)).rules["main/a"] == "recursion"
