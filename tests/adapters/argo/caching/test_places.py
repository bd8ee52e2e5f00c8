"""Places of Argo templates: which may be cached, what a wrapper looks at, and what their content cuts off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.caching.small import made, workflow
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.errors import InvalidInput
from couler_plugins.options.rows import rows_in

WRAPPER = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler:1}"
TASKS = """
- name: a
  template: write
  arguments: {parameters: [{name: from, value: s3://raw/a}, {name: to, value: s3://clean/a}]}
- name: b
  template: read
  depends: a
  arguments: {parameters: [{name: from, value: "{{tasks.a.outputs.parameters.to}}"}]}
"""
PURE = "couler.io/cache: pure"
BOTH = f"{PURE}, couler.io/cache-place.from: in, couler.io/cache-place.to: out"
IN = f"{PURE}, couler.io/cache-place.from: in"


def templates(write: str = BOTH, read: str = IN, more: str = "", output: str = "") -> str:
    return f"""
- name: write
  metadata: {{annotations: {{{write}}}}}
  inputs: {{parameters: [{{name: from}}, {{name: to}}]}}
  outputs: {{parameters: [{{name: to, value: "{{{{inputs.parameters.to}}}}"}}{output}]}}
  container: {{image: i, command: [write], args: ["{{{{inputs.parameters.from}}}}"]{more}}}
- name: read
  metadata: {{annotations: {{{read}}}}}
  inputs: {{parameters: [{{name: from}}]}}
  outputs: {{parameters: [{{name: rows, valueFrom: {{path: /out/rows}}}}]}}
  container: {{image: i, command: [read], args: ["{{{{inputs.parameters.from}}}}"]}}
"""


def verdicts(texts: str, pipeline: str = WRAPPER, tasks: str = TASKS) -> dict[str, tuple[str | None, list[str]]]:
    """Return the outcome and the rules against it, by step."""
    decisions = made(workflow(tasks, texts), pipeline=pipeline).decisions
    return {
        item.subject.rpartition("/")[2]: (item.verdict, [one.rule for one in item.objections])
        for item in decisions
        if item.verdict
    }


def containers(texts: str, name: str = "write") -> list[dict[str, Any]]:
    template = made(workflow(TASKS, texts), pipeline=WRAPPER).template(name)
    return [*template["initContainers"], *template["sidecars"]]


def test_a_writer_and_its_reader_are_cached() -> None:
    assert verdicts(templates()) == {"a": ("cached", []), "b": ("cached", [])}


def test_both_containers_look_at_the_places_as_the_command_does() -> None:
    more = ", env: [{name: AWS_REGION, value: eu}], envFrom: [{secretRef: {name: s}, prefix: X_}]"
    for one in containers(templates(f"{BOTH}, couler.io/cache-allow: secret", more=more)):
        assert [text for text in one["args"] if text.startswith("--place=")] == [
            "--place=from=in={{inputs.parameters.from}}",
            "--place=to=out={{inputs.parameters.to}}",
        ]
        assert one["mirrorVolumeMounts"] is True
        assert one["env"] == [{"name": "COULER_PLACE_AWS_REGION", "value": "eu"}]
        assert one["envFrom"] == [{"secretRef": {"name": "s"}, "prefix": "COULER_PLACE_X_"}]
        assert not any(text.startswith("parameter-to") for text in one["args"])


def test_no_mount_is_there_twice() -> None:
    for one in containers(templates()):
        assert [mount["name"] for mount in one["volumeMounts"]] == ["couler-cache-key"]
    for one in containers(templates(f"{PURE}, couler.io/cache-place.to: out")):
        assert "volumeMounts" not in one


@pytest.mark.parametrize("secret", ["", ",secret=s3"])
def test_what_was_wrapped_is_as_it_was_again(secret: str) -> None:
    document = workflow(TASKS, templates(more=", env: [{name: X, value: y}]"))
    wrapped = made(document, pipeline=WRAPPER.replace("}", f"{secret}}}")).documents
    again = made(wrapped[0], pipeline=WRAPPER.replace("}", f"{secret}}}"))
    assert again.documents == wrapped
    bare = made(wrapped[0], pipeline="cache").documents
    assert "couler-" not in json.dumps(bare[0]["spec"])


def test_a_step_that_only_repeats_its_inputs_is_told_of_places() -> None:
    outcome, rules = verdicts(templates(PURE, PURE))["a"]
    assert (outcome, rules) == ("declarable", ["no-outputs"])
    found = made(workflow(TASKS, templates(PURE, PURE)), pipeline=WRAPPER).decisions
    (objection,) = next(item.objections for item in found if item.subject.endswith("/a") and item.verdict)
    assert "couler.io/cache-place.to: out" in objection.remedy


@pytest.mark.parametrize("write", ["couler.io/cache: never", PURE, "couler.io/cache: always"])
def test_a_url_alone_does_not_cut_off_who_wrote_there(write: str) -> None:
    """The reader gets the URL that its producer was given, whatever that has written there."""
    assert verdicts(templates(write, PURE))["b"] == ("declarable", ["unknown-producer"])
    assert verdicts(templates(write, IN))["b"] == ("cached", [])


def test_a_value_that_is_computed_cuts_as_ever() -> None:
    texts = templates("couler.io/cache: never", PURE, output=", {name: url, valueFrom: {path: /out/url}}")
    tasks = TASKS.replace("a.outputs.parameters.to", "a.outputs.parameters.url")
    assert verdicts(texts, tasks=tasks)["b"] == ("cached", [])


def test_a_value_tells_nothing_of_what_was_written_beside_it() -> None:
    tasks, url = (
        TASKS.replace("a.outputs.parameters.to", "a.outputs.parameters.url"),
        ", {name: url, valueFrom: {path: /u}}",
    )
    bound = f"{BOTH}, couler.io/max-output-bytes: '64'"
    assert verdicts(templates(bound, PURE, output=url), tasks=tasks)["b"] == ("declarable", ["unknown-producer"])
    assert verdicts(templates(bound, IN, output=url), tasks=tasks)["b"] == ("cached", [])


def test_who_comes_after_a_reader_by_order_has_no_key() -> None:
    last = "- {name: c, template: read, depends: b, arguments: {parameters: [{name: from, value: s3://other}]}}"
    assert verdicts(templates(BOTH, PURE), tasks=f"{TASKS}{last}")["c"] == ("declarable", ["unknown-producer"])


def test_a_reader_is_told_to_declare_what_it_reads() -> None:
    decisions = made(workflow(TASKS, templates(read=PURE)), pipeline=WRAPPER).decisions
    (remedy,) = [one.remedy for item in decisions for one in item.objections if one.rule == "unknown-producer"]
    assert remedy.startswith("couler.io/cache-place.NAME: in, if it reads what 'a' has written; if not, ")


def test_memoization_verifies_no_place() -> None:
    outcome, rules = verdicts(templates(f"{BOTH}, couler.io/max-output-bytes: '64'"), "cache{via=memoize}")["a"]
    assert (outcome, "place" in rules) == ("declarable", True)


@pytest.mark.parametrize(
    ("write", "more", "rule"),
    [
        (f"{PURE}, couler.io/cache-place.nowhere: out", "", "place"),
        (f"{PURE}, couler.io/cache-place.to: inn", "", "place"),
        (f"{PURE}, couler.io/cache-place.to: ''", "", "place"),
        (BOTH, ", env: [{name: A, value: b}, {name: C, value: $(A)}]", "place"),
    ],
)
def test_places_that_nobody_can_look_at(write: str, more: str, rule: str) -> None:
    outcome, rules = verdicts(templates(write, more=more))["a"]
    assert outcome != "cached"
    assert rule in rules


@pytest.mark.parametrize(
    "around",
    [
        {"templateDefaults": {"container": {"env": [{"name": "A", "value": "b"}]}}},
        {"podSpecPatch": "containers: [{name: main, env: []}]"},
    ],
)
def test_variables_from_around_are_not_those_of_our_containers(around: dict[str, Any]) -> None:
    document = workflow(TASKS, templates())
    document["spec"] |= around
    decisions = made(document, pipeline=WRAPPER).decisions
    assert {item.verdict for item in decisions if item.subject.endswith("/a")} <= {"never", "declarable", None}


def test_a_default_that_names_the_run_is_judged_for_each_call() -> None:
    default = "value: 's3://scratch/{{workflow.uid}}/{{pod.name}}/x'"
    texts = templates().replace("{name: from}, {name: to}]", f"{{name: from}}, {{name: to, {default}}}]")
    more = "- {name: c, template: write, arguments: {parameters: [{name: from, value: s3://raw/b}]}}"
    found = verdicts(texts, tasks=f"{TASKS}{more}")
    assert found["a"] == ("cached", [])
    assert found["c"] == ("never", ["run-context", "run-context"])


def test_places_are_in_the_key() -> None:
    def key(write: str) -> str:
        return next(str(text) for text in containers(templates(write))[0]["args"] if text.startswith("--key="))

    assert key(BOTH) != key(f"{PURE}, couler.io/cache-place.from: in, couler.io/cache-place.to: 'in,out'")


@pytest.mark.parametrize("places", [{"to": "inn"}, {"to": ""}, {"to": 1}, ["to"]])
def test_rows_say_in_and_out(places: object) -> None:
    tables = {"cache": {"declare": [{"task": "write", "pure": True, "places": places}]}}
    with pytest.raises(InvalidInput, match=r"in, out or in,out|cannot be"):
        check_rows(rows_in(tables, Path("couler.toml"), "", "")["cache"])
