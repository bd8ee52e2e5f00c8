"""A key that is set twice: what is said of the mapping that it is in, and of everything beside it."""

from __future__ import annotations

from couler_plugins.documents import diff, read, splice

TEXT = "meta:\n  notes: old   # first\n  name: x\n  notes: new   # second\nspec:\n  a: 1   # kept\n"


def test_edits_beside_it_keep_both() -> None:
    file = read(TEXT, "f")
    old = file.documents[0].data
    new = {**old, "spec": {"a": 2}}
    assert splice(file, {0: (new, diff(old, new))}) == (TEXT.replace("a: 1", "a: 2"), ())


def test_edits_of_its_mapping_write_the_document_anew_and_say_so() -> None:
    file = read(TEXT, "f")
    old = file.documents[0].data
    new = {**old, "meta": {"name": "y", "notes": "new"}}
    spliced = splice(file, {0: (new, diff(old, new))})
    assert read(spliced.text, "f").documents[0].data == new
    assert spliced.redumped
    assert "set twice" in spliced.redumped[0][1]
