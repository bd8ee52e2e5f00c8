"""`couler.io/cache-allow` in Tekton: what it waives, where it is said, and what is in the key then."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tekton.caching.tasks import BASE, PIPELINE, cached, documents, spec_of
from adapters.tekton.caching.test_rules import S3, TASK_RULES
from couler_plugins.api import Text, lint
from couler_plugins.documents import dump_yaml
from couler_plugins.plan import Decision

ALLOW = "couler.io/cache-allow"
PURE = "    couler.io/cache: pure\n"
STEP = ("- name: last\n", "- name: last\n      {}\n")
WAIVED = {
    "secret variable": (STEP, "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"),
    "secret variables": (STEP, "envFrom: [{prefix: P, secretRef: {name: s}}]"),
    "configured variable": (STEP, "env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]"),
    "configured variables": (STEP, "envFrom: [{configMapRef: {name: s}}]"),
    "run-context field": (STEP, "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"),
    "run-context name": (("printf slow", "printf {}"), "$(context.taskRun.name)"),
    "run-context claim": (("printf slow", "printf {}"), "$(workspaces.src.claim)"),
    "run-context volume": (("printf slow", "printf {}"), '$(workspaces["src"].volume)'),
    "volume claim": (STEP, "volumeMounts: [{name: v, mountPath: /v}]"),
}


def task(name: str, *words: str) -> str:
    (old, new), part = WAIVED[name]
    text = BASE.replace(old, new.replace("{}", part))
    return text.replace(PURE, f"{PURE}    {ALLOW}: {','.join(words)}\n") if words else text


def told(text: str, pipeline: str = S3, subject: str = "") -> Decision:
    decisions = [one for file in cached(text, pipeline).files for one in file.decisions]
    (decision,) = [one for one in decisions if one.subject == subject] if subject else decisions
    return decision


def arguments(text: str) -> list[str]:
    _, after = spec_of(text, S3)
    found: list[str] = after["steps"][0]["args"]
    return found


@pytest.mark.parametrize("name", WAIVED)
def test_what_is_waived_is_cached_under_a_key_that_says_so(name: str) -> None:
    word = name.partition(" ")[0]
    before = told(task(name))
    assert dict(before.figures)["rule"] == word
    (objection,) = before.objections
    assert objection.remedy == f"metadata: {{annotations: {{{ALLOW}: {word}}}}}, in its Task"
    assert told(task(name, word)).action == "cache"
    assert "context.taskRun.name)" not in "".join(arguments(task(name, word))).partition("--spec")[2]
    specs = {
        next(one for one in arguments(text) if one.startswith("--spec="))
        for text in (BASE, task(name, word), task(name, word, "network"))
    }
    assert len(specs) == 3


def test_words_that_are_no_text_are_told_with_their_line() -> None:
    (objection,) = told(BASE.replace(PURE, f"{PURE}    {ALLOW}: [secret]\n")).objections
    assert (objection.rule, objection.remedy) == ("unknown-waiver", f"{ALLOW}: secret, there instead")
    assert "is not a text" in objection.reason
    assert objection.place is not None
    assert objection.seen == ALLOW


def test_what_would_not_fit_is_refused_however_much_is_waived() -> None:
    text = task("secret variable", "secret").replace('bytes: "256"', 'bytes: "2048"')
    assert dict(told(text).figures)["rule"] == "unbounded-output"


def test_variables_of_unknown_names_would_reach_our_steps() -> None:
    text = BASE.replace("  steps:\n", "  stepTemplate: {envFrom: [{secretRef: {name: s}}]}\n  steps:\n")
    waived = told(text.replace(PURE, f"{PURE}    {ALLOW}: secret\n"))
    assert dict(waived.figures)["rule"] == "step-template"
    assert waived.verdict == "never"


@pytest.mark.parametrize(
    "rule", ["workspace not covered", "file-lists around", "step-action", "propagated", "artifacts", "argument"]
)
def test_structure_is_not_waived(rule: str) -> None:
    text = BASE.replace(*TASK_RULES[rule])
    words = "network,secret,configured,run-context,volume,clock,random,files"
    waived = told(text.replace(PURE, f"{PURE}    {ALLOW}: {words}\n"))
    assert dict(waived.figures)["rule"] == rule.partition(" ")[0]


SECRET = "steps: [{name: say, envFrom: [{secretRef: {name: s}}], image"
RUN = "couler.io/cache: pure, "


@pytest.mark.parametrize("key", [ALLOW, f"{ALLOW}.two"])
def test_a_run_waives_for_its_tasks(key: str) -> None:
    text = PIPELINE.replace("steps: [{name: say, image", SECRET)
    assert dict(told(text, subject="pipeline/two").figures)["rule"] == "secret"
    text = text.replace(RUN, f"{RUN}{key}: secret, ")
    assert told(text, subject="pipeline/two").verdict == "cached"
    assert (told(text, subject="pipeline/three").verdict == "cached") is (key == ALLOW)


def test_what_a_call_is_given_is_not_waived() -> None:
    text = PIPELINE.replace("value: $(tasks.one.results.r)", "value: $(context.pipelineRun.name)")
    decision = told(text.replace(RUN, f"{RUN}{ALLOW}: run-context, "), subject="pipeline/two")
    assert dict(decision.figures)["rule"] == "run-context"
    assert "cannot be waived" in decision.reason


def test_a_run_of_one_task_is_the_thing_itself() -> None:
    run: dict[str, Any] = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun"}
    run["metadata"] = {
        "generateName": "r-",
        "annotations": {"couler.io/cache": "pure", "couler.io/max-output-bytes": "64"},
    }
    step = {"image": "busybox", "script": "echo $RANDOM > $(results.r.path)"}
    run["spec"] = {
        "params": [{"name": "x", "value": "1"}],
        "taskSpec": {"params": [{"name": "x"}], "results": [{"name": "r"}], "steps": [step]},
    }
    decision = told(dump_yaml(run))
    assert decision.verdict == "cached"
    assert [item.rule for item in decision.warnings] == ["randomness"]


def test_a_waiver_that_changes_afterwards_is_found() -> None:
    (task_,) = documents(cached(task("secret variable", "secret"), S3))
    assert not [one for one in lint(Text(dump_yaml(task_))).findings if one.code == "stale-key"]
    task_["metadata"]["annotations"][ALLOW] = "secret,network"
    assert [one.code for one in lint(Text(dump_yaml(task_))).findings if one.code == "stale-key"] == ["stale-key"]


def test_a_word_that_there_is_not() -> None:
    decision = told(task("secret variable", "secretes"))
    assert dict(decision.figures)["rule"] == "unknown-waiver"
    assert f"add {ALLOW}: secret, there instead" in decision.reason


def lineages(order: str, program: str) -> list[str]:
    """What the key of the last of three tasks covers of the first, of which only the order tells."""
    tasks = "".join(
        f"""\
    - name: {name}
      runAfter: [{before}]
      params: [{{name: x, value: "1"}}]
      taskSpec:
        metadata:
          annotations: {{couler.io/cache: pure, {ALLOW}: "{words}", couler.io/max-output-bytes: "64"}}
        params: [{{name: x}}]
        results: [{{name: r}}]
        steps: [{{image: busybox, script: "{script} > $(results.r.path)"}}]
"""
        for name, before, words, script in (
            ("first", "", "", program),
            ("second", "first", order, "echo second"),
            ("third", "second", "", "echo third"),
        )
    ).replace("      runAfter: []\n", "")
    run = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: p}\nspec:\n  pipelineSpec:\n    tasks:\n"
    (changed,) = documents(cached(run + tasks, S3))
    (_, _, third) = changed["spec"]["pipelineSpec"]["tasks"]
    return [text for text in third["taskSpec"]["steps"][0]["args"] if text.startswith("couler-lineage")]


@pytest.mark.parametrize("order", ["", "order"])
def test_a_waived_order_holds_for_one_task_and_not_for_those_after_it(order: str) -> None:
    before = lineages(order, "load one")
    assert before
    assert before == lineages(order, "load one")
    assert before != lineages(order, "load two")
