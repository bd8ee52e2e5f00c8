"""Which rule keeps a task from being cached, and what it says."""

from __future__ import annotations

import re

import pytest

from adapters.tekton.caching.tasks import BASE, PIPELINE, WORKSPACE, cached, documents

S3 = WORKSPACE.replace("workspace://couler-cache/store", "s3://bucket/cache")

WORDS = {
    "clock": ("printf slow", "date"),
    "randomness": ("printf slow", "printf $RANDOM"),
    "network": ("printf slow", "curl example.org"),
}
TASK_RULES = {
    "not-declared": ("couler.io/cache: pure", "a: b"),
    "never": ("couler.io/cache: pure", "couler.io/cache: never"),
    "always": ("couler.io/cache: pure", "couler.io/cache: always"),
    "unknown-declaration": ("couler.io/cache: pure", "couler.io/cache: perhaps"),
    "workspace not covered": ("couler.io/cache-inputs: src/data", "a: b"),
    "workspace optional": ("- {name: src}", "- {name: src, optional: true}"),
    "workspace undeclared": ("    - {name: src}\n", ""),
    "workspace of the store": ("printf slow >>", "ls $(workspaces.couler-cache.path); printf slow >>"),
    "file-lists unknown": ("cache-outputs: out/model", "cache-outputs: out/model, other/x"),
    "file-lists overlap": ("cache-outputs: out/model", "cache-outputs: out/model, out/model/best"),
    "file-lists around": ("cache-outputs: out/model", "cache-outputs: out/model, src"),
    "file-lists word": ("cache-outputs: out/model", "cache-workspace.out: write"),
    "file-lists empty": ("cache-outputs: out/model", "cache-workspace.out: ''"),
    "file-lists above": ("cache-outputs: out/model", "cache-workspace.out: out=a/../b"),
    "file-lists without all": ("cache-outputs: out/model", "cache-workspace.out: 'out=model,without=x'"),
    "file-lists without nothing": ("cache-outputs: out/model", "cache-workspace.out: 'out,without'"),
    "file-lists without path": ("cache-outputs: out/model", "cache-workspace.out: 'out,without=a/b'"),
    "file-lists without output": ("cache-outputs: out/model", "cache-workspace.out: 'in,without=a,out=a/b'"),
    "file-lists escape": ("cache-outputs: out/model", "cache-outputs: out/../src"),
    "unbounded-output none": ('couler.io/max-output-bytes: "256"', "a: b"),
    "unbounded-output much": ('bytes: "256"', 'bytes: "2048"'),
    "unbounded-output nonsense": ('bytes: "256"', 'bytes: "many"'),
    "step-action": (
        "- name: last\n      image: busybox",
        "- name: other\n      ref: {name: x}\n    - name: last\n      image: b",
    ),
    "taken": ("- name: last", "- name: couler-save"),
    "isolated-workspace": ("- name: last\n", "- name: last\n      workspaces: [{name: src}]\n"),
    "windows": ("script: printf slow", "script: '#!win printf slow'  #"),
    "run-context": ("printf slow", "printf $(context.taskRun.name)"),
    "artifacts": ("printf slow", "printf x > $(step.artifacts.path); printf slow"),
    "secret env": (
        "- name: last\n",
        "- name: last\n      env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n",
    ),
    "configured envFrom": ("- name: last\n", "- name: last\n      envFrom: [{configMapRef: {name: c}}]\n"),
    "volume": ("- name: last\n", "- name: last\n      volumeMounts: [{name: v, mountPath: /v}]\n"),
    "step-result value": (
        "- {name: state}",
        "- {name: state, value: $(steps.last.results.state)}",
    ),
    "step-result env": ("- name: last\n", "- name: last\n      env: [{name: A, value: $(steps.model.results.x)}]\n"),
    "step-result when": (
        "when: [{input: $(params.mode)",
        "when: [{input: $(steps.model.results.x)",
    ),
    "step-template": ("  steps:\n", "  stepTemplate: {env: [{name: COULER_CACHE_STORE, value: /x}]}\n  steps:\n"),
    "propagated": ("printf slow", "printf $(params.nobody)"),
    "argument": ("properties: {x: {type: string}, z: {type: string}}", "description: x"),
    "no-workspace": ("    - {name: couler-cache, optional: true}\n", ""),
}


@pytest.mark.parametrize("rule", TASK_RULES)
def test_a_task_that_is_not_cached_says_why(rule: str) -> None:
    old, new = TASK_RULES[rule]
    assert old in BASE
    (file,) = cached(BASE.replace(old, new)).files
    (decision,) = file.decisions
    assert dict(decision.figures)["rule"] == rule.partition(" ")[0], decision
    assert decision.reason
    assert not file.edits


@pytest.mark.parametrize("rule", WORDS)
def test_words_in_a_program_forbid_it_unless_the_task_itself_is_declared(rule: str) -> None:
    text = BASE.replace(*WORDS[rule])
    (decision,) = cached(text).files[0].decisions
    assert (decision.action, [item.rule for item in decision.warnings]) == ("cache", [rule])
    run = PIPELINE.replace("printf '%s'", f"{WORDS[rule][1]}; printf '%s'", 1)
    decisions = [one for file in cached(run, S3).files for one in file.decisions]
    (decision,) = [one for one in decisions if one.subject == "pipeline/one"]
    assert dict(decision.figures).get("rule") == rule


LOAD = """\
      - name: load
        {}
        params: [{{name: x, value: {}}}]
        taskRef: {{name: shared}}
      - name: two
        runAfter: [load]
"""
PIPELINE_RULES = {
    "unknown-producer": (
        "      - name: two\n",
        "      - name: load\n        taskRef: {name: elsewhere}\n      - name: two\n        runAfter: [load]\n",
    ),
    "uncertain-producer": (
        "      - name: two\n",
        LOAD.format("when: [{input: a, operator: in, values: [b]}]", "fixed"),
    ),
    "lineage": ("      - name: two\n", LOAD.format("retries: 1", "$(params.rate)")),
    "never": ("couler.io/cache: pure", "couler.io/cache: pure, couler.io/cache.two: never"),
    "never lost": ("couler.io/cache: pure", "couler.io/cache: pure, couler.io/cache.twoo: never"),
    "external": (
        "        taskRef: {name: shared}\n      - name: three",
        "        taskRef: {name: s}\n      - name: three",
    ),
    "run-context": ("value: $(tasks.one.results.r)", "value: $(context.pipelineRun.name)"),
}


@pytest.mark.parametrize("rule", PIPELINE_RULES)
def test_a_call_that_is_not_cached_says_why(rule: str) -> None:
    old, new = PIPELINE_RULES[rule]
    assert old in PIPELINE
    decisions = [one for file in cached(PIPELINE.replace(old, new), S3).files for one in file.decisions]
    (decision,) = [one for one in decisions if one.subject == "pipeline/two"]
    assert dict(decision.figures).get("rule") == rule.partition(" ")[0], decision


@pytest.mark.parametrize(("word", "rule"), [("pure", "not-declared"), ("never", "never")])
def test_the_name_of_a_task_declares_none_in_a_pipeline_inside(word: str, rule: str) -> None:
    text = """\
        apiVersion: tekton.dev/v1
        kind: Pipeline
        metadata: {name: outer, annotations: {couler.io/cache.mail: WORD}}
        spec:
          tasks:
          - {name: mail, taskSpec: {steps: [{name: s, image: x}]}}
          - name: inner
            pipelineSpec:
              tasks:
              - name: mail
                taskSpec:
                  metadata: {annotations: {couler.io/cache-version: "1", couler.io/max-output-bytes: "64"}}
                  results: [{name: id}]
                  steps: [{name: s, image: x}]
        """.replace("WORD", word)
    decisions = [one for file in cached(text, S3).files for one in file.decisions]
    (decision,) = [one for one in decisions if one.subject == "pipeline/inner/mail"]
    assert dict(decision.figures).get("rule") == rule


def test_what_runs_at_the_end_is_not_cached() -> None:
    text = PIPELINE.replace("      - name: four\n        runAfter: [three]\n", "    finally:\n      - name: four\n")
    decisions = [one for file in cached(text, S3).files for one in file.decisions]
    (decision,) = [one for one in decisions if one.subject == "pipeline/four"]
    assert dict(decision.figures)["rule"] == "finally"


def test_without_a_store_it_says_what_to_add() -> None:
    (file,) = cached(BASE, "cache").files
    (decision,) = file.decisions
    assert dict(decision.figures)["rule"] == "no-store"
    assert "via=wrapper" in decision.reason


def test_what_would_be_worth_it_says_what_to_paste() -> None:
    (file,) = cached(BASE.replace("couler.io/cache: pure", "a: b")).files
    assert "it needs a declaration of its own" in file.decisions[0].reason
    text = PIPELINE.replace("couler.io/cache: pure, ", "")
    reasons = {one.subject: one.reason for file in cached(text, S3).files for one in file.decisions}
    assert "metadata: {annotations: {couler.io/cache: pure}}, in its taskSpec" in reasons["pipeline/one"]


RESOLVERS = {
    "git": ("revision", "0123456789abcdef" * 2 + "01234567", "main"),
    "bundles": ("bundle", f"example.org/task:1@sha256:{64 * 'a'}", "example.org/task:1"),
    "http": ("digest", f"sha256:{64 * 'a'}", "x"),
    "hub": ("version", "", "0.1"),
}


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("pinned", [True, False])
def test_a_task_from_elsewhere_says_what_to_do(resolver: str, pinned: bool) -> None:
    name, fixed, loose = RESOLVERS[resolver]
    reference = f"{{resolver: {resolver}, params: [{{name: {name}, value: '{fixed if pinned else loose}'}}]}}"
    text = PIPELINE.replace("taskRef: {name: shared}", f"taskRef: {reference}", 1)
    (decision,) = [one for file in cached(text, S3).files for one in file.decisions if one.subject == "pipeline/two"]
    assert (decision.verdict, dict(decision.figures)["rule"]) == ("never", "resolver")
    assert f"comes through the resolver '{resolver}'" in decision.reason
    assert ("may be another one tomorrow" in decision.reason) is (not pinned and resolver != "hub")


CALLED = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: small, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
spec:
  tasks:
  - name: make
    params: [{name: x, value: "1"}]
    taskSpec: {params: [{name: x}], results: [{name: r}], steps: [{name: make, image: tool, command: [make]}]}
"""
RUN = """\
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: run}
spec:
  pipelineRef: {name: small}
"""
HOST = "  taskRunTemplate: {podTemplate: {hostNetwork: true}}\n"
OUTER = RUN.replace("PipelineRun", "Pipeline").replace("  pipelineRef: {name: small}\n", "") + (
    "  tasks: [{name: inner, pipelineRef: {name: small}}]\n"
)


def spec_hash(text: str) -> str | None:
    """The spec hash of the one task; None where it is not cached."""
    found = re.search(r"--spec=(\S+)", cached(text, S3).text)
    return found and found[1]


def test_what_the_run_of_a_pipeline_says_of_pods_is_in_its_keys() -> None:
    alone, plain, host = spec_hash(CALLED), spec_hash(CALLED + RUN), spec_hash(CALLED + RUN + HOST)
    assert alone is not None
    assert alone == plain == spec_hash(CALLED + RUN + RUN.replace("name: run", "name: again"))
    assert host not in (None, plain)
    outer = OUTER + RUN.replace("name: run", "name: again").replace("{name: small}", "{name: run}")
    assert spec_hash(CALLED + outer) == plain
    assert spec_hash(CALLED + outer + HOST) == host


def test_runs_that_differ_in_their_pods_forbid_caching() -> None:
    text = CALLED + RUN + HOST + RUN.replace("name: run", "name: again")
    (rule,) = [dict(item.figures)["rule"] for item in cached(text, S3).decisions if item.subject == "pipeline/make"]
    assert rule == "several-runs"
    assert spec_hash(text) is None


def test_runs_that_differ_in_their_service_account_need_a_word() -> None:
    account = "  taskRunTemplate: {serviceAccountName: %s}\n"
    runs = RUN + account % "one" + RUN.replace("name: run", "name: again") + account % "two"
    (rule,) = [dict(x.figures)["rule"] for x in cached(CALLED + runs, S3).decisions if x.subject == "pipeline/make"]
    assert rule == "secret"
    waived = CALLED.replace("couler.io/cache: pure", "couler.io/cache: pure, couler.io/cache-allow: secret")
    assert spec_hash(waived + runs) == spec_hash(waived + RUN) is not None
    versioned = waived.replace("couler.io/cache: pure", "couler.io/cache: pure, couler.io/cache-version: '2'")
    assert spec_hash(versioned + runs) == spec_hash(versioned + RUN) != spec_hash(waived + RUN)
    host = HOST.replace("{podTemplate", "{serviceAccountName: two, podTemplate")
    assert spec_hash(waived + RUN + account % "one" + RUN.replace("name: run", "name: again") + host) is None


TWINS = CALLED + CALLED[CALLED.index("  - name: make") :].replace("make\n", "twin\n", 1)


def spec_hashes(specs: str) -> list[str]:
    """The spec hashes of two equal tasks of a run that says this of single tasks."""
    return re.findall(r"--spec=(\S+)", cached(f"{TWINS}{RUN}  taskRunSpecs: [{specs}]\n", S3).text)


def test_what_a_run_says_of_one_task_is_in_the_key_of_that_task() -> None:
    host = "{pipelineTaskName: %s, podTemplate: {hostNetwork: true}}"
    plain, one, both = spec_hashes(""), spec_hashes(host % "twin"), spec_hashes(f"{host % 'make'}, {host % 'twin'}")
    assert plain[0] == plain[1] == one[0]
    assert one[1] == both[0] == both[1] != one[0]


def test_a_variable_in_what_a_run_says_of_pods_forbids_caching() -> None:
    assert not spec_hashes('{pipelineTaskName: make, podTemplate: {schedulerName: "$(params.x)"}}')[1:]


def test_a_step_with_an_empty_name_has_none() -> None:
    unnamed = spec_hash(CALLED.replace("[{name: make, image", "[{image"))
    assert unnamed not in (None, spec_hash(CALLED))
    once = cached(CALLED.replace("[{name: make, image", "[{name: '', image"), S3).text
    assert f"--spec={unnamed}" in once
    assert cached(once, S3).text == once


ORDERED = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: loads, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "64"}}
spec:
  params: [{name: day, default: "1"}]
  tasks:
  - name: load
    params: [{name: x, value: monday}]
    taskSpec: &made {params: [{name: x}], results: [{name: r}], steps: [{name: make, image: tool, command: [make]}]}
  - name: check
    runAfter: [load]
    params: [{name: x, value: fixed}]
    taskSpec: *made
  - name: report
    params: [{name: x, value: $(tasks.check.results.r)}]
    taskSpec: *made
"""


def lineages(text: str, number: int) -> list[str]:
    """The arguments of the first step of a task that say what it comes after."""
    (found,) = documents(cached(text, S3))
    arguments = found["spec"]["tasks"][number]["taskSpec"]["steps"][0]["args"]
    return [word for word in arguments if "lineage" in word]


def test_a_value_does_not_tell_of_what_its_task_came_after() -> None:
    """`check` says the same whatever `load` has loaded, and `report` may read that: so its key covers it."""
    assert lineages(ORDERED, 1) == lineages(ORDERED, 2) != []
    assert lineages(ORDERED.replace("monday", "sunday"), 2) != lineages(ORDERED, 2)
    never = ORDERED.replace("max-output-bytes", "cache.check: never, couler.io/max-output-bytes")
    assert lineages(never, 2) == lineages(ORDERED, 2)
    late = ORDERED.replace("monday", "$(params.day)")
    rules = {item.subject: dict(item.figures).get("rule") for file in cached(late, S3).files for item in file.decisions}
    names = ("load", "check", "report")
    assert [rules[f"pipeline/{name}"] for name in names] == [None, "lineage", "lineage"]


def test_a_value_tells_of_the_task_that_it_is_of() -> None:
    assert lineages(ORDERED.replace("    runAfter: [load]\n", ""), 2) == []
    told = ORDERED.replace("runAfter: [load]", "retries: 1").replace("value: fixed", "value: $(tasks.load.results.r)")
    assert lineages(told, 2) == []
