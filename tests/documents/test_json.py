"""Reading JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.documents import read
from documents.judge import exactly


def test_json() -> None:
    file = read('\ufeff {"a": [1, 1.0, 1e2, -0, "\\ud83d\\ude00\\/", null, true, 99999999999999999999]}\n', "f.json")
    assert file.format == "json"
    assert exactly(file.documents[0].data, {"a": [1, 1.0, 100.0, 0, "😀/", None, True, 1e20]})
    assert file.documents[0].line_of(("a", 0)) is None  # YAML does not know such escapes, so there are no positions
    assert read('{"a": 1}', "f").line_of(("a",)) == 1


@pytest.mark.parametrize("text", ["{a: 1}", "[1, 2,]", '{"a": 1}\n---\n{"b": 2}', '{"a": 1} # comment', "{'a': 1}"])
def test_nearly_json_is_yaml(text: str) -> None:
    assert read(text, "f").format == "yaml"


NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON_LIKE)
def test_json_means_what_it_says(value: Any) -> None:
    text = json.dumps({"data": value})
    assert exactly(read(text, "f").documents[0].data, {"data": value})
