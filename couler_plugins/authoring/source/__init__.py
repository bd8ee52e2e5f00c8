"""Back from the IR: a workflow as Python of the unified interface."""

from couler_plugins.authoring.source.workflows import to_python

__all__ = ["to_python"]
