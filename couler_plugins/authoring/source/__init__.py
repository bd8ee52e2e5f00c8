"""Python source of workflows: the IR written back as a program of the authoring API."""

from couler_plugins.authoring.source.workflows import to_python

__all__ = ["to_python"]
