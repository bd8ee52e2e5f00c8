"""Which scalars are handed on as another text, as Kubernetes' own library hands them on."""

from __future__ import annotations

import pytest

from couler_plugins.documents import Reread, read, reread

HANDED = {
    "yes": "true", "y": "true", "ON": "true", "off": "false", "N": "false", "True": "true",
    "1.20": "1.2", "1.0": "1", "010": "8", "0x1F": "31", "1_000": "1000", "1e3": "1000", ".5": "0.5", "+1": "1",
    "12e-9": "1.2e-8", "1e23": "1e+23", "-0.50": "-0.5", "0.00001": "0.00001", "1e-6": "0.000001",
}  # fmt: skip
"""What sigs.k8s.io/yaml makes of them (`tests/documents/oracle` asks it)."""
SAME = (
    "true",
    "false",
    "0",
    "17",
    "1.5",
    "-3",
    "1e+23",
    "1e-7",
    '"yes"',
    "'1.20'",
    "!!str on",
    "yEs",
    "2024-01-02",
    "~",
)


@pytest.mark.parametrize("text", HANDED)
def test_what_is_handed_on_otherwise(text: str) -> None:
    (document,) = read(f"a:\n  - b: {text}   # so\n", "a.yaml").documents
    path = ("a", 0, "b")
    expected = [] if text == HANDED[text] else [Reread(path, text, HANDED[text])]
    assert list(reread(document, (), document.data)) == expected


@pytest.mark.parametrize("text", SAME)
def test_what_is_handed_on_as_it_stands(text: str) -> None:
    (document,) = read(f"a: {text}\n", "a.yaml").documents
    assert list(reread(document, (), document.data)) == []


@pytest.mark.parametrize(("text", "handed"), [("on", "true"), ("n", "false"), ("1.20", "1.2"), ("010", "8")])
def test_keys(text: str, handed: str) -> None:
    (document,) = read(f"{{a: {{{text}: 1, '{text}': 2}}}}\n", "a.yaml").documents
    assert list(reread(document, (), document.data)) == [Reread(("a", handed), text, handed)]


def test_a_value_that_stands_elsewhere_is_not_looked_at() -> None:
    """An alias stands for what its anchor marks, and what a merge brings has no place of its own."""
    (document,) = read("a: &x yes\nb: *x\nc: &y {d: no}\ne: {<<: *y}\n", "a.yaml").documents
    assert list(reread(document, (), document.data)) == [Reread(("c", "d"), "no", "false")]
    assert document.plain(("nothing",)) is None
    assert document.key(()) is None


def test_json_has_numbers_of_its_own() -> None:
    (document,) = read('{"a": 1.20, "b": true}', "a.json").documents
    assert list(reread(document, (), document.data)) == [Reread(("a",), "1.20", "1.2")]
