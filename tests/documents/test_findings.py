"""Findings and paths, as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.documents import Finding, Place, Remark, findings, read, render


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


TEXT = "a: 1\nb:\n- 2\n- 3\n- 4\n"
OTHER = "c: 1\n"


def found(*remarks: Remark) -> list[Finding]:
    documents = [
        document for name, text in (("a.yaml", TEXT), ("b.yaml", OTHER)) for document in read(text, name).documents
    ]
    return findings(documents, remarks)


def at(number: int, *path: str | int, message: str = "it is odd", code: str = "odd", **others: Any) -> Remark:
    return Remark(number, path, "error", code, message, **others)


def test_one_cause_is_one_finding_with_all_its_places() -> None:
    (one,) = found(at(0, "b", 2), at(0, "a"), at(0, "b", 0))
    assert one.places == (
        Place("a.yaml", 1, ("a",)),
        Place("a.yaml", 3, ("b", 0)),
        Place("a.yaml", 5, ("b", 2)),
    )
    assert str(one) == "a.yaml:1: error: it is odd (at a) [odd]\n  and 2 more: lines 3, 5"


def test_where_something_is_makes_no_other_cause_of_it() -> None:
    first = "template 'a', task 'b': {{x}} cannot be resolved"
    (one,) = found(at(0, "a", message=first), at(0, "b", message="an inline template: {{x}} cannot be resolved"))
    assert (one.message, one.others) == (first, (Place("a.yaml", 2, ("b",)),))


@pytest.mark.parametrize(
    "other", [at(0, "b", code="other"), at(0, "b", message="it is even"), at(0, "b", hint="mend it"), at(1, "c")]
)
def test_another_code_message_hint_or_file_is_another_finding(other: Remark) -> None:
    assert [item.others for item in found(at(0, "a"), other)] == [(), ()]


def test_callers_of_a_broken_definition_are_places_of_its_finding() -> None:
    call = at(0, "a", message="step 'x': calls 'y' of 'z': there, template 'y': it is odd", definition=1)
    (one,) = found(call, at(1, "c", message="template 'y': it is odd"))
    assert (one.file, one.message) == ("b.yaml", "template 'y': it is odd")
    assert str(one).endswith("\n  and 1 more: a.yaml:1")
    (alone,) = found(call)
    assert (alone.file, alone.others) == ("a.yaml", ())


def test_many_places_are_cut_short() -> None:
    text = "".join(f"k{number}: 1\n" for number in range(60))
    documents = read(text, "a.yaml").documents
    (one,) = findings(documents, [at(0, f"k{number}") for number in range(60)])
    assert len(one.others) == 59
    assert "\n  and 59 more: lines 2, 3, 4, 5, 6, 7, 8, 9, …" in str(one)
