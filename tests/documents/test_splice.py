"""Splices: the rules, one by one, on small texts; and any edit of any text."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.documents import Indentation, Spliced, diff, dump_yaml, read, splice
from documents.judge import exactly
from documents.test_diff import TREES

if TYPE_CHECKING:
    from collections.abc import Callable


def spliced(text: str, change: Callable[[Any], Any], document: int = 0) -> Spliced:
    """The text after a function has changed the data in place, or returned new data."""
    file = read(text, "f")
    old = file.documents[document].data
    changed = json.loads(json.dumps(old))  # shares nothing, within or with the old data
    returned = change(changed)
    new = changed if returned is None else returned
    result = splice(file, {document: (new, diff(old, new))})
    assert exactly(read(result.text, "f").documents[document].data, new)
    return result


def put(*path: Any) -> Callable[[Any], None]:
    """A change that sets the value, given last, at a path."""
    *way, last, value = path

    def change(data: Any) -> None:
        for key in way:
            data = data[key]
        data[last] = value

    return change


def drop(*path: Any) -> Callable[[Any], None]:
    *way, last = path

    def change(data: Any) -> None:
        for key in way:
            data = data[key]
        del data[last]

    return change


def insert(*path: Any) -> Callable[[Any], None]:
    *way, at, value = path

    def change(data: Any) -> None:
        for key in way:
            data = data[key]
        data.insert(at, value)

    return change


ITEMS = "k:\n# head\n- a: 1  # x\n  # in a\n\n# of b\n- b: 2\n# of c\n- c: 3\n"
CASES: list[tuple[str, Callable[[Any], Any], str]] = [
    # scalars keep their quotes
    ("a: x  # c\n", put("a", "yes"), 'a: "yes"  # c\n'),
    ("a: 'x'  # c\n", put("a", "it's"), "a: 'it''s'  # c\n"),
    ('a: "x"\n', put("a", "z\n"), 'a: "z\\n"\n'),
    ('a: ""  # c\n', put("a", "p\nq\n"), "a: |  # c\n  p\n  q\n"),
    ('a: "x\\ny"\n', put("a", "p\nq\n"), 'a: "p\\nq\\n"\n'),
    ("a: 'x'\n", put("a", 1), "a: 1\n"),
    ("a: [x, 'y']  # c\n", put("a", 0, "p, q"), "a: [\"p, q\", 'y']  # c\n"),
    ("a: x # c\nb: 1\n", put("a", "p\nq"), "a: |- # c\n  p\n  q\nb: 1\n"),
    ("a: | # c\n    p\n\nb: 1\n", put("a", "q\nr\n"), "a: | # c\n    q\n    r\n\nb: 1\n"),
    ("a: |\n  p\nb: 1\n", put("a", "q"), "a: q\nb: 1\n"),
    ("a: |\n  p\n  \t\nb: 1\n", drop("a"), "b: 1\n"),
    ("a: |\n  p\n   \nb: 1\n", put("a", "q"), "a: q\nb: 1\n"),
    ("a: p\n  q\nb: 1\n", put("a", "r"), "a: r\nb: 1\n"),
    ("a:\nb: # c\n- \n".replace("- \n", ""), put("b", True), "a:\nb: true # c\n"),
    ("- x\n-\n", put(1, "z"), "- x\n- z\n"),
    ("{a: , b: 1}\n", put("a", 2), "{a: 2, b: 1}\n"),
    # scalars and collections replace each other
    ("a: x # c\nb: 1\n", put("a", ["p", {"q": 1}]), "a: # c\n- p\n- q: 1\nb: 1\n"),
    ("- x # c\n- z\n", put(0, {"p": 1}), "- # c\n  p: 1\n- z\n"),
    ("- x\n- z\n", put(0, {"p": 1, "q": 2}), "- p: 1\n  q: 2\n- z\n"),
    ("a:\n  b: 1\n  c: 2\nd: 3\n", put("a", "x"), "a: x\nd: 3\n"),
    ("a: # c\n- b\nd: 3\n", put("a", "p\nq\n"), "a: | # c\n  p\n  q\nd: 3\n"),
    ("- a: 1\n  b: 2\n- c\n", put(0, "x"), "- x\n- c\n"),
    ("a:\n  - b\n", put("a", {"c": 1}), "a:\n  c: 1\n"),
    ("# h\na: 1 # x\n# t\n", lambda _: [1, 2], "# h\n- 1\n- 2\n# t\n"),
    # items go with the comments directly above and beside them; the first one leaves those above it
    (ITEMS, drop("k", 1), "k:\n# head\n- a: 1  # x\n  # in a\n\n# of c\n- c: 3\n"),
    (ITEMS, drop("k", 0), "k:\n# head\n\n# of b\n- b: 2\n# of c\n- c: 3\n"),
    (ITEMS, lambda data: data["k"].clear(), "k: []\n# head\n\n"),
    ("a:\n  b: 1\nc: 2\n", drop("a", "b"), "a: {}\nc: 2\n"),
    ("# h\n- a # x\n# t\n", drop(0), "# h\n[]\n# t\n"),
    ("- a: 1\n  b: 2\n", drop(0, "a"), "- b: 2\n"),
    ("- a: 1 # x\n  # of b\n  b: 2\n", drop(0, "a"), "# of b\n- b: 2\n"),
    ("- a: 1\n- b\n", drop(0, "a"), "- {}\n- b\n"),
    ("- - a\n  - b\n- c\n", drop(0, 0), "- - b\n- c\n"),
    # additions follow the document's habits
    (ITEMS, insert("k", 0, {"n": 0, "o": [1]}), ITEMS.replace("- a", '- "n": 0\n  o:\n  - 1\n- a')),
    (ITEMS, insert("k", 1, "z"), ITEMS.replace("# in a\n", "# in a\n- z\n")),
    ("- - a\n  - b\n", insert(0, 0, "z"), "- - z\n  - a\n  - b\n"),
    (
        "a:\n    b: 1\nc:\n  - x\n",
        put("a", "d", {"e": ["f"]}),
        "a:\n    b: 1\n    d:\n        e:\n          - f\nc:\n  - x\n",
    ),
    ("a: {}\nb: [] # c\n", put("a", "x", 1), "a:\n  x: 1\nb: [] # c\n"),
    ("a: {}\nb: [] # c\n", insert("b", 0, "x"), "a: {}\nb: # c\n- x\n"),
    ("a: 1\n...\n", put("b", 2), "a: 1\nb: 2\n...\n"),
    ("a:\n  b: 1", put("c", 2), "a:\n  b: 1\nc: 2"),
    ("a: |\n  x", put("c", 2), "a: |-\n  x\nc: 2"),
    ("a: 1\nb: 2", drop("b"), "a: 1"),
    # in brackets, what stays keeps its text
    ("a: ['x', y]  # c\n", insert("a", 1, "1"), "a: ['x', \"1\", y]  # c\n"),
    ("a: [x, y]\n", drop("a", 0), "a: [y]\n"),
    ("a: [[x], y]\n", lambda data: data["a"][0].clear(), "a: [[], y]\n"),
    ('a: { "x": 1 }\n', put("a", "z", ["b"]), 'a: { "x": 1, "z": ["b"] }\n'),
    # whatever else the file is made of
    (
        "\ufeffa: 1\r\nb:\r\n  - x\r\n",
        insert("b", 1, "p\nq"),
        "\ufeffa: 1\r\nb:\r\n  - x\r\n  - |-\r\n    p\r\n    q\r\n",
    ),
    ("a: &x 1\nb: *x\nc: 2 # c\n", put("c", 3), "a: &x 1\nb: *x\nc: 3 # c\n"),
    ("# c\n", lambda _: {"a": 1}, "# c\na: 1\n"),
    ("'a b' : 1\n12: 2\n", put("12", 3), "'a b' : 1\n12: 3\n"),
]


@pytest.mark.parametrize(("text", "change", "wanted"), CASES)
def test_rules(text: str, change: Callable[[Any], Any], wanted: str) -> None:
    assert spliced(text, change) == (wanted, ())


@pytest.mark.parametrize(
    ("text", "change", "wanted", "reason"),
    [
        ("a: &x {k: 1}\nb: *x # c\n", put("b", "k", 2), "a:\n  k: 1\nb:\n  k: 2\n", "anchor"),
        ("# h\na: &x\n  k: 1\nb: *x\n# t\n", put("a", "k", 2), "# h\na:\n  k: 2\nb:\n  k: 1\n# t\n", "anchor"),
        ("a: &x {k: 1}\nb: {<<: *x}\n", put("b", "z", 2), "a:\n  k: 1\nb:\n  k: 1\n  z: 2\n", "merge"),
        ("a: [1, # c\n  2]\n", insert("a", 0, 0), "a:\n- 0\n- 1\n- 2\n", "comments"),
        ("? a\n: 1\n? b\n: 2\n", drop("a"), "b: 2\n", "could not be found"),
    ],
)
def test_written_anew(text: str, change: Callable[[Any], Any], wanted: str, reason: str) -> None:
    result = spliced(text, change)
    assert result.text == wanted
    ((document, why),) = result.redumped
    assert document == 0
    assert reason in why


def test_only_the_document_that_must_be_is_written_anew() -> None:
    text = "# one\na: &x [1]\nb: *x\n---\n# two\nc: 1 # c\n---\n# three\n"
    file = read(text, "f")
    news: list[Any] = [{"a": [1], "b": [2]}, {"c": 2}, ["new"]]
    changes = {at: (new, diff(file.documents[at].data, new)) for at, new in enumerate(news)}
    result = splice(file, changes)
    assert result.text == "# one\na:\n- 1\nb:\n- 2\n---\n# two\nc: 2 # c\n---\n# three\n- new\n"
    assert [at for at, _ in result.redumped] == [0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"a": 3, "b": [1, 2]}'),
        ('{"a":1,"b":["\\u00e9"]}\n', '{"a":3,"b":["\\u00e9"]}\n'),
        ('{\n  "a": 1,\n  "b": ["é"]\n}\n', None),
        ('{\r\n\t"a": 1,\r\n\t"b": [\r\n\t\t"é"\r\n\t]\r\n}', '{\r\n\t"a": 3,\r\n\t"b": [\r\n\t\t"é"\r\n\t]\r\n}'),
        ('\ufeff{\n    "a": 1,\n    "b": {}\n}\n', '\ufeff{\n    "a": 3,\n    "b": {}\n}\n'),
    ],
)
def test_json(text: str, wanted: str | None) -> None:
    result = spliced(text, put("a", 3))
    if wanted is None:
        assert result.text == '{\n  "a": 3,\n  "b": [\n    "é"\n  ]\n}\n'
        assert result.redumped
    else:
        assert result == (wanted, ())


FORMS: list[Callable[[Any], str]] = [
    dump_yaml,
    lambda data: dump_yaml(data, indentation=Indentation(4, 2)),
    lambda data: yaml.dump(data, default_flow_style=True, allow_unicode=True),
    lambda data: yaml.dump(data, default_flow_style=None, default_style="'"),
    lambda data: yaml.dump(data, default_style="|", sort_keys=False),
    lambda data: "\n".join(
        f"{line}  # c" if line.endswith((":", "1", "]")) else line for line in dump_yaml(data).split("\n")
    ),
    lambda data: "# top\n---\n" + dump_yaml(data).replace("\n", "\r\n").rstrip(),
]


@given(TREES, TREES, st.sampled_from(FORMS))
def test_any_text_and_any_edit(data: Any, new: Any, form: Callable[[Any], str]) -> None:
    spliced(form(data), lambda _: copy.deepcopy(new) if new is not None else {"a": None})


def test_deep_documents() -> None:
    data: Any = "x"
    for level in range(249):
        data = [data] if level % 2 else {"k": data, "z": level}
    for text in (dump_yaml(data), str(yaml.dump(data, default_flow_style=True, width=10**6))):
        file = read(text, "f")
        new = copy.deepcopy(file.documents[0].data)
        innermost = new
        while isinstance(child := innermost["k"] if isinstance(innermost, dict) else innermost[0], dict | list):
            innermost = child
        innermost["added"] = 1
        result = splice(file, {0: (new, diff(file.documents[0].data, new))})
        assert result.redumped == ()
        assert exactly(read(result.text, "f").documents[0].data, new)
