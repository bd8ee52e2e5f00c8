"""DOT, for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.viz.diagrams.drawing import Arrow, Box, Cluster, Drawing
from couler_plugins.viz.diagrams.labels import shortened

_SHAPES = {
    "start": "shape=oval",
    "step": "shape=box",
    "call": "shape=box, peripheries=2",
    "handler": "shape=hexagon",
    "junction": "shape=point",
}
_DOT_ARROWS = {"order": "", "data": "style=dotted", "calls": "style=bold", "handles": "style=dashed, arrowhead=odot"}
_CROSSING = 'color="#D55E00", penwidth=2'
"""Of what crosses between parts; seen on light and dark, and by the colour-blind."""


def to_dot(drawing: Drawing) -> str:
    """The picture as a DOT digraph."""
    return "\n".join(["digraph couler {", *_clusters(drawing.clusters, "  "), *map(_arrow, drawing.arrows), "}", ""])


def _clusters(clusters: list[Cluster], indent: str) -> Iterator[str]:
    for cluster in clusters:
        yield f"{indent}subgraph cluster_{cluster.id} {{"
        yield f'{indent}  label="{_safe(cluster.title)}"'
        yield from (f"{indent}  {_box(box)}" for box in cluster.boxes)
        yield from _clusters(cluster.clusters, f"{indent}  ")
        yield f"{indent}}}"


def _box(box: Box) -> str:
    label = "\\n".join(map(_safe, box.lines))
    return f'{box.id} [label="{label}", {_SHAPES[box.shape]}]'


def _arrow(arrow: Arrow) -> str:
    attributes = [
        _DOT_ARROWS[arrow.kind],
        _CROSSING if arrow.crosses else "",
        f'label="{_safe(arrow.label)}"' if arrow.label else "",
    ]
    text = ", ".join(filter(None, attributes))
    return f"  {arrow.start} -> {arrow.end}{f' [{text}]' if text else ''}"


def _safe(text: str) -> str:
    """The text as a quoted string shows it: Graphviz knows escapes, and HTML's entities."""
    line = shortened(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
