"""Cache keys that are out of date: lint finds what was edited after optimising."""

from __future__ import annotations

import pytest

from couler_argo.stale import CODE
from couler_plugins.api import Text, optimize
from couler_plugins.demo import workflow
from couler_plugins.documents import Finding, findings, read
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plugins import load_plugins

PIPELINE = "cache{assume-pure=true}"


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
    assert stale(optimize(Text(workflow()), "dedupe,cache").text) == set()
    assert stale(workflow()) == set()


EDITS = {
    "a program": ("--tickets]", "--tickets, --all]", {"support-features", "join", "train"}),
    "a constant argument": ("{name: source, value: billing}", "{name: source, value: bills}", {"join", "train"}),
    "a patch of all pods": ("spec:\n", 'spec:\n  podSpecPatch: "{}"\n', None),
    "the key": ("inputs.parameters['day'], inputs", "inputs", {"usage-features"}),
    "the ConfigMap": ("couler-cache-churn-01", "mine", {"support-features"}),
    "what the keys cover": ('"v1:011c', '"v1:111c', {"support-features"}),
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
    assert "couler.io/key-spec names 'usage-features', which is not memoized as it was" in messages
