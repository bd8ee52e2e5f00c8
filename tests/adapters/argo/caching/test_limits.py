"""What the cache can hold: how many results a loop adds, how large they are, how much a shard takes."""

from __future__ import annotations

import pytest

from adapters.argo.caching.small import made, workflow
from couler_argo.caching.memoize import config_map
from couler_plugins.ir import Workflow

LOOP = "- {name: a, template: %s, %s, arguments: {parameters: [{name: x, value: '{{item}}'}]}}\n"


@pytest.mark.parametrize(
    ("loop", "rule", "results"),
    [
        ("withItems: [1, 2, 3]", "", 3),
        ("withSequence: {count: 4}", "", 4),
        ("withSequence: {count: '4'}", "", 4),
        ("withSequence: {start: 2, end: 5}", "", 4),
        ("withSequence: {start: '5', end: '2'}", "", 4),
        ("withSequence: {count: '{{workflow.parameters.p}}'}", "uncounted", None),
        ("withParam: '{{workflow.parameters.p}}'", "uncounted", None),
        ("withSequence: {count: 100000}", "full", None),
    ],
)
def test_loops(loop: str, rule: str, results: int | None) -> None:
    found = made(workflow(LOOP % ("pure", loop), spec="arguments: {parameters: [{name: p, value: '3'}]}"))
    assert found.rules["main/a"] == rule
    assert dict(found.decision("main/a").figures).get("results a run") == results


def test_a_bound_for_a_loop() -> None:
    document = workflow(
        LOOP % ("pure", "withParam: '{{workflow.parameters.p}}'"), spec="arguments: {parameters: [{name: p}]}"
    )
    assert "couler.io/max-items" in made(document).decision("main/a").reason
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-items"] = "50"
    found = made(document)
    assert dict(found.decision("main/a").figures)["results a run"] == 50
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-items"] = "many"
    assert made(document).rules["main/a"] == "uncounted"


def test_loops_in_loops_multiply() -> None:
    inner = "- name: inner\n  dag:\n    tasks:\n    - {name: b, template: pure, withItems: [1, 2, 3]}\n"
    found = made(workflow("- {name: s, template: inner, withItems: [1, 2]}\n", inner))
    assert dict(found.decision("inner/b").figures)["results a run"] == 6
    twice = made(workflow("- {name: s, template: inner, withItems: [1, 2]}\n- {name: t, template: inner}\n", inner))
    assert dict(twice.decision("inner/b").figures)["results a run"] == 9


@pytest.mark.parametrize("where", ["template", "workflow"])
def test_a_shard_fills_up_with_what_is_allowed(where: str) -> None:
    """Half of a mebibyte; each byte of an output may take six in JSON."""

    def rule(bound: int, count: int) -> str:
        document = workflow(LOOP % ("pure", f"withSequence: {{count: {count}}}"))
        annotations = document["spec"]["templates"][1]["metadata"]["annotations"]
        holder = annotations if where == "template" else document["metadata"].setdefault("annotations", {})
        del annotations["couler.io/max-output-bytes"]
        holder["couler.io/max-output-bytes"] = str(bound)
        return made(document).rules["main/a"]

    assert rule(16_384, 5) == ""
    assert rule(16_384, 6) == "full"
    assert rule(1, 300) == ""
    assert rule(1, 500) == "full"


@pytest.mark.parametrize(
    ("bound", "rule"), [("1", ""), ("16384", ""), ("16385", "unbounded-output"), ("0", "unbounded-output")]
)
def test_bounds(bound: str, rule: str) -> None:
    document = workflow("- {name: a, template: pure}\n")
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-output-bytes"] = bound
    assert made(document).rules["main/a"] == rule


@pytest.mark.parametrize("bound", ["", "x", "1e3", "-1", "1 000", "99999999999999999999"])
def test_no_bounds(bound: str) -> None:
    document = workflow("- {name: a, template: pure}\n- {name: b, template: pure, depends: a}\n")
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-output-bytes"] = bound
    found = made(document)
    assert found.rules == {"main/a": "unbounded-output", "main/b": "unbounded-output"}


def test_what_cannot_be_kept_has_a_key_all_the_same() -> None:
    eat = 'arguments: {artifacts: [{name: a, from: "{{tasks.a.outputs.artifacts.o}}"}]}'
    document = workflow(f"- {{name: a, template: pure}}\n- {{name: b, template: eat, depends: a, {eat}}}\n")
    before = made(document)
    del document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-output-bytes"]
    found = made(document)
    assert found.rules == {"main/a": "unbounded-output", "main/b": ""}
    assert found.lineage("b") == before.lineage("b")


def test_more_values_than_a_lineage_holds() -> None:
    tasks = "".join(
        f"- {{name: a{n}, template: pure,"
        f" arguments: {{parameters: [{{name: x, value: '{{{{workflow.parameters.p{n}}}}}'}}]}}}}\n"
        for n in range(40)
    )
    waits = " && ".join(f"a{n}" for n in range(40))
    parameters = ", ".join(f"{{name: p{n}, value: '1'}}" for n in range(40))
    last = f"- {{name: z, template: pure, depends: '{waits}'}}\n"
    found = made(workflow(tasks + last, spec=f"arguments: {{parameters: [{parameters}]}}"))
    assert found.rules["main/z"] == "too-many-values"
    fewer = made(workflow(tasks + last.replace(waits, "a0 && a1"), spec=f"arguments: {{parameters: [{parameters}]}}"))
    assert len(fewer.lineage("z")) == 3


@pytest.mark.parametrize(
    ("name", "prefix", "family"),
    [
        ("w", "", "w"),
        ("", "w-", "w"),
        ("", "", ""),
        ("My_Flow.v2", "", "my-flow-v2"),
        ("", "-" * 9, ""),
        ("x" * 63, "", "x" * 40),
        ("a" * 39 + "--b", "", "a" * 39),
        ("früh", "", "fr-h"),
    ],
)
def test_names_of_shards(name: str, prefix: str, family: str) -> None:
    workflow = Workflow(engine="argo", kind="Workflow", name=name, prefix=prefix)
    wanted = f"couler-cache-{family}-ab" if family else "couler-cache-ab"
    assert config_map(workflow, "v1:ab" + "0" * 62) == wanted
    assert len(wanted) <= 63


def test_an_artifact_of_a_workflow_that_has_one_name_for_all_runs() -> None:
    assert made(workflow("- {name: a, template: pure}\n", metadata="name: w")).rules["main/a"] == "fixed-name"
