"""Splices that move and clone: what is moved keeps its text."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from couler_plugins.documents import diff, read, splice
from documents.judge import exactly

if TYPE_CHECKING:
    from collections.abc import Callable

MOVES = """\
old:
  # first
  - name: a
  # of b
  - name: b  # beside b
    # inside b
    run: |  # of run
      echo b
    args: [x, 'y']
  - name: c
    other: {a: 'b'}  # beside other
new:
    list: []
"""


def move(change: Callable[[Any, Any], Any]) -> str:
    """The text after a function has built new data from a copy; it notes what comes from where in the origins."""
    file = read(MOVES, "f")
    old = file.documents[0].data
    new = {key: copy.copy(value) for key, value in old.items()}
    origins: dict[int, Any] = {}
    kept = change(new, origins)
    result = splice(file, {0: (new, diff(old, new, origins))})
    assert result.redumped == ()
    assert exactly(read(result.text, "f").documents[0].data, new)
    del kept
    return result.text


def test_a_moved_item_takes_its_text_along() -> None:
    def change(new: Any, origins: Any) -> Any:
        item = dict(new["old"].pop(1), args=["x", "z"])
        origins[id(item)] = ("old", 1)
        new["new"] = {"list": [item]}

    taken = MOVES[MOVES.index("  # of b") : MOVES.index("  - name: c")]
    moved = "".join(f"    {line}\n" for line in taken.splitlines()).replace("'y'", "'z'")
    assert move(change) == MOVES.replace(taken, "").replace(
        "    list: []\n", f"    list:\n{moved}".replace("  - ", "  - ")
    )


def test_a_cloned_item_has_its_comments_but_not_those_above() -> None:
    def change(new: Any, origins: Any) -> Any:
        clone = dict(new["old"][1], name="b2")
        origins[id(clone)] = ("old", 1)
        new["old"].append(clone)

    taken = MOVES[MOVES.index("  - name: b") : MOVES.index("  - name: c")]
    assert move(change) == MOVES.replace("new:\n", taken.replace("name: b", "name: b2") + "new:\n")


def test_items_moved_into_a_new_value_take_their_text_along() -> None:
    def change(new: Any, origins: Any) -> Any:
        items = new.pop("old")
        origins.update({id(item): ("old", at) for at, item in enumerate(items)})
        new["part"] = {"dag": {"tasks": items[1:]}}

    text = move(change)
    for comment in ("# of b", "# beside b", "# inside b", "# of run", "# beside other"):
        assert comment in text
    assert "args: [x, 'y']" in text
    assert "# first" not in text


def test_many_edits() -> None:
    tasks = "".join(f"  # of {i}\n  - name: t{i}\n    args: [a, '{i}']\n" for i in range(3000))
    file = read(f"tasks:\n{tasks}done: true\n", "f")
    old = file.documents[0].data
    kept = [dict(task, key=i) for i, task in enumerate(old["tasks"]) if i % 3]
    origins: dict[int, Any] = {id(task): ("tasks", task["key"]) for task in kept}
    new = {
        "tasks": kept[:1000],
        "done": True,
        "more": [{"name": f"p{i}", "tasks": [task]} for i, task in enumerate(kept[1000:])],
    }
    result = splice(file, {0: (new, diff(old, new, origins))})
    assert result.redumped == ()
    assert exactly(read(result.text, "f").documents[0].data, new)
    assert result.text.count("# of ") == 2001  # the first item leaves the comment above it
