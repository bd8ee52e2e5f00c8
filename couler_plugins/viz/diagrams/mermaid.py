"""Mermaid's flowcharts, as GitHub and many editors show them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from couler_plugins.viz.diagrams.drawing import Arrow, Box, Cluster, Drawing
from couler_plugins.viz.diagrams.labels import shortened

MAX_ARROWS = 500
"""More than this, Mermaid draws only where `maxEdges` allows it."""

_UNSAFE = re.compile(r"[^\w .,:/+*()=!?@%~^$\-]")
_SHAPES = {
    "start": ("([", "])"),
    "step": ("[", "]"),
    "call": ("[[", "]]"),
    "handler": ("{{", "}}"),
    "junction": ("((", "))"),
}
_ARROWS = {"order": "-->", "data": "-.->", "calls": "==>", "handles": "-.-o"}
_CROSSING = "stroke:#D55E00,stroke-width:3px"
"""Of what crosses between parts; seen on light and dark, and by the colour-blind."""


def to_mermaid(drawing: Drawing) -> str:
    """The picture as a Mermaid flowchart."""
    lines = ["flowchart TD", *_clusters(drawing.clusters, "  "), *map(_arrow, drawing.arrows)]
    crossing = [str(number) for number, arrow in enumerate(drawing.arrows) if arrow.crosses]
    return "\n".join([*lines, *([f"  linkStyle {','.join(crossing)} {_CROSSING}"] if crossing else []), ""])


def _clusters(clusters: list[Cluster], indent: str) -> Iterator[str]:
    for cluster in clusters:
        yield f'{indent}subgraph {cluster.id}["{_safe(cluster.title)}"]'
        yield from (f"{indent}  {_box(box)}" for box in cluster.boxes)
        yield from _clusters(cluster.clusters, f"{indent}  ")
        yield f"{indent}end"


def _box(box: Box) -> str:
    left, right = _SHAPES[box.shape]
    return f'{box.id}{left}"{"<br/>".join(map(_safe, box.lines)) or " "}"{right}'


def _arrow(arrow: Arrow) -> str:
    label = f'|"{_safe(arrow.label)}"|' if arrow.label else ""
    return f"  {arrow.start} {_ARROWS[arrow.kind]}{label} {arrow.end}"


def _safe(text: str) -> str:
    """The text with everything that could mean something to Mermaid or HTML as character codes."""
    return _UNSAFE.sub(lambda match: f"#{ord(match[0])};", shortened(text)) or " "
