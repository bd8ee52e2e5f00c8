"""The picture of `benchmarks.split`: every method's stretch and parts, and what ours makes of each kind of graph."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.split_methods import OURS, Cut

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
ACCENT, OTHER, WRONG = "#0f766e", "#9aa5b1", "#c53030"


def draw(path: Path, cuts: Sequence[Cut], bounds: Mapping[str, float], caption: str) -> None:
    """Draws two panels into a file; its ending says which format.

    Args:
        path: where to.
        cuts: those of all methods and graphs.
        bounds: of each graph, the stretch that no split goes below.
        caption: what was measured, in one line.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11.5, 4.8), layout="constrained")
        _methods(left, cuts)
        _kinds(right, [one for one in cuts if one.method == OURS], bounds)
        figure.supxlabel(caption, fontsize=8, color=QUIET)
        figure.savefig(
            path, dpi=160, metadata={".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        )
        pyplot.close(figure)


def _methods(axes: Any, cuts: Sequence[Cut]) -> None:
    graphs = len({one.subject for one in cuts})
    for method in dict.fromkeys(one.method for one in cuts):
        own = [one for one in cuts if one.method == method]
        if len(own) < graphs:  # on a part of them, its mean says nothing beside the others'
            continue
        parts, stretch = (_mean([getattr(one, name) for one in own]) for name in ("parts_ratio", "stretch"))
        wrong = sum(one.cyclic or one.over > 0 for one in own)
        color = WRONG if wrong else ACCENT if method.startswith(OURS) else OTHER
        axes.scatter(parts, stretch, s=36, color=color, zorder=3)
        note = f"{method}, {wrong} of {len(own)} deadlock or are too big" if wrong else method
        axes.annotate(note, (parts, stretch), (6, 4), textcoords="offset points", fontsize=8, color=color)
    axes.set_yscale("log")
    _plain(axes.yaxis)
    axes.set_title("Makespan and parts, geometric means", loc="left", fontweight="bold")
    axes.set_xlabel("parts over the fewest possible")
    axes.set_ylabel("makespan over the critical path")
    axes.margins(x=0.35, y=0.15)
    _tidy(axes)


def _kinds(axes: Any, cuts: Sequence[Cut], bounds: Mapping[str, float]) -> None:
    """A row for each kind: every graph as a point, the bound as a line."""
    order = list(dict.fromkeys(one.kind for one in cuts))[::-1]
    for row, kind in enumerate(order):
        own = [one for one in cuts if one.kind == kind]
        for place, one in enumerate(own):
            y = row + 0.5 * ((place + 0.5) / len(own) - 0.5)
            axes.scatter(one.stretch, y, s=14, color=ACCENT, zorder=3)
            bound = bounds[one.subject]
            axes.plot((bound, one.stretch), (y, y), color=OTHER, linewidth=1, zorder=2)
            axes.plot((bound, bound), (y - 0.06, y + 0.06), color=INK, linewidth=1.2, zorder=2)
    axes.set_xscale("log")
    _plain(axes.xaxis)
    axes.set_yticks(range(len(order)), order)
    axes.set_title(f"Makespan of {OURS} by graph", loc="left", fontweight="bold")
    axes.set_xlabel("over the critical path; bar: what no split goes below")
    _tidy(axes)


def _mean(values: Sequence[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, values)))


def _plain(axis: Any) -> None:
    """Numbers on a logarithmic axis as they are, not as powers."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter("{x:g}")


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(color=GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
