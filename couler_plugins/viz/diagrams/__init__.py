"""Diagrams of workflows as text: Mermaid and DOT."""

from couler_plugins.viz.diagrams.dot import to_dot
from couler_plugins.viz.diagrams.drawing import Drawing, draw
from couler_plugins.viz.diagrams.mermaid import to_mermaid

__all__ = ["Drawing", "draw", "to_dot", "to_mermaid"]
