"""The containers of an operation, as its pod calls them and as they are sized."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from couler_plugins.ir.ports import Container
from couler_plugins.ir.workflow import Operation, Step, Workflow


class Items(NamedTuple):
    """The items of a loop over a list in the file.

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
        is_written: whether that was done to an operation before.
    """

    items_of: Callable[[Step], Items | None]
    objection: Callable[[Operation], str]
    write: Callable[[Operation, str, Mapping[str, str], str], Operation]
    is_written: Callable[[Operation], bool]


class PodSizes(NamedTuple):
    """What a workflow says of the sizes of containers.

    Attributes:
        task: what the owner calls the operation.
        containers: those of the operation, in their order, with the requests and limits in force.
        refusals: why new sizes of each would be overruled; empty for one that can have them.
        annotations: those of the operation, and of the workflow where the operation has none of that name.
        by_item: how the items of a loop get different memory; None where the engine cannot do that.
        settle: writes what else follows from the sizes of the operation, such as the memory of later attempts.
    """

    task: str = ""
    containers: tuple[Container, ...] = ()
    refusals: tuple[str, ...] = ()
    annotations: Mapping[str, object] = {}
    by_item: ItemSizes | None = None
    settle: Callable[[Operation], Operation] = lambda operation: operation


def container_names(operation: Operation) -> tuple[str, ...]:
    """Return the names of the containers of an operation, `main` for one that has none."""
    return tuple(container.name or "main" for container in operation.containers)


def sizes_of(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return the sizes of the containers of an operation as they are written in it."""
    if operation is None:
        return PodSizes()
    return PodSizes(operation.name, operation.containers, ("",) * len(operation.containers))
