"""Differences: exact by an independent judge, small, and cheap where little changed."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.documents import Edit, diff, read
from documents.edits import KINDS, edit
from documents.judge import apply, corpus, exactly

SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, -0.0, 1.0, "1", "a", "true", ""])
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["name", "a", "b", "c"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def check(old: Any, new: Any, origins: dict[int, Any] | None = None) -> tuple[Edit, ...]:
    edits = diff(old, new, origins)
    assert exactly(apply(old, edits), new)
    for one in edits:
        assert (one.before is None) == (one.op == "add")
        assert (one.after is None) == (one.op == "remove")
        assert one.op != "replace" or not exactly(one.old, one.new)
    return edits


@given(TREES, TREES)
def test_any_two_trees(old: Any, new: Any) -> None:
    edits = check(old, new)
    assert bool(edits) != exactly(old, new)


@given(TREES)
def test_equal_trees(tree: Any) -> None:
    assert diff(tree, copy.deepcopy(tree)) == ()


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(0, 9), max_size=12))
def test_no_edit_is_redundant(old: list[int], new: list[int]) -> None:
    edits = check(old, new)
    for left_out in range(len(edits)):
        rest = [one for at, one in enumerate(edits) if at != left_out]
        try:
            assert apply(old, rest) != new
        except (AssertionError, IndexError):
            continue  # the others make no sense without it


@given(TREES, st.sampled_from(sorted(KINDS)), st.integers(0, 99))
def test_edits_with_origins(tree: Any, kind: str, seed: int) -> None:
    edited = edit(tree, kind, random.Random(seed))
    if edited is not None:
        check(tree, edited.new, edited.origins)


def test_types_matter_and_order_does_not() -> None:
    assert diff({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ()
    pairs: list[tuple[Any, Any]] = [(1, True), (1, 1.0), (1, "1"), (0, False), (None, "null"), (0.0, -0.0), ({}, [])]
    for old, new in pairs:
        assert [one.op for one in diff(old, new)] == ["replace"]


def test_a_renamed_item_is_no_new_item() -> None:
    old = [{"name": "a", "x": 1}, {"name": "b"}, {"name": "c"}]
    new = [{"name": "a", "x": 1}, {"name": "B"}, {"name": "c"}]
    assert diff(old, new) == (Edit("replace", (1, "name"), (1, "name"), "b", "B"),)


def test_names_pair_items() -> None:
    old = [{"name": "a", "x": 1}, {"name": "b"}]
    new = [{"name": "new"}, {"name": "a", "x": 2}, {"name": "b"}]
    assert diff(old, new) == (
        Edit("add", None, (0,), None, {"name": "new"}),
        Edit("replace", (0, "x"), (1, "x"), 1, 2),
    )


def test_a_move_within_a_list_knows_its_origin() -> None:
    old = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    edits = check(old, [old[2], old[0], old[1]])
    assert [(one.op, one.origin) for one in edits] == [("add", (2,)), ("remove", None)]


def test_a_move_between_lists_knows_its_origin() -> None:
    old: Any = {"x": [{"name": "a"}, {"name": "b"}], "y": []}
    new: Any = {"x": [old["x"][1]], "y": [{"name": "a", "more": 1}]}
    edits = check(old, new, {id(new["y"][0]): ("x", 0)})
    assert [(one.op, one.before, one.after, one.origin) for one in edits] == [
        ("remove", ("x", 0), None, None),
        ("add", None, ("y", 0), ("x", 0)),
    ]


def test_of_two_clones_the_one_with_the_name_is_the_original() -> None:
    old = [{"name": "a"}]
    new = [{"name": "a-1"}, {"name": "a", "x": 1}]
    edits = check(old, new, {id(new[0]): (0,), id(new[1]): (0,)})
    assert [(one.op, one.after, one.origin) for one in edits] == [("add", (0,), (0,)), ("add", (1, "x"), None)]


def test_parts_of_a_new_value_know_their_origins() -> None:
    old: dict[str, Any] = {"tasks": [{"name": "a"}, {"name": "b"}]}
    new = {"tasks": old["tasks"][:1], "part": {"tasks": [old["tasks"][1]]}}
    (removed, added) = check(old, new, {id(old["tasks"][1]): ("tasks", 1)})
    assert removed.before == ("tasks", 1)
    assert added.parts == ((("tasks", 0), ("tasks", 1)),)


@pytest.mark.slow
def test_shared_items_are_not_looked_at() -> None:
    class Guarded(dict[str, Any]):
        """Fails when it is compared or walked through."""

        def keys(self) -> Any:
            raise AssertionError

    old: list[Any] = [Guarded(name=str(i)) for i in range(100_000)]
    old[500] = {"name": "500"}
    new = list(old)
    new[500] = {"name": "500", "x": 1}
    del new[200]
    new.insert(7, {"name": "fresh"})
    assert [(one.op, one.before, one.after) for one in diff(old, new)] == [
        ("add", None, (7,)),
        ("remove", (200,), None),
        ("add", None, (500, "x")),
    ]


@pytest.mark.slow
def test_corpus() -> None:
    for path in corpus():
        for document in read(path.read_bytes(), path.name).documents:
            for kind in KINDS:
                edited = edit(document.data, kind, random.Random(f"{path.name}{kind}"))
                if edited is not None:
                    assert len(check(document.data, edited.new, edited.origins)) < 20
