"""The picture of `benchmarks.nl`: scores by method, and what the scores say of a stand-in that makes mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
COLORS = {"valid": "#0f766e", "node_f1": "#1d4ed8", "edge_f1": "#6d28d9", "pass@1": "#b45309"}


def draw(
    path: Path, methods: Mapping[str, Mapping[str, float]], noises: Mapping[str, Mapping[str, float]], caption: str
) -> None:
    """Draws the scores of each method, and pass@1 by noise, into a file; its ending says which format."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.4), layout="constrained", width_ratios=(2, 1))
        for number, (name, color) in enumerate(COLORS.items()):
            places = [row + (number - 1.5) * 0.2 for row in range(len(methods))]
            left.barh(places, [found[name] for found in methods.values()], 0.18, color=color, label=name, zorder=3)
        left.set_yticks(range(len(methods)), list(methods))
        left.invert_yaxis()
        left.set_title("Scores by method", loc="left", fontweight="bold")
        for color, method in zip((QUIET, "#0f766e"), ("direct", "pipeline"), strict=True):
            shares = [found[method] for found in noises.values()]
            right.plot([float(noise) for noise in noises], shares, color=color, label=method, marker="o", zorder=3)
        right.set_title("pass@1 of a stand-in", loc="left", fontweight="bold")
        right.set_xlabel("how often it makes each mistake")
        right.set_ylim(-0.02, 1.02)
        for axes in (left, right):
            axes.legend(frameon=False)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=0, colors=INK, which="both")
            axes.grid(color=GRID, linewidth=0.8, zorder=0)
        figure.supxlabel(caption, fontsize=8, color=QUIET)
        figure.savefig(
            path, dpi=160, metadata={".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        )
        pyplot.close(figure)
