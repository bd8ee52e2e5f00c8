"""The merge of what changed between two written versions into what was read."""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.merge import Merge, Sources

READ: dict[str, Any] = {
    "about": "not ours",
    "steps": [{"image": "one", "name": "a", "more": [1]}, {"name": "b", "image": "two"}],
    "limit": 1,
}
WRITTEN: dict[str, Any] = {"limit": 1, "steps": [{"name": "a", "image": "one"}, {"name": "b", "image": "two"}]}


def merged(after: Any, sources: Sources | None = None) -> tuple[Any, Merge]:
    before = Sources()
    for number, item in enumerate(WRITTEN["steps"]):
        before.note(item, (0, "steps", number))
    merge = Merge(before, sources or Sources({0: READ}))
    return merge.merged(READ, WRITTEN, after, (0,)), merge


def test_what_did_not_change_is_the_same_object() -> None:
    assert merged({"limit": 1, "steps": [dict(item) for item in WRITTEN["steps"]]})[0] is READ


def test_what_changed_is_carried_over_and_all_else_stays() -> None:
    result, _ = merged({"steps": [{"name": "a", "image": "new"}, WRITTEN["steps"][1]], "extra": True})
    first = {"image": "new", "name": "a", "more": [1]}
    assert result == {"about": "not ours", "steps": [first, READ["steps"][1]], "extra": True}
    assert [*result] == ["about", "steps", "extra"]
    assert [*result["steps"][0]] == ["image", "name", "more"]
    assert result["steps"][1] is READ["steps"][1]


def test_numbers_and_booleans_differ() -> None:
    assert merged({**WRITTEN, "limit": True})[0]["limit"] is True


def test_items_of_lists_are_known_by_their_names() -> None:
    result, _ = merged({**WRITTEN, "steps": [WRITTEN["steps"][1], {"name": "c"}]})
    assert result["steps"] == [READ["steps"][1], {"name": "c"}]
    assert result["steps"][0] is READ["steps"][1]


def test_what_was_read_elsewhere_is_made_from_that() -> None:
    sources = Sources({0: READ})
    item = sources.note({"name": "z", "image": "one"}, (0, "steps", 0))
    result, merge = merged({**WRITTEN, "steps": [], "moved": {"here": [item]}}, sources)
    assert result["moved"] == {"here": [{"image": "one", "name": "z", "more": [1]}]}
    assert merge.origins[id(result["moved"]["here"][0])] == ("steps", 0)


def test_new_keys_come_last_unless_their_order_is_kept() -> None:
    after = {"fresh": 1, "limit": 1, "steps": WRITTEN["steps"]}
    assert [*merged(after)[0]] == ["about", "steps", "limit", "fresh"]
    sources = Sources({0: READ})
    sources.ordered.add(id(after))
    assert [*merged(after, sources)[0]] == ["fresh", "limit", "steps", "about"]
