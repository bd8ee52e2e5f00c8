"""Contract of sizes by item: what a loop over a list in the file hands to the operation that it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from couler_plugins.ir import Operation, Step

__all__ = ["ItemSizes", "Items"]


class Items(NamedTuple):
    """The items of a loop.

    Attributes:
        parameter: the input parameter of the operation that tells them apart.
        values: what that parameter gets of each item, by the text that names of steps in a history show of the item.
    """

    parameter: str
    values: Mapping[str, str]


class ItemSizes(NamedTuple):
    """How an engine gives the attempts of one operation different memory.

    Attributes:
        items_of: returns the items of a loop; None where they are not in the file, or nothing tells them apart.
        objection: says why an operation cannot have memory by item; empty where it can.
        write: returns the operation with memory by the value of a parameter, and for all other values.
    """

    items_of: Callable[[Step], Items | None]
    objection: Callable[[Operation], str]
    write: Callable[[Operation, str, Mapping[str, str], str], Operation]
