"""Findings and paths, as people read them."""

from __future__ import annotations

from couler_plugins.documents import Finding, render


def test_a_finding_says_where_and_what_to_do() -> None:
    finding = Finding(
        "warning", "the image has no tag", "wf.yaml", 12, ("spec", "templates", 2, "name"), "image-tag", "add one"
    )
    assert str(finding) == (
        "wf.yaml:12: warning: the image has no tag (at spec.templates[2].name) [image-tag]\n  hint: add one"
    )
    assert str(Finding("error", "it is empty", "<stdin>")) == "<stdin>: error: it is empty"


def test_paths() -> None:
    assert render(()) == ""
    assert render((0, "a", 1)) == "[0].a[1]"
