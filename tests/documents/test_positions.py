"""Places in the text: each is where its value stands, whatever the notation."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.documents.positions import ALL, locate
from couler_plugins.documents.reader import read_yaml
from couler_plugins.documents.spans import Layout, Span
from documents.judge import corpus, exactly


def root(text: str) -> Span:
    return locate(text, {0: ALL})[0][0].root


def piece(text: str, *path: str | int) -> str:
    span, depth = root(text).find(path)
    assert depth == len(path)
    return text[span.start : span.end]


TEXT = """\
a: plain  # comment
"b": 'it''s'
c: |  # header

  text

  more

d: >+
  kept

# between
é: {x: [1, "two"], w: , z}
f:
- - 1
  -
-
  # below the dash
  key: null
g: last"""


@pytest.mark.parametrize("before", ["", "\ufeff", "# ☃ multi-byte\n", "---\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_values_stand_where_we_say(before: str, newline: str) -> None:
    text = (before + TEXT).replace("\n", newline)
    wanted: dict[tuple[str | int, ...], str] = {
        ("a",): "plain",
        ("b",): "'it''s'",
        ("c",): "|  # header\n\n  text\n\n  more",
        ("d",): ">+\n  kept\n",
        ("é",): '{x: [1, "two"], w: , z}',
        ("é", "x", 1): '"two"',
        ("é", "w"): "",
        ("é", "z"): "",
        ("f",): "- - 1\n  -\n-\n  # below the dash\n  key: null",
        ("f", 0): "- 1\n  -",
        ("f", 0, 1): "",
        ("f", 1): "key: null",
        ("g",): "last",
        (): TEXT,
    }
    for path, value in wanted.items():
        assert piece(text, *path) == value.replace("\n", newline)
    file = read(text, "f")
    assert file.line_of(("f", 1, "key")) == (before + TEXT).count("\n", 0, (before + TEXT).index("key")) + 1


def test_dashes() -> None:
    sequence = root(TEXT).children["f"]
    dashes = [Layout(TEXT + "\n").entry_start(sequence, item) for item in sequence.children.values()]
    assert dashes == [TEXT.index("- - 1"), TEXT.index("-\n  # below")]


def test_what_must_not_be_cut_is_marked() -> None:
    top = root("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  z: 2\nd: !!str 1\ne: {f: &x 1}\n")
    assert top.children["a"].marked
    assert top.children["b"].kind == "alias"
    assert top.children["c"].marked
    assert list(top.children["c"].children) == ["z"]
    assert top.children["d"].tagged
    assert not top.children["e"].marked
    assert top.children["e"].children["f"].marked


def test_habits() -> None:
    indented = locate("a:\n    b:\n        c: 1\nd:\n    - x\n", {0: ALL})[0][0]
    assert indented.mapping_steps == {4: 2}
    assert indented.sequence_steps == {4: 1}


def test_only_the_wanted_documents_are_located() -> None:
    text = "a: 1\n---\nb: 2\n---\nc: 3\n"
    found, starts = locate(text, {1: ALL})
    assert list(found) == [1]
    assert starts == [0, 5, 14]
    assert text[found[1].content_start :].startswith("\nb: 2")


def walk(text: str, data: Any, span: Span) -> int:
    if span.kind == "alias":
        return 1
    if span.kind == "scalar":
        if span.style in ("", "'", '"') and not span.tagged and not span.marked:
            # A scalar that spans lines reads the same on its own, as long as it stands in the first column.
            assert exactly(read_yaml(text[span.start : span.end], "piece"), [data])
        return 1
    children = data.items() if isinstance(data, dict) else enumerate(data)
    return 1 + sum(walk(text, value, span.children[key]) for key, value in children if key in span.children)


def test_corpus() -> None:
    for path in corpus():
        file = read(path.read_bytes(), path.name)
        found, _ = locate(file.text, dict.fromkeys(range(len(file.documents)), ALL))
        for document in file.documents:
            if document.data is not None:
                assert walk(file.text, document.data, found[document.index].root) > 3
