"""Splices of real manifests at random places: exact, and all else stays."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from couler_plugins.documents import Edit, SourceFile, diff, read, splice
from couler_plugins.documents.positions import ALL, locate
from couler_plugins.documents.spans import Span
from documents.edits import KINDS, edit
from documents.judge import comments, corpus, exactly
from support import at_least, first_of

FORMS = {
    "as it is": lambda text: text,
    "bom": lambda text: "\ufeff" + text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "unended": lambda text: text.rstrip("\n"),
}
SOONER_OR_LATER = ["as it is", *(pytest.param(form, marks=pytest.mark.slow) for form in ("bom", "crlf", "unended"))]
SHARE = 3
"""In another form, one of so many manifests is edited."""
REASONS = ("anchor", "in brackets that holds comments")


def touched_lines(file: SourceFile, document: int, edits: tuple[Edit, ...]) -> set[int]:
    """The lines, from 0, that the edits may change or take away.

    Those of the values that they replace or remove, with the comments above and below; of the outermost collection in
    brackets around them; of the key that holds them; and of the neighbour that moves up behind a removed item's dash.
    """
    text = file.text
    lines = text.splitlines()
    (place,) = locate(text, {document: ALL})[0].values()
    touched: set[int] = set()

    def lines_of(span: Span, start: int) -> range:
        return range(text.count("\n", 0, start), text.count("\n", 0, span.end) + 1)

    for one in edits:
        path = one.before if one.before is not None else (one.after or ())[:-1]
        above = place.root
        for at, key in enumerate(path):
            inner = above.children.get(key)
            if inner is None:
                break  # the path is one of the new document
            if inner.flow and not above.flow:
                touched.update(lines_of(inner, inner.start))
            if at == len(path) - 1 and one.before is not None:
                own = lines_of(inner, inner.key_start if inner.key_start >= 0 else inner.start)
                first, last = own.start, own.stop
                while first and lines[first - 1].strip().startswith(("#", "-")):
                    first -= 1
                while last < len(lines) and lines[last].strip().startswith("#"):
                    last += 1
                touched.update(range(first, last + 1))
            elif at >= len(path) - 2:
                key_line = text.count("\n", 0, inner.key_start if inner.key_start >= 0 else inner.start)
                touched.update((key_line, text.count("\n", 0, inner.start)))
            above = inner
    return touched


@pytest.mark.parametrize("form", SOONER_OR_LATER)
@pytest.mark.parametrize("kind", first_of(KINDS, 2))
def test_random_edits(kind: str, form: str) -> None:
    spliced, share = 0, 1 if form == "as it is" else SHARE
    for path in corpus()[::share]:
        file = read(FORMS[form](path.read_text()), path.name)
        rng = random.Random(f"{path.name} {kind} {form}")
        at = rng.randrange(len(file.documents))
        old = file.documents[at].data
        edited = edit(old, kind, rng)
        if edited is None:
            continue
        edits = diff(old, edited.new, edited.origins)
        result = splice(file, {at: (edited.new, edits)})
        again = read(result.text, path.name)
        for document, wanted in zip(again.documents, file.documents, strict=True):
            assert exactly(document.data, edited.new if document.index == at else wanted.data)
        assert result.text.startswith("\ufeff") == file.text.startswith("\ufeff")
        assert "\r\n" not in file.text or "\n" not in result.text.replace("\r\n", "")
        for _, reason in result.redumped:
            assert any(known in reason for known in REASONS), reason
        if not result.redumped:
            spliced += 1
            check_what_stays(file, at, edits, result.text, kind)
    assert spliced > at_least(30, 130) // share


def check_what_stays(file: SourceFile, at: int, edits: tuple[Edit, ...], text: str, kind: str) -> None:
    lost = comments(file.text) - comments(text)
    into_brackets = any(one.op == "add" and one.origin and "[" in file.text for one in edits)
    if kind in ("rename", "add key", "add item", "clone") or (kind == "move" and not into_brackets):
        assert not lost
    touched = touched_lines(file, at, edits)
    lines = file.text.removeprefix("\ufeff").splitlines()
    stay = Counter(line for number, line in enumerate(lines) if line.strip() and number not in touched)
    gone = stay - Counter(text.removeprefix("\ufeff").splitlines())
    # The block scalar that ends a file without a line break needs a `-` once more text stands below it.
    assert not [line for line in gone if not line.endswith("|")]


def test_nothing_changed() -> None:
    for path in corpus():
        file = read(path.read_bytes(), path.name)
        assert splice(file, {0: (file.documents[0].data, ())}) == (file.text, ())
