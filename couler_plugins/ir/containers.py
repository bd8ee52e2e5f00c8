"""The containers of an operation, as its pod calls them."""

from __future__ import annotations

from couler_plugins.ir.workflow import Operation


def container_names(operation: Operation) -> tuple[str, ...]:
    """Return the names of the containers of an operation, `main` for one that has none."""
    return tuple(container.name or "main" for container in operation.containers)
