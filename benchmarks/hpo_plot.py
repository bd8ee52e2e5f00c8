"""The picture of `benchmarks.hpo`: regret after each trial, by tuner."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
COLORS = ("#0f766e", "#b45309", "#6d28d9", "#9aa5b1", "#cbd2d9", "#1d4ed8", "#c53030")


def draw(path: Path, figures: Mapping[str, Any], caption: str) -> None:
    """Draws the regret of each tuner over the trials into a file; its ending says which format."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullLocator

    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(8, 4.8), layout="constrained")
        for color, (name, curve) in zip(COLORS, figures["curves"].items(), strict=False):
            trials = range(1, len(curve) + 1)
            axes.plot(trials, [point["mean"] for point in curve], color=color, label=name, zorder=3)
            low, high = ([max(point[end], 1e-4) for point in curve] for end in ("low", "high"))
            axes.fill_between(trials, low, high, color=color, alpha=0.12, linewidth=0)
        least = min(point["mean"] for curve in figures["curves"].values() for point in curve)
        axes.set_yscale("log")
        # A first trial that diverges is worse than the median by any factor: all else would be a line at the bottom.
        axes.set_ylim(max(least, 1e-4) * 0.7, 1)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title("Regret after so many trials", loc="left", fontweight="bold")
        axes.set_xlabel("trials")
        axes.set_ylabel("0: best setting, 1: median setting")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=0, colors=INK, which="both")
        axes.grid(color=GRID, linewidth=0.8, zorder=0)
        figure.supxlabel(caption, fontsize=8, color=QUIET)
        figure.savefig(
            path, dpi=160, metadata={".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        )
        pyplot.close(figure)
