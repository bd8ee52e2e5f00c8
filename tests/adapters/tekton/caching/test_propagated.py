"""Parameters that reach embedded tasks from around them: keys cover their values, and those of what comes after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.tekton.caching.comparing import Site
from adapters.tekton.caching.tasks import WORKSPACE, cached, documents
from couler_plugins.api import Text, lint
from couler_plugins.documents import dump_yaml
from couler_plugins.plan import Decision

STORE = "workspaces: [{name: couler-cache, optional: true}]"
PIPELINE = f"""\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: p
  annotations: {{couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
spec:
  params:
    - {{name: x, default: "1"}}
    - {{name: list, type: array}}
    - {{name: of, type: object, properties: {{a: {{type: string}}, b: {{type: string}}}}}}
  tasks:
    - name: one
      taskSpec:
        {STORE}
        params: [{{name: own, default: "0"}}]
        results: [{{name: r}}]
        steps:
          - image: busybox
            command: [sh, -c]
            args: ['printf "%s " "$0" "$@" > $(results.r.path)', "ARGS"]
    - name: two
      runAfter: [one]
      taskSpec:
        {STORE}
        params: [{{name: own, default: "0"}}]
        results: [{{name: r}}]
        steps: [{{image: busybox, script: 'printf "%s" $(params.own) > $(results.r.path)'}}]
""".replace('"ARGS"', "$(params.x), $(params.own), $(params.of.a), '$(params.list[*])'")
ALONE = PIPELINE.replace("$(params.x), $(params.own), $(params.of.a), '$(params.list[*])'", "$(params.own)")
GIVEN: dict[str, Any] = {"x": "1", "own": "0", "of": {"a": "1", "b": "2"}, "list": ["a", "b"]}


def decisions(text: str) -> dict[str, Decision]:
    return {one.subject: one for file in cached(text, WORKSPACE).files for one in file.decisions}


def rule(text: str, subject: str) -> object:
    return dict(decisions(text)[subject].figures).get("rule")


def spec(text: str, number: int = 0) -> Any:
    (found,) = documents(cached(text, WORKSPACE))
    return found["spec"]["tasks"][number]["taskSpec"]


def test_values_from_around_are_in_the_key(tmp_path: Path) -> None:
    task, site = spec(PIPELINE), Site(tmp_path)
    cases: list[dict[str, Any]] = [
        {},
        {"x": "2"},
        {"list": ["a"]},
        {"list": []},
        {"of": {"a": "9", "b": "2"}},
        {"own": "1"},
    ]
    results = []
    for case in cases:
        first, again = (site.run(task, {**GIVEN, **case})[0] for _ in range(2))
        assert ("unnamed-0" in first.ran, "unnamed-0" in again.ran) == (True, False), case
        assert first.results == again.results
        results.append(first.results["r"])
    assert len(set(results)) == len(cases)
    ended, _ = site.run(task, {**GIVEN, "of": {"a": "1", "b": "3"}})
    assert "unnamed-0" not in ended.ran


def test_what_comes_after_such_a_task_needs_its_values() -> None:
    assert rule(PIPELINE, "pipeline/two") == "lineage"
    assert rule(ALONE, "pipeline/two") is None


def test_a_default_that_is_filled_from_around_counts_for_what_comes_after() -> None:
    filled = ALONE.replace("{name: x, default", "{name: own, default")
    assert rule(filled, "pipeline/two") == "lineage"
    assert ".own=$(params.own)" in spec(filled)["steps"][0]["args"]


def test_a_parameter_of_the_run_reaches_its_tasks() -> None:
    run = {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"generateName": "r-", "annotations": {"couler.io/cache": "pure"}},
        "spec": {
            "params": [{"name": "x", "value": "1"}, {"name": "l", "value": ["a"]}, {"name": "o", "value": {"k": "v"}}],
            "taskSpec": {
                "workspaces": [{"name": "couler-cache", "optional": True}, {"name": "out"}],
                "metadata": {"annotations": {"couler.io/cache-workspace.out": "out"}},
                "steps": [
                    {"image": "busybox", "command": ["x"], "args": ["$(params.x)$(params.o.k)", "$(params.l[*])"]}
                ],
            },
        },
    }
    (found,) = documents(cached(dump_yaml(run), WORKSPACE))
    values = found["spec"]["taskSpec"]["steps"][0]["args"]
    assert {".x=$(params.x)", ".o.k=$(params.o.k)", "$(params.l[*])"} <= set(values)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("$(params.x)", "$(params.nobody)", "propagated"),
        ("$(params.of.a)", "'$(params.of[*])'", "argument"),
        ("- name: one\n", '- name: one\n      params: [{name: z, value: "1"}]\n', None),
    ],
)
def test_what_does_not_reach_a_task_is_refused(old: str, new: str, expected: str | None) -> None:
    assert rule(PIPELINE.replace(old, new, 1), "pipeline/one") == expected


def test_a_task_that_is_referred_to_gets_nothing_from_around() -> None:
    shared = f"""\
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: shared, annotations: {{couler.io/cache: pure, couler.io/max-output-bytes: "64"}}}}
spec:
  {STORE}
  params: [{{name: z, default: "1"}}]
  results: [{{name: r}}]
  steps: [{{image: busybox, script: echo $(params.x) > $(results.r.path)}}]
"""
    text = PIPELINE + "    - {name: three, taskRef: {name: shared}}\n" + shared
    assert rule(text, "pipeline/three") == "propagated"


def test_an_edit_of_what_is_read_from_around_is_found() -> None:
    (found,) = documents(cached(PIPELINE, WORKSPACE))
    assert not [one for one in lint(Text(dump_yaml(found))).findings if one.code == "stale-key"]
    step = found["spec"]["tasks"][0]["taskSpec"]["steps"][0]
    step["args"].remove(".x=$(params.x)")
    assert "stale-key" in [one.code for one in lint(Text(dump_yaml(found))).findings]


RESULTS = PIPELINE.replace("      runAfter: [one]\n", "").replace("$(params.own) >", '"$(tasks.one.results.r)" >')
"""The second task reads the result of the first one in its script."""


def test_a_result_from_around_is_in_the_key() -> None:
    assert {rule(RESULTS, f"pipeline/{name}") for name in ("one", "two")} == {None}
    words = spec(RESULTS, 1)["steps"][0]["args"]
    assert "tasks.one.results.r=$(tasks.one.results.r)" in words
    assert not [word for word in words if "lineage" in word]


def test_a_result_from_around_that_tekton_did_not_fill_in_has_no_key(tmp_path: Path) -> None:
    task, site = spec(RESULTS, 1), Site(tmp_path)
    native = "$(tasks.one.results.r)"
    filled = [yaml.safe_load(dump_yaml(task).replace(native, text)) for text in ("1", "1", "2", native, native)]
    ended = [site.run(one, GIVEN)[0] for one in filled]
    assert ["unnamed-0" in one.ran for one in ended] == [True, False, True, True, True]
    assert "has a $ in it" in ended[-1].said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"$(tasks.one.results.r)" >', '"$(tasks.one.results.r[*])" >', "propagated"),
        ('"$(tasks.one.results.r)" >', '"$(tasks.one.results.r[0])" >', "propagated"),
        ('"$(tasks.one.results.r)" >', '"$(tasks.one.results.r.key)" >', None),
        ('"$(tasks.one.results.r)" >', '"$(tasks.one.status)" >', "propagated"),
        ("[{image: busybox, script", "[{image: busybox, volumeMounts: $(tasks.one.results.r), script", "malformed"),
        ("- name: one\n", "- name: one\n      when: [{input: a, operator: in, values: [b]}]\n", "uncertain-producer"),
    ],
)  # fmt: skip
def test_which_results_from_around_count(old: str, new: str, expected: str | None) -> None:
    assert old in RESULTS
    assert rule(RESULTS.replace(old, new), "pipeline/two") == expected


def test_a_result_counts_where_it_is_there_before_the_task_begins() -> None:
    """A StepAction is passed it, where Tekton does not look for what to wait for."""
    action = "apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: say}\nspec: "
    action += "{params: [{name: what}], image: b, command: [say, $(params.what)]}\n---\n"
    step = "steps: [{ref: {name: say}, params: [{name: what, value: $(tasks.one.results.r)}]}]"
    text = RESULTS[: RESULTS.rindex("steps: [{")] + step + "\n"
    assert rule(action + text, "pipeline/two") == "propagated"
    waiting = text.replace("    - name: two\n", "    - name: two\n      runAfter: [one]\n")
    assert rule(action + waiting, "pipeline/two") is None


def test_a_task_that_is_referred_to_gets_no_results() -> None:
    shared = f"""\
    - {{name: three, runAfter: [one], taskRef: {{name: shared}}}}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: shared, annotations: {{couler.io/cache: pure, couler.io/max-output-bytes: "64"}}}}
spec:
  {STORE}
  params: [{{name: z, default: "1"}}]
  results: [{{name: r}}]
  steps: [{{image: busybox, script: echo $(tasks.one.results.r) > $(results.r.path)}}]
"""
    assert rule(RESULTS + shared, "pipeline/three") == "propagated"


def test_an_edit_of_a_result_from_around_is_found() -> None:
    (found,) = documents(cached(RESULTS, WORKSPACE))
    assert not [one for one in lint(Text(dump_yaml(found))).findings if one.code == "stale-key"]
    step = found["spec"]["tasks"][1]["taskSpec"]["steps"][0]
    step["args"].remove("tasks.one.results.r=$(tasks.one.results.r)")
    assert "stale-key" in [one.code for one in lint(Text(dump_yaml(found))).findings]
