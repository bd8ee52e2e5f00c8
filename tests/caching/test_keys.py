"""Keys: unambiguous, the same as Go's, and sensitive to everything."""

from __future__ import annotations

import hashlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.caching.keys import LINEAGE, VERSION, digest, go_json, key, lineage_names, spec_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
SPEC = spec_hash({"a": 1})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "[]"),
        (["a", "b"], '["a","b"]'),
        ({"b": 1, "a": [None, True, 1.5]}, '{"a":[null,true,1.5],"b":1}'),
        ("<>&", '"\\u003c\\u003e\\u0026"'),
        ("\u2028\u2029", '"\\u2028\\u2029"'),
        ("ü😀\u007f", '"ü😀\x7f"'),
        ("\"\\/'", '"\\"\\\\/\'"'),
        ("\n\r\t\b\f\x00\x1f", '"\\n\\r\\t\\b\\f\\u0000\\u001f"'),
    ],
)
def test_json_as_go_writes_it(value: object, text: str) -> None:
    assert go_json(value) == text.encode()


@given(JSON)
def test_json_can_be_read_again(value: object) -> None:
    assert json.loads(go_json(value)) == value


def kinds(value: object) -> object:
    """The value with the types that `==` does not tell apart."""
    if isinstance(value, list):
        return [kinds(item) for item in value]
    if isinstance(value, dict):
        return {name: kinds(item) for name, item in value.items()}
    return type(value).__name__, value


@given(JSON, JSON)
def test_different_data_have_different_digests(one: object, other: object) -> None:
    assert (digest(one) == digest(other)) is (kinds(one) == kinds(other))


def test_a_key_is_a_hash_of_a_versioned_list() -> None:
    text = f'["v1","{SPEC.removeprefix("v1:")}","a","b"]'
    assert key(SPEC, ["a", "b"]) == hashlib.sha256(text.encode()).hexdigest()
    assert f"{VERSION}:{digest({'a': 1})}" == SPEC
    assert len(key(SPEC, [])) == 64


def test_values_do_not_run_into_each_other() -> None:
    alphabet = ("", "a", "b", "a,b", 'a","b', "a','b", '"', "\\", '\\"', "[]", "null", "ab", " ")
    lists = [list(values) for count in range(4) for values in itertools.product(alphabet, repeat=count)]
    assert len({key(SPEC, values) for values in lists}) == len(lists) == 1 + 13 + 13**2 + 13**3


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_different_lists_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (key(SPEC, one) == key(SPEC, other)) is (one == other)


def test_the_spec_and_its_version_count() -> None:
    found = {key(spec, ["a"]) for spec in ("v1:00", "v1:01", "v2:00", "v1:0", "v1:")}
    assert len(found) == 5


def test_a_spec_is_no_value() -> None:
    assert key("v1:00", ["11"]) != key("v1:11", ["00"])
    assert key("v1:00", []) != key("v1:", ["00"])


def test_names_of_lineages() -> None:
    assert lineage_names(0) == []
    assert lineage_names(3) == [LINEAGE, f"{LINEAGE}-1", f"{LINEAGE}-2"]
