"""The task groups of a part: copies of those that its tasks were in, one in the other as they were."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator
from typing import Any

__all__ = ["Groups", "groups_of"]

ARROWS = ("upstream_group_ids", "downstream_group_ids", "upstream_task_ids", "downstream_task_ids")
"""What a group knows of arrows that were drawn to or from it as a whole."""


def groups_of(root: Any) -> dict[str, Any]:
    """All groups below the root of a DAG, by their ids."""
    return {group.group_id: group for group in _below(root)}


def _below(group: Any) -> Iterator[Any]:
    for child in group.children.values():
        if hasattr(child, "children"):
            yield child
            yield from _below(child)


class Groups:
    """Makes the groups of one part as its tasks ask for them.

    Args:
        shell: the DAG of the part, with its root.
        originals: the groups of the whole DAG, by their ids; they stay as they are.
    """

    def __init__(self, shell: Any, originals: dict[str, Any]) -> None:
        self._shell = shell
        self._originals = originals
        self._copies: dict[str, Any] = {}

    def of(self, group: Any) -> Any:
        """The part's own group for one of the whole DAG (None, or the root, for none)."""
        group_id = None if group is None else group.group_id
        if group_id is None:
            return self._shell.task_group
        if group_id not in self._copies:
            original = self._originals[group_id]
            outer = self.of(original.parent_group)
            own = copy.copy(original)
            own.children = {}
            own.dag = self._shell
            own.parent_group = weakref.proxy(outer)
            outer.children[group_id] = self._copies[group_id] = own
        return self._copies[group_id]

    def trim(self, inside: set[str]) -> set[str]:
        """Leaves out the arrows of groups to and from what is in other parts.

        Args:
            inside: the ids of the part's tasks.

        Returns:
            The names under which arrows at these groups are labelled.
        """
        names = inside | self._copies.keys()
        for group in self._copies.values():
            for name in ARROWS:
                setattr(group, name, getattr(group, name) & names)
        return {name for group in self._copies.values() for name in (group.upstream_join_id, group.downstream_join_id)}
