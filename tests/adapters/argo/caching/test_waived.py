"""`couler.io/cache-allow` in Argo: where it is said, what it waives, and what the keys are then."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from adapters.argo.caching.corpus import ASSUMED
from adapters.argo.caching.small import Made, made, workflow
from adapters.argo.caching.test_forbidden import CLAIM, data, merged
from couler_plugins.api import Text, lint
from couler_plugins.documents import dump_yaml

TASK = "- {name: a, template: pure}\n"
ALLOW = "couler.io/cache-allow"
WRAPPER = "cache{via=wrapper,store=s3://bucket/cache,image=couler}"
MOUNT = "container: {volumeMounts: [{name: v, mountPath: /v}]}"
ENV = "{container: {env: [{name: E, valueFrom: {%s: {name: s, key: k}}}]}}"
FIELD = "{container: {env: [{name: E, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}}"
GIT = f"git: {{repo: r, revision: '{'0a' * 20}', usernameSecret: {{name: s, key: k}}}}"
WAIVED = {
    "secret env": (ENV % "secretKeyRef", "{}"),
    "secret git": (f"{{inputs: {{artifacts: [{{name: g, path: /g, {GIT}}}]}}}}", "{}"),
    "configured env": (ENV % "configMapKeyRef", "{}"),
    "configured patch": ('{podSpecPatch: \'{"containers": [{"envFrom": []}]}\'}', "{}"),
    "configured input": (
        "{inputs: {parameters: [{name: x, default: '0'}, {name: z, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}}",
        "{}",
    ),
    "run-context field": (FIELD, "{}"),
    "run-context name": ("{container: {args: ['{{workflow.name}}', '{{pod.name}}']}}", "{}"),
    "run-context retries": ("{container: {args: ['{{retries}}']}}", "{}"),
    "volume claim": (f"{{{MOUNT}}}", f"{{volumes: {CLAIM}}}"),
    "volume template": (f"{{{MOUNT}}}", "{volumeClaimTemplates: [{metadata: {name: v}, spec: {}}]}"),
}


def document(template: str = "{}", spec: str = "{}", allow: str = "", place: str = "template") -> dict[str, Any]:
    """A workflow with a change, and with something waived in one of four places."""
    found = copy.deepcopy(workflow(TASK))
    templates = found["spec"]["templates"]
    templates[1] = merged(templates[1], data(template))
    found["spec"] = merged(found["spec"], data(spec))
    if allow:
        holder = {"template": templates[1], "graph": templates[0]}.get(place, found)
        annotations = holder.setdefault("metadata", {}).setdefault("annotations", {})
        annotations[f"{ALLOW}.main.a" if place == "step" else ALLOW] = allow
    return found


def key(found: Made) -> str:
    text: str = found.memoized["pure"]["key"]
    return text


@pytest.mark.parametrize("place", ["step", "template", "graph", "everywhere"])
@pytest.mark.parametrize("name", WAIVED)
def test_what_is_waived_is_cached_wherever_that_is_said(name: str, place: str) -> None:
    template, spec = WAIVED[name]
    word = name.partition(" ")[0]
    before = made(document(template, spec)).decision("main/a")
    assert dict(before.figures)["rule"] == word
    assert f"{{{ALLOW}: {word}}}" in next(item.remedy for item in before.objections if item.rule == word)
    assert before.verdict == "declarable"
    found = made(document(template, spec, word, place))
    assert found.rules["main/a"] == ""
    # Nothing in the key differs from run to run: only inputs, the namespace and the service account are read.
    assert "workflow.name'" not in key(found)
    assert "pod" not in key(found)
    assert "retries" not in key(found)
    other = made(document(template, spec, f"{word},network", place))
    assert len({key(found), key(other), key(made(document()))}) == 3


@pytest.mark.parametrize("name", WAIVED)
def test_what_is_said_to_waive_it_does(name: str) -> None:
    """Each remedy is pasted as it stands."""
    found = document(*WAIVED[name])
    for item in made(copy.deepcopy(found)).decision("main/a").objections:
        pasted = data(item.remedy.partition(", in the template")[0])
        found["spec"]["templates"][1] = merged(found["spec"]["templates"][1], pasted)
    assert made(found).rules["main/a"] == ""


@pytest.mark.parametrize("name", ["secret env", "run-context name", "volume claim"])
def test_a_wrapper_keeps_it_as_well(name: str) -> None:
    template, spec = WAIVED[name]
    given = document(template, spec, name.partition(" ")[0])
    del given["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/max-output-bytes"]
    given["spec"]["templates"][1]["container"]["command"] = ["run"]
    found = made(given, pipeline=WRAPPER)
    assert found.rules["main/a"] == ""
    (restore,) = found.template("pure")["initContainers"]
    assert not re.search(r"workflow\.name\b", str(restore))


def test_a_waived_template_is_only_kept_where_somebody_may_keep_it() -> None:
    found = made(document(ENV % "secretKeyRef", allow="secret"), pipeline="cache")
    assert found.rules["main/a"] == "controller-rights"
    assert not found.memoized


@pytest.mark.parametrize(
    "template",
    [
        "{daemon: true}",
        "{outputs: {artifacts: [{name: o, path: /o, globalName: g}]}}",
        "{outputs: {artifacts: [{name: o, path: /o, s3: {key: fixed}}]}}",
        "{inputs: {artifacts: [{name: a, path: /a, s3: {bucket: b, key: k}}]}}",
        "{inputs: {parameters: [{name: x, default: '{{workflow.name}}'}]}}",
        "{container: {workingDir: '{{=sprig.ago(1)}}'}}",
    ],
)
def test_structure_is_not_waived(template: str) -> None:
    words = "network,secret,configured,run-context,volume,clock,random,files,programs,environment"
    assert made(document(template, allow=words)).rules["main/a"] == made(document(template)).rules["main/a"] != ""


def test_what_a_call_hands_over_is_in_the_key() -> None:
    given = document(allow="run-context")
    task = given["spec"]["templates"][0]["dag"]["tasks"][0]
    task["arguments"] = {"parameters": [{"name": "x", "value": "{{workflow.name}}"}]}
    decision = made(given).decision("main/a")
    assert dict(decision.figures)["rule"] == "run-context"
    assert "a key covers its inputs by value, so that cannot be waived" in decision.reason


def test_calls_that_waive_different_things_have_keys_of_their_own() -> None:
    given = copy.deepcopy(workflow("- {name: a, template: pure}\n- {name: b, template: pure}\n"))
    given["metadata"]["annotations"] = {f"{ALLOW}.main.a": "secret"}
    found = made(given)
    assert found.rules == {"main/a": "", "main/b": ""}
    assert len({item["key"] for item in found.memoized.values()}) == 2


def test_only_the_call_that_waives_it_is_cached() -> None:
    given = document(ENV % "secretKeyRef")
    given["spec"]["templates"][0]["dag"]["tasks"].append({"name": "b", "template": "pure"})
    given["metadata"]["annotations"] = {f"{ALLOW}.main.a": "secret"}
    assert made(given).rules == {"main/a": "", "main/b": "secret"}


def test_a_broad_waiver_lets_words_pass_that_a_broad_declaration_does_not() -> None:
    given = document("{container: {args: ['date; curl x; echo $RANDOM']}}")
    del given["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"]
    assert made(given, pipeline=ASSUMED).rules["main/a"] == "clock"
    given["metadata"]["annotations"] = {ALLOW: "clock,network,random"}
    assert made(given, pipeline=ASSUMED).rules["main/a"] == ""


def test_a_word_that_there_is_not() -> None:
    decision = made(document(allow="secrets")).decision("main/a")
    assert dict(decision.figures)["rule"] == "unknown-waiver"
    assert decision.verdict == "declarable"
    assert "the template 'pure' allows 'secrets'" in decision.reason
    assert "add couler.io/cache-allow: secret, there instead" in decision.reason


def test_words_that_are_no_text_are_told() -> None:
    given = document(ENV % "secretKeyRef")
    given["spec"]["templates"][1]["metadata"]["annotations"][ALLOW] = ["secret", "network"]
    (objection,) = [item for item in made(given).decision("main/a").objections if item.rule == "unknown-waiver"]
    assert "the template 'pure' has a value of couler.io/cache-allow that is not a text" in objection.reason
    assert objection.remedy == f'{ALLOW}: "secret,network", there instead'
    assert objection.seen == ALLOW
    given["spec"]["templates"][1]["metadata"]["annotations"] = {"couler.io/cache": True}
    assert "says 'true', which is none of pure" in made(given).decision("main/a").reason


def test_a_waiver_that_changes_afterwards_is_found() -> None:
    found = made(document(ENV % "secretKeyRef", allow="secret")).documents[0]
    assert not [item for item in lint([copy.deepcopy(found)]).findings if item.code == "stale-key"]
    found["spec"]["templates"][1]["metadata"]["annotations"][ALLOW] = "secret,network"
    assert [item.code for item in lint([found]).findings] == ["stale-key"]


def test_a_library_that_waives_something_is_cached_for_all() -> None:
    given = document(ENV % "secretKeyRef", allow="secret")
    given |= {"kind": "WorkflowTemplate", "metadata": {"name": "lib"}}
    given["spec"]["templates"][0]["dag"]["tasks"][0]["template"] = "load"  # only others call it
    found = made(given)
    assert "pure" in found.memoized
    assert not [item for item in lint([copy.deepcopy(found.documents[0])]).findings if item.code == "stale-key"]
    assert made(*found.documents).documents == found.documents


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (f"{ALLOW}.main.b", "names no step: it is couler.io/cache-allow.GRAPH.STEP"),
        ("couler.io/cache-alow", "couler knows no annotation couler.io/cache-alow"),
        (f"{ALLOW}.main.a", ""),
        (ALLOW, ""),
    ],
)
def test_lint_warns_of_annotations_that_say_nothing(key: str, message: str) -> None:
    given = workflow(TASK)
    given["metadata"]["annotations"] = {key: "secret"}
    found = [item.message for item in lint(Text(dump_yaml(given), "w.yaml")).findings if item.code == "annotation"]
    assert len(found) == bool(message)
    assert all(message in text for text in found)
