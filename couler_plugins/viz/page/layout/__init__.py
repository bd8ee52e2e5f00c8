"""Where the boxes of a graph stand and how its edges run, in Python alone: layers from top to bottom."""

from couler_plugins.viz.page.layout.picture import Layout, Size, lay_out

__all__ = ["Layout", "Size", "lay_out"]
