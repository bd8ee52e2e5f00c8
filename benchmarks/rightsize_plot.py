"""The picture of `benchmarks.rightsize`: what rules reserve over what is used, by trace, and how many tasks fail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
ACCENT, OTHER, BOUND = "#0f766e", "#9aa5b1", "#d9dee3"
ROWS = {
    "preset": "preset of the pipeline",
    "max_1_1": "largest × 1.1",
    "witt": "95th percentile (Witt)",
    "tovar": "least waste (Tovar)",
    "reserved_over_used": "rightsize",
    "lower_bound": "largest of second half",
}
"""Figures and what they are called, from the top."""


def draw(path: Path, figures: Mapping[str, Any]) -> None:
    """Draws a panel for each trace and one for all into a file; its ending says which format."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    panels = {**figures["traces"], "all: geometric mean, mean of failing": figures}
    columns = min(2, len(panels))
    lines = math.ceil(len(panels) / columns)
    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, grid = pyplot.subplots(
            lines,
            columns,
            figsize=(11.5, 2.5 * lines + 0.6),
            layout="constrained",
            sharex=True,
            sharey=True,
            squeeze=False,
        )
        for axes, (name, own) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, name, own)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        widest = max(own[key] for own in panels.values() for key in ROWS)
        grid.flat[0].set_xlim(0, widest * 1.25)
        figure.supxlabel(
            "memory that is reserved over memory that is used (1 is the least), and the share of tasks that fail",
            fontsize=8,
            color=QUIET,
        )
        figure.savefig(
            path, dpi=160, metadata={".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        )
        pyplot.close(figure)


def _panel(axes: Any, name: str, own: Mapping[str, float]) -> None:
    for row, key in enumerate(reversed(ROWS)):
        failing = own["failing" if key == "reserved_over_used" else f"{key}_failing"]
        color = {"reserved_over_used": ACCENT, "lower_bound": BOUND}.get(key, OTHER)
        axes.barh(row, own[key], height=0.68, color=color, zorder=2)
        note = f"{own[key]:.2f}" + ("" if key == "lower_bound" else f", {100 * failing:.1f} % fail")
        axes.annotate(note, (own[key], row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.axvline(1, color=INK, linewidth=0.8, linestyle=":", zorder=3)
    axes.set_yticks(range(len(ROWS)), reversed(ROWS.values()))
    axes.set_title(name, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(axis="x", color=GRID, linewidth=0.8, zorder=0)
