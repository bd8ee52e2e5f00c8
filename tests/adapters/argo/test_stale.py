"""Cache keys that are out of date: lint finds what was edited after optimising."""

from __future__ import annotations

import pytest

from couler_argo.cache.stale import CODE
from couler_plugins.api import Text, optimize
from couler_plugins.demo import workflow
from couler_plugins.documents import Finding, findings, read
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plugins import load_plugins

PIPELINE = "cache{assume-pure=true,via=memoize}"


@pytest.fixture(scope="module")
def optimized() -> str:
    return optimize(Text(workflow()), PIPELINE).text


def lint(text: str) -> list[Finding]:
    bundle = Bundle.of([read(text, "w.yaml")])
    return findings(bundle.documents, load_plugins().adapter("argo").lint(bundle))


def stale(text: str) -> set[str]:
    """The templates and steps that lint finds out of date."""
    found = lint(text)
    assert {finding.code for finding in found} <= {CODE}
    for finding in found:
        assert finding.severity == "error"
        assert "couler optimize" in finding.hint
        assert finding.line is not None
        assert finding.path[:2] in (("spec", "templates"), ("metadata", "annotations"))
    return {finding.message.split(":")[0].strip("'") for finding in found}


def test_what_was_just_optimised_is_not_stale(optimized: str) -> None:
    assert "couler.io/key-spec" in optimized
    assert stale(optimized) == set()
    assert stale(optimize(Text(workflow()), "dedupe,cache{via=memoize}").text) == set()
    assert stale(workflow()) == set()


EDITS = {
    "a program": ("--tickets]", "--tickets, --all]", {"support-features", "join", "train"}),
    "a constant argument": ("{name: source, value: billing}", "{name: source, value: bills}", {"join", "train"}),
    "a patch of all pods": ("spec:\n", 'spec:\n  podSpecPatch: "{}"\n', None),
    "the key": ("inputs.parameters['day'], inputs", "inputs", {"usage-features"}),
    "the ConfigMap": ("couler-cache-churn-{{=sprig.trunc(2", "mine-{{=sprig.trunc(3", {"usage-features"}),
    "what the keys cover": ('"v1:6e88', '"v1:7e88', {"support-features"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_by_hand(optimized: str, edit: str) -> None:
    old, new, expected = EDITS[edit]
    assert old in optimized, optimized
    edited = optimized.replace(old, new, 1)
    found = stale(edited)
    assert expected is None or expected <= found, found
    assert found
    again = optimize(Text(edited), PIPELINE).text
    assert stale(again) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("memory: 32Gi", "memory: 64Gi"),
        ("retryStrategy: {limit: 2}", "retryStrategy: {limit: 5}"),
        ("labels: {team: growth}", "labels: {team: core}"),
        ('value: "2026-01-31"', 'value: "2026-02-01"'),
        ('args: ["{{inputs.parameters.model}}"]', 'args: ["{{inputs.parameters.model}}", --now]'),
    ],
)
def test_what_no_key_covers_is_not_stale(optimized: str, old: str, new: str) -> None:
    assert old in optimized
    assert stale(optimized.replace(old, new)) == set()


def test_an_annotation_that_says_nothing(optimized: str) -> None:
    start = optimized.index("couler.io/key-spec:")
    end = optimized.index("\n", start)
    broken = optimized[:start] + "couler.io/key-spec: nonsense" + optimized[end:]
    assert "couler.io/key-spec does not say which keys cover what" in {finding.message for finding in lint(broken)}


def test_a_memoization_that_is_gone(optimized: str) -> None:
    start = optimized.index("      memoize:")
    end = optimized.index('maxAge: ""\n', start) + len('maxAge: ""\n')
    messages = {finding.message for finding in lint(optimized[:start] + optimized[end:])}
    assert "'usage-features': it is not memoized as it was, by couler.io/key-spec" in messages


@pytest.mark.parametrize(
    "index",
    [None, "", "nonsense", "{}", '{"train": 1}', '{"nope":"v1:11"}', '{"train":"x","join-features":""}', "[]"],
)
def test_an_index_that_is_gone_or_wrong_is_made_anew(optimized: str, index: str | None) -> None:
    start = optimized.index("couler.io/key-spec:")
    end = optimized.index("\n", start)
    line = f"couler.io/key-spec: '{index}'" if index is not None else "other: text"
    broken = optimized[:start] + line + optimized[end:]
    assert stale(broken)
    again = optimize(Text(broken), PIPELINE).text
    assert stale(again) == set()
    assert again.replace("    other: text\n", "") == optimized
    assert optimize(Text(broken), "").text == broken


def test_a_template_that_somebody_has_copied_does_not_keep_the_key(optimized: str) -> None:
    start = optimized.index("    - name: support-features\n      metadata")
    end = optimized.index("    - name: join-features")
    copy = optimized[start:end].replace("name: support-features", "name: copied").replace("--tickets", "--other")
    task = "          - name: more\n            template: copied\n            arguments:\n              parameters: "
    task += "[{name: source, value: x}, {name: day, value: z}]\n"
    edited = (optimized[:end] + copy + optimized[end:]).replace(
        "          - name: join\n", f"{task}          - name: join\n"
    )
    assert "copied" in stale(edited)
    again = optimize(Text(edited), PIPELINE).text
    assert stale(again) == set()
    keys = [line for line in again.split("\n") if "key: " in line and "sprig" in line]
    assert len(keys) == len(set(keys)) + 1  # usage-features and billing-features are the same


def test_what_is_not_declared_any_more_leaves_nothing_behind(optimized: str) -> None:
    for broken in (optimized, optimized.replace("maxAge", "minAge"), optimized.replace("couler.io/key-spec", "other")):
        again = optimize(Text(broken.replace("couler.io/cache: pure", "x: z")), "cache{via=memoize}").text
        for trace in ("sprig", "couler-lineage", "artifactGC", "key-spec", "memoize"):
            assert trace not in again, trace


def test_a_copy_whose_original_was_edited_is_warned_of() -> None:
    library = (
        workflow().replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: churn-", "name: churn")
    )
    made = optimize(Text(library), "cache{via=memoize}").text
    assert "name: join-features-cache" in made
    assert not lint(made)
    edited = made.replace("import pandas as pd", "import pandas", 1)
    (found,) = lint(edited)
    assert (found.severity, found.code) == ("warning", "private-copy")
    assert "'join-features-cache' is a copy that couler made of 'join-features'" in found.message
