"""Annotations of ours that say nothing: lint warns of them, and a lost `never` holds for everything."""

from __future__ import annotations

import json

import pytest

from couler_plugins.api import Text, lint, optimize
from couler_plugins.demo import workflow

START = "metadata:\n  generateName: churn-\n"


def annotated(key: str, value: str = "never") -> Text:
    return Text(workflow().replace(START, f"{START}  annotations:\n    {key}: {value}\n"), "w.yaml")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("couler.io/cach", "couler knows no annotation couler.io/cach"),
        ("couler.io/cache.nightly.trian", "couler.io/cache.nightly.trian names no step"),
        ("couler.io/cache.train", "couler.io/cache.train names no step"),
    ],
)
def test_lint_warns(key: str, message: str) -> None:
    (found,) = lint(annotated(key)).findings
    assert (found.severity, found.code, found.line) == ("warning", "annotation", 8)
    assert found.message.startswith(message)
    assert found.hint


def test_a_template_too() -> None:
    text = workflow().replace("couler.io/max-items", "couler.io/max-item")
    (found,) = lint(Text(text, "w.yaml")).findings
    assert found.hint == "did you mean couler.io/max-items?"


@pytest.mark.parametrize("key", ["couler.io/cache.nightly.train", "couler.io/resumes", "other.io/x"])
def test_what_is_heeded_or_not_ours_is_no_finding(key: str) -> None:
    assert not lint(annotated(key)).findings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("couler.io/idempotent", '"yes"'),
        ("couler.io/idempotent.nightly.train", '"yes"'),
        ("couler.io/guard", "always"),
        ("couler.io/rightsize", '"no"'),
    ],
)
def test_a_word_that_says_nothing_is_a_warning(key: str, value: str) -> None:
    told = [finding for finding in lint(annotated(key, value)).findings if "cannot be" in finding.message]
    assert [(finding.severity, finding.code, finding.line) for finding in told] == [("warning", "annotation", 8)]
    assert told[0].hint.startswith("write ")


@pytest.mark.parametrize("kind", ["Task", "Pipeline"])
def test_an_annotation_that_is_no_text_is_an_error_on_tekton(kind: str) -> None:
    spec = {"Task": "{steps: [{image: alpine}]}", "Pipeline": "{tasks: [{name: a, taskRef: {name: b}}]}"}[kind]
    text = f"apiVersion: tekton.dev/v1\nkind: {kind}\nmetadata:\n  name: t\n  annotations:\n"
    text += f"    couler.io/idempotent: true\nspec: {spec}\n"
    (found,) = lint(Text(text, "t.yaml")).findings
    assert (found.severity, found.code, found.line, found.hint) == ("error", "wrong-type", 6, "put it into quotes")


def test_a_never_that_names_no_step_holds_for_all() -> None:
    result = optimize(annotated("couler.io/cache.nightly.trian"), "cache{via=memoize}")
    assert not result.changed
    assert any("which names no step, says never" in decision.reason for decision in result.decisions)


def test_a_never_holds_for_its_step() -> None:
    (document,) = optimize(annotated("couler.io/cache.nightly.train"), "cache{via=memoize}").documents
    keys = json.loads(dict(document or {})["metadata"]["annotations"]["couler.io/key-spec"])
    assert "join-features" in keys
    assert "train" not in keys
