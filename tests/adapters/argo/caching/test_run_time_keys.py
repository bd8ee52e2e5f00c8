"""What Argo makes of the keys that we write: its own substitution, asked for every key and many values."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from adapters.argo.caching.corpus import declared, files, optimized
from adapters.argo.caching.judge import Judge, is_ours
from adapters.argo.caching.wild import Choices, wild
from adapters.argo.caching.world import Submission, World
from couler_plugins.caching.keys import key
from oracles.argo_oracle import Call, Key, Oracle, Run, build

pytestmark = pytest.mark.oracle

ODD = (
    *("", " ", "0", "null", "true", "a", "A", "a,b", "a','b", '"', "'", "\\", "\\n", "\n", "\r\n", "\t"),
    *(
        "<>&",
        "\\u003c",
        "ü",
        "u\u0308",
        "\u2028",
        "\U0001f600",
        "\ufeff",
        "[]",
        '["a"]',
        '","',
        "}}",
        "{",
        "$(x)",
        "%s",
    ),
    *("-", ".", "/", "x" * 300),
)
"""Values that are easily taken for each other."""

CONTROLS = ("\x00", "\x01", "\b", "\x1f", "\x7f", "\x80")
"""Values that Argo 4.0.5 cannot put into a template, where one is read as `{{…}}`; it can into a key."""


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def specs(document: Any) -> dict[str, str]:
    annotations = ((document or {}).get("metadata") or {}).get("annotations") or {}
    found: dict[str, str] = json.loads(annotations.get("couler.io/key-spec", "{}"))
    return found


def wanted(
    template: dict[str, Any], spec: str, run: Run, parameters: dict[str, str], namespace: str, account: str
) -> str:
    """The key as it is computed at compile time."""
    read = sorted(set(re.findall(r"workflow\.parameters\['([^']*)'\]", template["memoize"]["key"])))
    inputs = [text for _, text in sorted(run.arguments.items())]
    return key(spec, [*inputs, namespace, *(parameters[name] for name in read), account])


def cases(documents: list[Any], random: Random) -> list[tuple[dict[str, Any], str, list[Run]]]:
    """Our templates in documents, each with runs: twice the same, and one for each other value of each parameter."""
    found = []
    for (number, name), template in Judge(documents).templates.items():
        if not is_ours(template):
            continue
        inputs = template.get("inputs") or {}
        names = [item["name"] for item in inputs.get("parameters") or ()]
        read = re.findall(r"workflow\.parameters\['([^']*)'\]", template["memoize"]["key"])
        artifacts = [item["name"] for item in inputs.get("artifacts") or ()]
        first = Run(name, dict.fromkeys(names, "v"), artifacts, dict.fromkeys(read, "v"), document=number)
        runs = [first, first]
        for item in names:
            runs += [replace(first, arguments={**first.arguments, item: text}) for text in random.sample(ODD, 6)]
        for item in read:
            others = [{**first.workflow_parameters, item: text} for text in random.sample(ODD, 6)]
            runs += [replace(first, workflow_parameters=values) for values in others]
        runs.append(replace(first, globals={"workflow.serviceAccountName": "another"}))
        runs.append(replace(first, globals={"workflow.namespace": "another"}))
        found.append((template, specs(documents[number])[name], runs))
    return found


def accepted(found: Key) -> str:
    assert found.error is None
    assert found.accepted, found
    assert found.storable, found
    assert found.key is not None
    assert re.fullmatch(rf"couler-cache(-[a-z0-9-]+)?-{found.key[:2]}", found.config_map), found
    return found.key


def check(oracle: Oracle, many: list[list[Any]], random: Random) -> int:
    """Asks for all keys of documents, and compares them with those of compile time and with each other."""
    calls, expected = [], []
    for documents in many:
        for template, spec, runs in cases(documents, random):
            calls.append(Call(documents, runs))
            spec_account = documents[runs[0].document]["spec"].get("serviceAccountName", "")
            accounts = [run.globals.get("workflow.serviceAccountName", spec_account) for run in runs]
            own = documents[runs[0].document]["metadata"].get("namespace") or "default"
            namespaces = [run.globals.get("workflow.namespace", own) for run in runs]
            expected.append(
                [
                    wanted(template, spec, run, dict(run.workflow_parameters), namespace, account)
                    for run, namespace, account in zip(runs, namespaces, accounts, strict=True)
                ]
            )
    checked = 0
    for call, keys, hashes in zip(calls, oracle.keys(calls), expected, strict=True):
        texts = [accepted(found) for found in keys]
        assert texts == hashes, call.runs[0]
        assert texts[0] == texts[1]
        assert len(set(texts)) == len(texts) - 1  # all others differ from each other
        checked += len(texts)
    return checked


def test_keys_of_the_corpus(oracle: Oracle) -> None:
    whole = [documents for name, documents in files().items() if "refused-by-argo" not in name]
    many = [list(optimized([declared(one) for one in documents]).documents) for documents in whole]
    assert check(oracle, many, Random(1)) > 500


def test_keys_of_workflows_at_random(oracle: Oracle) -> None:
    many = [list(optimized([wild(Choices(Random(seed)))], "cache{via=memoize}").documents) for seed in range(80)]
    assert check(oracle, many, Random(2)) > 2_000


def test_the_world_computes_keys_as_argo_does(oracle: Oracle) -> None:
    """The keys that other tests here compare are those that Argo would ask its cache for."""
    calls, expected = [], []
    for seed in range(60):
        (document,) = optimized([wild(Choices(Random(seed)))], "cache{via=memoize}").documents
        submission = Submission({"p": "<'>", "q": '"ü'}, "", seed)
        ran = [item for item in World(document, submission).run() if item.key is not None]
        runs = [Run(item.template, item.inputs, item.artifacts, submission.parameters) for item in ran]
        calls.append(Call([document], runs))
        expected.append([item.key for item in ran])
    answers = oracle.keys(calls)
    assert [[accepted(found) for found in keys] for keys in answers] == expected
    assert sum(map(len, expected)) > 80


def leaf(parameters: list[str], body: list[str]) -> dict[str, Any]:
    return {
        "name": "main",
        "metadata": {"annotations": {"couler.io/cache": "pure"}},
        "inputs": {"parameters": [{"name": name, "default": "d"} for name in parameters]},
        "outputs": {"artifacts": [{"name": "o", "path": "/o"}]},
        "container": {"image": "i", "args": body},
    }


def single(template: dict[str, Any], *parameters: str) -> dict[str, Any]:
    values = [{"name": name, "value": "w"} for name in parameters]
    spec = {"entrypoint": "main", "arguments": {"parameters": values}, "templates": [template]}
    metadata = {"generateName": "single-"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def test_values_do_not_run_into_each_other(oracle: Oracle) -> None:
    (document,) = optimized([single(leaf(["a", "b", "c"], []), "a")], "cache{via=memoize}").documents
    texts = (*ODD[:12], *CONTROLS)
    values = [(one, other, third) for one in texts for other in texts for third in ("", "a")]
    runs = [Run("main", dict(zip("abc", three, strict=True))) for three in values]
    (found,) = oracle.keys([Call([document], runs)])
    assert len({accepted(item) for item in found}) == len(values)


def test_every_odd_value_has_a_key_of_its_own(oracle: Oracle) -> None:
    names = ["my-param", "1x", "item", "retries", "status", "a_b", "A", "a"]
    document = single(leaf(names, ["{{workflow.parameters.my-level}}"]), "my-level")
    (made,) = optimized([document], "cache{via=memoize}").documents
    spec = specs(made)["main"]
    runs = [
        Run("main", {**dict.fromkeys(names, ""), name: text}, (), {"my-level": "w"})
        for name in names
        for text in ODD[1:]
    ]
    runs += [Run("main", dict.fromkeys(names, ""), (), {"my-level": text}) for text in ODD]
    (found,) = oracle.keys([Call([made], runs)])
    texts = [accepted(item) for item in found]
    assert len(set(texts)) == len(runs)
    for run, text in zip(runs, texts, strict=True):
        inputs = [value for _, value in sorted(run.arguments.items())]
        assert text == key(spec, [*inputs, "default", run.workflow_parameters["my-level"], ""])


def test_workflow_parameters_as_one_text(oracle: Oracle) -> None:
    """`workflow.parameters.json` is all of them, unless there is one of that name."""
    (made,) = optimized([single(leaf([], ["{{workflow.parameters.json}}"]), "p", "q")], "cache{via=memoize}").documents
    assert specs(made)
    runs = [Run("main", {}, (), {"p": p, "q": q}) for p in ODD[:9] for q in ODD[:9]]
    (found,) = oracle.keys([Call([made], runs)])
    assert len({accepted(item) for item in found}) == len(runs)
