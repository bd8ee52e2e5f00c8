"""The containers of an operation, as its pod calls them and as they are sized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from couler_plugins.ir.ports import Container
from couler_plugins.ir.workflow import Operation, Workflow


class PodSizes(NamedTuple):
    """What a workflow says of the sizes of containers.

    Attributes:
        task: what the owner calls the operation.
        containers: those of the operation, in their order, with the requests and limits in force.
        refusals: why new sizes of each would be overruled; empty for one that can have them.
        annotations: those of the operation, and of the workflow where the operation has none of that name.
    """

    task: str = ""
    containers: tuple[Container, ...] = ()
    refusals: tuple[str, ...] = ()
    annotations: Mapping[str, object] = {}


def container_names(operation: Operation) -> tuple[str, ...]:
    """Return the names of the containers of an operation, `main` for one that has none."""
    return tuple(container.name or "main" for container in operation.containers)


def sizes_of(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return the sizes of the containers of an operation as they are written in it."""
    if operation is None:
        return PodSizes()
    return PodSizes(operation.name, operation.containers, ("",) * len(operation.containers))
