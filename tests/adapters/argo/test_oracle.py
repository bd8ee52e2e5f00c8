"""Argo accepts what we make of its documents, and the oracle that says so says what Argo's own tests say."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.test_homes import SETTINGS, set_all
from adapters.subjects import ARGO, lift_file, lower_and_write, regenerate
from couler_plugins.api import convert, optimize
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.results import Result
from couler_plugins.ir import without_origin
from oracles.argo_oracle import Call, Key, Oracle, Run, Verdict, build
from support import shared

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def workflow(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "subject"},
        "spec": {"entrypoint": "main", "templates": list(templates), **spec},
    }


def leaf(name: str, *parameters: str, **more: Any) -> dict[str, Any]:
    inputs = {"parameters": [{"name": parameter} for parameter in parameters]}
    return {"name": name, "inputs": inputs, "container": {"image": "busybox"}, **more}


def graph(*tasks: dict[str, Any], name: str = "main") -> dict[str, Any]:
    return {"name": name, "dag": {"tasks": list(tasks)}}


def judge(oracle: Oracle, *documents: Any) -> list[Verdict]:
    (verdicts,) = oracle.judge([documents])
    return verdicts


# The oracle itself.

A, B = {"name": "a", "template": "leaf"}, {"name": "b", "template": "leaf", "depends": "a"}


def test_a_good_workflow(oracle: Oracle) -> None:
    (verdict,) = judge(oracle, workflow(graph(A, B), leaf("leaf")))
    assert verdict == Verdict("Workflow", skipped=False, parse_error=None, error=None)
    assert verdict.accepted


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (workflow(graph(A, B)), "template name 'leaf' undefined"),
        (workflow(graph({**A, "depends": "b"}, B), leaf("leaf")), "cycle"),
        (workflow(graph(A, {**B, "depends": "c"}), leaf("leaf")), "invalid dependency c"),
        (workflow(graph(A, A), leaf("leaf")), "duplicated nodeName a"),
        (workflow(graph(A), leaf("leaf", "needed")), "inputs.parameters.needed was not supplied"),
        (workflow(graph(A), leaf("leaf", "bad name")), "inputs.parameters[0].name: 'bad name' is invalid"),
        (workflow(leaf("main", unheard="of")), 'unknown field "spec.templates[0].unheard"'),
        (workflow(leaf("main"), templates="none"), "cannot unmarshal string"),
        (workflow(graph({"name": "a", "templateRef": {"name": "away", "template": "leaf"}})), "not found"),
    ],
)
def test_what_is_refused(oracle: Oracle, document: Any, complaint: str) -> None:
    (verdict,) = judge(oracle, document)
    assert not verdict.accepted
    assert complaint in (verdict.complaint or "")


@pytest.mark.parametrize(
    ("kind", "reference"),
    [("WorkflowTemplate", {}), ("ClusterWorkflowTemplate", {"clusterScope": True})],
)
def test_documents_see_each_other(oracle: Oracle, kind: str, reference: dict[str, Any]) -> None:
    library = {**workflow(leaf("leaf", "needed")), "kind": kind, "metadata": {"name": "library"}}
    del library["spec"]["entrypoint"]
    call = {"name": "a", "templateRef": {"name": "library", "template": "leaf", **reference}}
    supplied = {**call, "arguments": {"parameters": [{"name": "needed", "value": "1"}]}}
    assert [verdict.accepted for verdict in judge(oracle, workflow(graph(supplied)), library)] == [True, True]
    refused, _ = judge(oracle, workflow(graph(call)), library)
    assert "inputs.parameters.needed was not supplied" in (refused.error or "")
    assert judge(oracle, library, library)[1].error == f'duplicate {kind} "library"'


def test_what_is_not_for_the_linter(oracle: Oracle) -> None:
    documents: list[Any] = [{"apiVersion": "v1", "kind": "ConfigMap", "unheard": "of"}, None, {}]
    assert all(verdict.skipped and verdict.accepted for verdict in judge(oracle, *documents))


def test_a_linter_lets_parameters_be_missing(oracle: Oracle) -> None:
    documents = [workflow(leaf("main"), arguments={"parameters": [{"name": "later"}]})]
    (linted,), (run,) = oracle.judge([Call(documents), Call(documents, lint=False)])
    assert linted.accepted
    assert "later" in (run.error or "")


# What Argo's own tests say.


def test_argos_own_cases(oracle: Oracle) -> None:
    cases = oracle.cases()
    assert len(cases) >= 130
    assert sum(case.expect == "ok" for case in cases) >= 58
    assert sum(case.message is not None for case in cases) >= 64
    assert sum(bool(case.beside) for case in cases) >= 11
    unread = []
    for case, (verdict, *_) in zip(cases, oracle.judge(case.call() for case in cases), strict=True):
        assert verdict.accepted is (case.expect == "ok"), (case.name, verdict)
        if verdict.parse_error is not None:
            unread.append(case.name)  # the tests read more kindly than the linter: they take a number for a text
        elif case.message is not None:
            assert verdict.error == case.message if case.exact else case.message in (verdict.error or ""), case.name
    assert len(unread) <= 5


# Cache keys.

SHA = "{{=sprig.sha256sum(toJson(['v1','abc',inputs.parameters.x]))}}"


def memoized(key: str, *parameters: Any, **spec: Any) -> dict[str, Any]:
    inputs = {"parameters": list(parameters or ({"name": "x"},))}
    memoize = {"key": key, "cache": {"configMap": {"name": "cache"}}}
    return workflow(leaf("main", inputs=inputs, memoize=memoize), **spec)


def key(oracle: Oracle, document: Any, **run: Any) -> Key:
    ((found,),) = oracle.keys([Call([document], [Run("main", **run)])])
    return found


def go_json(value: Any) -> str:
    """JSON as Go writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(f"\\u{ord(char):04x}" if char in "<>&\u2028\u2029" else char for char in text)


@pytest.mark.parametrize(
    "text", ["", "1", "<>&", "\u2028\u2029", "\x01\x7f\b\f\n\r\t", "'\"\\", "ü😀", "a {{ b", "{{item}}"]
)
def test_a_hashed_key(oracle: Oracle, text: str) -> None:
    wanted = hashlib.sha256(go_json(["v1", "abc", text]).encode()).hexdigest()
    found = key(oracle, memoized(SHA), arguments={"x": text})
    assert found == Key(wanted, "cache", accepted=True, storable=True, refusal=None, error=None)


@pytest.mark.parametrize(
    ("document", "run", "wanted"),
    [
        # Defaults and values of inputs count, whether written or passed, and variables in them are substituted first.
        (memoized("{{inputs.parameters.x}}", {"name": "x", "default": "d"}), {}, "d"),
        (memoized("{{inputs.parameters.x}}", {"name": "x", "value": "v", "default": "d"}), {}, "v"),
        (memoized("{{inputs.parameters.x}}", {"name": "x", "value": "v"}), {"arguments": {"x": "a"}}, "a"),
        (memoized("{{=inputs.parameters.x}}", {"name": "x", "default": "{{workflow.name}}"}), {}, "subject"),
        (memoized("{{=inputs.parameters['my-x']}}", {"name": "my-x", "value": 1}), {}, "1"),
        (memoized('{{=inputs.parameters["my-x"]}}', {"name": "my-x", "value": True}), {}, "true"),
        # Variables of the workflow.
        (memoized("{{workflow.name}}-{{workflow.namespace}}", {"name": "x", "value": ""}), {}, "subject-default"),
        (memoized("a{{workflow.serviceAccountName}}", {"name": "x", "value": ""}), {}, "a"),
        (memoized("{{workflow.serviceAccountName}}", {"name": "x", "value": ""}, serviceAccountName="s"), {}, "s"),
        (
            memoized("{{=workflow.parameters.p}}", {"name": "x", "value": ""}),
            {"workflow_parameters": {"p": "given"}},
            "given",
        ),
        (memoized("{{workflow.uid}}", {"name": "x", "value": ""}), {"globals": {"workflow.uid": "u"}}, "u"),
        (memoized("{{pod.name}}", {"name": "x", "value": ""}), {"locals": {"pod.name": "p"}}, "p"),
    ],
)
def test_what_a_key_becomes(oracle: Oracle, document: Any, run: dict[str, Any], wanted: str) -> None:
    assert key(oracle, document, **run) == Key(wanted, "cache", accepted=True, storable=True, refusal=None, error=None)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.{{inputs.parameters.x}}", "a.1"),
        ("{{inputs.parameters.nowhere}}", "{{inputs.parameters.nowhere}}"),
        ("{{=inputs.parameters.my-x}}", "{{=inputs.parameters.my-x}}"),  # a subtraction, to Argo
        ("{{=toJson([workflow.nowhere,inputs.parameters['nowhere']])}}", "[null,null]"),  # what is missing is null
    ],
)
def test_keys_that_the_cache_refuses(oracle: Oracle, pattern: str, found: str) -> None:
    refused = key(oracle, memoized(pattern), arguments={"x": "1"})
    assert (refused.key, refused.accepted, refused.error) == (found, False, None)
    assert refused.refusal == f"invalid cache key: {found}"


def test_traps_for_who_writes_keys(oracle: Oracle) -> None:
    """What looks like a value and is none: it would be left out of a hash without a word."""

    def becomes(expression: str, *names: str, **spec: Any) -> str | None:
        parameters = [{"name": name, "value": f"the {name}"} for name in names or ("x",)]
        return key(oracle, memoized(f"{{{{=toJson([{expression}])}}}}", *parameters, **spec)).key

    for name in ("item", "retries"):  # variables of a later hour: Argo waits for them
        assert becomes(f"inputs.parameters.{name}", name) == f"{{{{=toJson([inputs.parameters.{name}])}}}}"
        assert becomes(f"inputs.parameters['{name}']", name) == f'["the {name}"]'
    labels = {"workflowMetadata": {"labels": {"app.example.com": "label"}}}
    assert becomes("workflow.labels['app.example.com']", **labels) == "[null]"  # a dot parts names, even there
    assert becomes("workflow.labels.app.example.com", **labels) == '["label"]'
    assert becomes("workflow.parameters['nowhere']") == "[null]"


def test_keys_that_there_are_not(oracle: Oracle) -> None:
    assert key(oracle, memoized(SHA)).error == "inputs.parameters.x was not supplied"
    assert "has no memoize" in (key(oracle, workflow(leaf("main"))).error or "")
    ((lost,),) = oracle.keys([Call([memoized(SHA)], [Run("elsewhere")])])
    assert "there is no template" in (lost.error or "")
    long = key(oracle, memoized("{{=sprig.repeat(254, inputs.parameters.x)}}"), arguments={"x": "1"})
    assert (long.accepted, long.storable) == (True, False)


def test_a_key_from_the_defaults_of_templates(oracle: Oracle) -> None:
    document = memoized("{{workflow.name}}-{{inputs.parameters.x}}")
    memoize = document["spec"]["templates"][0].pop("memoize")
    document["spec"]["templateDefaults"] = {"memoize": memoize, "script": {"image": "none", "source": ""}}
    assert key(oracle, document, arguments={"x": "1"}).key == "subject-1"


# What we make of documents.


@cache
def corpus() -> list[Path]:
    root = shared("corpus", "argo")
    return sorted(root.rglob("*.yaml"))


def originals() -> list[list[Any]]:
    return [[document.data for document in read(path.read_bytes(), path.name).documents] for path in corpus()]


def made(result: Result) -> list[list[Any]]:
    assert not result.added_documents
    return [list(file.documents) for file in result.files]


def worse(oracle: Oracle, before: Sequence[Sequence[Any]], after: Sequence[Sequence[Any]]) -> list[Any]:
    """Where Argo has a new complaint: file by file, and with all files in one call."""
    olds = [*before, [document for file in before for document in file]]
    news = [*after, [document for file in after for document in file]]
    return [
        (one.complaint, other.complaint, dump_yaml(document))
        for documents, ones, others in zip(news, oracle.judge(olds), oracle.judge(news), strict=True)
        for document, one, other in zip(documents, ones, others, strict=True)
        if (one.error is None and other.error is not None)
        or (one.parse_error is None and other.parse_error is not None)
    ]


def test_worse_is_noticed(oracle: Oracle) -> None:
    good, unknown, bad = workflow(leaf("main")), workflow(leaf("main"), unheard="of"), workflow(graph(A))
    assert not worse(oracle, [[bad, unknown]], [[good, good]])
    assert len(worse(oracle, [[good], [good]], [[unknown], [bad]])) == 4


def test_the_corpus(oracle: Oracle) -> None:
    """Argo accepts nearly all of it; the rest has fields that the oracle's version does not know yet."""
    (verdicts,) = oracle.judge([[document for file in originals() for document in file]])
    assert len(verdicts) > 200
    refused = [verdict for verdict in verdicts if not verdict.accepted]
    assert not [verdict for verdict in refused if verdict.error or "unknown field" not in (verdict.parse_error or "")]
    assert len(refused) < len(verdicts) / 20


def test_what_is_converted_is_accepted(oracle: Oracle) -> None:
    result = convert(corpus(), "argo")
    assert not worse(oracle, originals(), made(result))


def test_what_is_deduplicated_is_accepted(oracle: Oracle) -> None:
    result = optimize(corpus(), "dedupe")
    assert not worse(oracle, originals(), made(result))


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_steps_are_accepted(oracle: Oracle, setting: str) -> None:
    after: list[list[Any]] = []
    for path in corpus():
        plan = set_all(lift_file(ARGO, path), **{setting: SETTINGS[setting]})
        changed = lower_and_write(ARGO, plan)[0].changed
        after.append([changed.get(number, document.data) for number, document in enumerate(plan.bundle.documents)])
    assert not worse(oracle, originals(), after)


def test_what_is_generated_is_accepted(oracle: Oracle) -> None:
    """Documents made of nothing but what was lifted, without a document that they come from."""
    before: list[list[Any]] = []
    after: list[list[Any]] = []
    for path in corpus():
        plan = lift_file(ARGO, path)
        before.append([])
        for workflow in plan.workflows:
            assert workflow.source is not None
            original = plan.bundle.documents[int(workflow.source[0])].data
            for step in workflow.source[1:]:
                original = original[step]
            before[-1].append(original)
        generated = regenerate(ARGO, [without_origin(workflow) for workflow in plan.workflows])
        after.append([document for document, _ in generated])
    assert sum(map(len, after)) > 200
    assert not worse(oracle, before, after)


def doubled(document: Any) -> Any:
    """The document with a second copy of each template, which every other call calls."""
    document = copy.deepcopy(document)
    spec = document.get("spec") or {}
    spec = spec.get("workflowSpec", spec)
    templates = spec.get("templates") or []
    names = {template["name"] for template in templates if "name" in template}
    spec["templates"] = [*templates, *({**copy.deepcopy(item), "name": f"{item['name']}-2"} for item in templates)]
    calls = [call for call in called(spec["templates"]) if call.get("template") in names]
    for call in calls[1::2]:
        call["template"] += "-2"
    if not templates:
        del spec["templates"]
    return document


def called(templates: list[Any]) -> Iterator[Any]:
    for template in templates:
        yield from (template.get("dag") or {}).get("tasks", ())
        for group in template.get("steps") or ():
            yield from group


def test_what_was_doubled_and_is_deduplicated_is_accepted(oracle: Oracle) -> None:
    before = [[doubled(document) for document in file] for file in originals()]
    assert not worse(oracle, originals(), before)
    after = []
    merged = 0
    for file in before:
        result = optimize([*map(dict, file)], "dedupe")
        merged += result.changed
        after.append(list(result.documents))
    assert merged > 50
    assert not worse(oracle, before, after)
