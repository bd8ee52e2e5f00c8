"""`couler.io/cache-allow` in KFP: what it waives on a task and on a pipeline, and what is in the salt then."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.kfp.caching.small import change, decisions, document, pipeline, pure, rules
from adapters.kfp.caching.test_switches import FORBIDDEN, STRICT, WORDS

ALLOW = "couler.io/cache-allow"
POD = "platform/platforms/kubernetes/deploymentSpec/executors/exec-make/podMetadata"
WAIVED = {
    "a secret as volume": "secret",
    "a secret as variable": "secret",
    "a config map": "configured",
    "a config map as volume": "configured",
    "a field of the pod": "run-context",
    "the job in its body": "run-context",
    "a claim": "volume",
}
KEPT = sorted(FORBIDDEN.keys() - WAIVED - {"never", "always", "no time"})


def given(name: str, allow: str = "") -> dict[str, Any]:
    data = pipeline()
    FORBIDDEN[name][1](data)
    annotations = {"couler.io/cache": "pure", **({ALLOW: allow} if allow else {})}
    return change(data, POD, {"annotations": annotations})


def salt(data: dict[str, Any]) -> str:
    text: str = document(data)["root"]["dag"]["tasks"]["make"]["inputs"]["parameters"]["couler-salt"]["runtimeValue"][
        "constant"
    ]
    return text


@pytest.mark.parametrize("name", WAIVED)
def test_what_is_waived_is_on_with_a_salt_that_says_so(name: str) -> None:
    word = WAIVED[name]
    (objection,) = decisions(given(name), STRICT)["make"].objections
    assert decisions(given(name))["make"].warnings == (objection,)
    assert (objection.rule, rules(given(name))["make"]) == (word, (word, True))
    assert rules(given(name), STRICT)["make"] == (word, False)
    assert f"'couler.io/cache-allow', '{word}'" in objection.remedy
    assert f"allow=('{word}',)" in objection.remedy
    assert rules(given(name, word))["make"] == ("", True)
    assert (
        len({salt(given(name, word)), salt(given(name, f"{word},network")), salt(pure(pipeline(), "exec-make"))}) == 3
    )


def test_the_salt_has_the_name_of_a_secret_and_not_what_is_in_it() -> None:
    named = given("a secret as variable", "secret")
    other = change(
        given("a secret as variable", "secret"),
        f"{POD.removesuffix('/podMetadata')}/secretAsEnv",
        [{"secretName": "t"}],
    )
    assert salt(named) != salt(other)


@pytest.mark.parametrize("name", KEPT)
def test_structure_and_arguments_are_not_waived(name: str) -> None:
    words = "network,secret,configured,run-context,volume,clock,random,files"
    assert rules(given(name, words), STRICT)["make"] == (FORBIDDEN[name][0], False)


@pytest.mark.parametrize("name", WORDS)
def test_a_pipeline_that_is_declared_pure_has_to_waive_words_by_name(name: str) -> None:
    def whole(**annotations: str) -> dict[str, Any]:
        data = WORDS[name][1](pipeline())
        version = {"apiVersion": "pipelines.kubeflow.org/v2beta1", "kind": "PipelineVersion"}
        metadata = {"name": "p", "annotations": {key.replace("_", "-"): text for key, text in annotations.items()}}
        spec = {
            "pipelineName": "p",
            "pipelineSpec": data["spec"],
            **({"platformSpec": data["platform"]} if data["platform"] else {}),
        }
        return {"spec": {**version, "metadata": metadata, "spec": spec}, "platform": {}}

    broad = {"couler.io/cache": "pure"}
    rule = WORDS[name][0]
    assert dict(decisions(whole(**broad))["make"].figures)["rule"] == rule
    waived = decisions(whole(**broad, **{ALLOW: "clock,network,random"}))["make"]
    assert "rule" not in dict(waived.figures)
    assert not waived.warnings


def test_a_word_that_there_is_not() -> None:
    decision = decisions(given("a claim", "volumes"), STRICT)["make"]
    assert dict(decision.figures)["rule"] == "unknown-waiver"
    assert "couler.io/cache-allow: volume, there instead" in decision.reason


def test_words_that_are_no_text_are_told() -> None:
    data = change(pipeline(), POD, {"annotations": {"couler.io/cache": "pure", ALLOW: ["secret"]}})
    (objection,) = decisions(data, STRICT)["make"].objections
    assert (objection.rule, objection.remedy) == ("unknown-waiver", f"{ALLOW}: secret, there instead")
    assert "is not a text" in objection.reason


def test_what_is_native_is_still_left_to_the_engine() -> None:
    data = change(pipeline(), POD, {"annotations": {"couler.io/cache": "native", ALLOW: "secret"}})
    assert rules(data)["make"] == ("cached-by-owner", True)
