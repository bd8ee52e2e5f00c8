"""What the cache can hold: how many results a loop adds, how large they are, how much a shard takes."""

from __future__ import annotations

import copy
import json
import re

import pytest

from adapters.argo.caching.small import made, workflow
from adapters.argo.caching.values import Value, config_map_of, key_of
from couler_plugins.api import lint, optimize

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
    assert dict(found.decision("main/a").figures).get("results per run") == results


def test_a_bound_for_a_loop() -> None:
    document = workflow(
        LOOP % ("pure", "withParam: '{{workflow.parameters.p}}'"), spec="arguments: {parameters: [{name: p}]}"
    )
    assert "couler.io/max-items" in made(document).decision("main/a").reason
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-items"] = "50"
    found = made(document)
    assert dict(found.decision("main/a").figures)["results per run"] == 50
    document["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-items"] = "many"
    assert made(document).rules["main/a"] == "uncounted"


def test_loops_in_loops_multiply() -> None:
    inner = "- name: inner\n  dag:\n    tasks:\n    - {name: b, template: pure, withItems: [1, 2, 3]}\n"
    found = made(workflow("- {name: s, template: inner, withItems: [1, 2]}\n", inner))
    assert dict(found.decision("inner/b").figures)["results per run"] == 6
    twice = made(workflow("- {name: s, template: inner, withItems: [1, 2]}\n- {name: t, template: inner}\n", inner))
    assert dict(twice.decision("inner/b").figures)["results per run"] == 9


@pytest.mark.parametrize("where", ["template", "workflow"])
def test_shards_fill_up_with_what_is_allowed(where: str) -> None:
    """Half of a mebibyte for each of 256 shards, less what chance may bring together; a byte may take six in JSON."""

    def rule(bound: int, count: int) -> str:
        document = workflow(LOOP % ("pure", f"withSequence: {{count: {count}}}"))
        annotations = document["spec"]["templates"][1]["metadata"]["annotations"]
        holder = annotations if where == "template" else document["metadata"].setdefault("annotations", {})
        del annotations["couler.io/max-output-bytes"]
        holder["couler.io/max-output-bytes"] = str(bound)
        return made(document).rules["main/a"]

    assert rule(16_384, 15) == ""
    assert rule(16_384, 16) == "full"
    assert rule(4_096, 800) == ""
    assert rule(4_096, 900) == "full"
    assert rule(1, 60_000) == ""
    assert rule(1, 70_000) == "full"


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


TASKS = [
    f"- {{name: a{n}, template: pure, arguments: {{parameters: [{{name: x, value: '{n}'}}]}}}}\n" for n in range(600)
]
CALLS = {
    "600 steps": "".join(TASKS),
    "a loop over 600 items": LOOP % ("pure", f"withItems: [{', '.join(map(str, range(600)))}]"),
    "a loop over what is only known at run time": LOOP % ("pure", "withParam: '{{workflow.parameters.p}}'"),
}


@pytest.mark.parametrize("calls", CALLS)
def test_six_hundred_results_of_one_template_find_room(calls: str) -> None:
    """Results of half a kibibyte, of which a ConfigMap holds 140."""
    document = workflow(CALLS[calls], spec="arguments: {parameters: [{name: p, value: '[]'}]}")
    annotations = document["spec"]["templates"][1]["metadata"]["annotations"]
    annotations |= {"couler.io/max-output-bytes": "512", "couler.io/max-items": "600"}
    found = made(document)
    assert set(found.rules.values()) == {""}
    assert not made(*found.documents).changed
    template, sizes = found.template("pure"), dict[str, int]()
    scope = dict.fromkeys(("workflow.namespace", "workflow.serviceAccountName"), Value(""))
    for number in range(600):
        inputs = {"x": str(number)}
        key, name = key_of(template, inputs, scope), config_map_of(template, inputs, scope)
        assert name == f"couler-cache-w-{(key or '')[:2]}"
        sizes[name] = sizes.get(name, 0) + 512 + 768 + 160 + 6 * 512
    assert 200 < len(sizes) <= 256
    assert max(sizes.values()) < 512 * 1024


def test_what_is_added_moves_no_result_to_another_shard() -> None:
    assert made(workflow("".join(TASKS[:9]))).memoized == made(workflow("".join(TASKS))).memoized


def test_the_shard_of_each_template_in_what_versions_before_have_written() -> None:
    """It is no edit by hand, and the next run of the optimizer spreads it over all shards."""
    now = made(workflow("- {name: a, template: pure}\n"))
    before = copy.deepcopy(now.documents)
    memoize = before[0]["spec"]["templates"][1]["memoize"]
    spec = json.loads(before[0]["metadata"]["annotations"]["couler.io/key-spec"])["pure"]
    memoize["cache"]["configMap"]["name"] = f"couler-cache-w-{spec.removeprefix('v1:')[:2]}"
    assert list(optimize(before, "").documents) == before
    assert not lint(before).findings
    assert made(*before).documents == now.documents
    memoize["cache"]["configMap"]["name"] = "couler-cache-w-zz"
    assert [finding.code for finding in lint(before).findings] == ["stale-key"]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("generateName: w-", "-w"),
        ("name: ''", ""),
        ("name: My_Flow.v2", "-my-flow-v2"),
        ("generateName: '---------'", ""),
        (f"generateName: {'x' * 63}", f"-{'x' * 40}"),
        (f"generateName: {'a' * 39}--b", f"-{'a' * 39}"),
        ("generateName: früh", "-fr-h"),
    ],
)
def test_names_of_shards(name: str, family: str) -> None:
    tasks = "- {name: a, template: pure}\n"
    without_artifacts = workflow(tasks, metadata=name)  # which would need another name for each run
    del without_artifacts["spec"]["templates"][1]["outputs"]["artifacts"]
    template = made(without_artifacts).template("pure")
    shard = config_map_of(
        template, {"x": "0"}, dict.fromkeys(("workflow.namespace", "workflow.serviceAccountName"), Value(""))
    )
    assert re.fullmatch(rf"couler-cache{family}-[0-9a-f]{{2}}", shard)
    assert len(shard) <= 63


def test_an_artifact_of_a_workflow_that_has_one_name_for_all_runs() -> None:
    assert made(workflow("- {name: a, template: pure}\n", metadata="name: w")).rules["main/a"] == "fixed-name"


def test_who_memoizes_artifacts_is_told_that_argo_does_not_look_for_them() -> None:
    found = made(workflow("- {name: a, template: pure}\n"))
    notes = [item.reason for item in found.decisions if not item.subject]
    assert any("Argo does not check them" in note for note in notes)
