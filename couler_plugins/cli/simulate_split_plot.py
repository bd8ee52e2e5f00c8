"""The picture of `couler simulate -p`: when each part waits, is launched, and works."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from couler_plugins.cli.simulate_split import Comparison
from couler_plugins.cli.simulation_output import time_text
from couler_plugins.cli.simulation_plot import FAINT, STYLE, save

__all__ = ["draw_parts"]

WORK, LAUNCHING, BARRIER, WHOLE = "#0072B2", "#E69F00", "#D9D9D9", "#D55E00"
"""Of the palette of Okabe and Ito, which the colour-blind can tell apart; the launch is hatched as well."""
NAMED = 40
"""Parts of a workflow whose names are written beside their bars."""
BAR, LEAST, MOST = 0.24, 1.6, 14.0
"""Inches: the height of a bar, and those between which that of a panel is."""


def draw_parts(found: Sequence[Comparison], path: Path) -> None:
    """Draws a panel for each workflow, in it a bar for each part, in the order in which they start.

    Raises:
        EngineError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [min(MOST, max(LEAST, BAR * len(one.after.parts))) + 0.9 for one in found]
    with rc_context(STYLE):
        figure = Figure(figsize=(9.5, sum(heights) + 0.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axis, one in zip(axes, found, strict=True):
            _panel(axis, one)
        # Past the axes' own box: no bar can be under it.
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=5, frameon=False)
        save(figure, path)


def _panel(axis: Any, one: Comparison) -> None:
    parts = one.after.parts
    rows = range(len(parts))

    def bars(widths: Sequence[float], starts: Sequence[float], **look: Any) -> None:
        axis.barh(rows, widths, left=starts, height=0.72, zorder=2, **look)

    bars(
        [part.barrier for part in parts], [part.start - part.barrier for part in parts], color=BARRIER, label="barrier"
    )
    bars(
        [part.launch for part in parts],
        [part.start for part in parts],
        color=LAUNCHING,
        hatch="////",
        edgecolor="white",
        linewidth=0,
        label="launch",
    )
    launched = [part.start + part.launch for part in parts]
    bars(
        [part.end - start for part, start in zip(parts, launched, strict=True)], launched, color=WORK, label="steps run"
    )
    axis.axvline(one.before, color=WHOLE, linestyle=(0, (4, 2)), linewidth=1.4, label="end of the whole, not split")
    axis.axvline(one.after.makespan, color=WORK, linestyle=":", linewidth=1.4, label="end of the parts")
    axis.set_ylim(max(len(parts), 1) - 0.4, -0.6)
    axis.set_xlim(0, 1.02 * max(one.before, one.after.makespan, 1e-9))
    if len(parts) <= NAMED:
        axis.set_yticks(rows, [part.name for part in parts])
    else:
        axis.set_ylabel(f"{len(parts):,} parts, by their start")
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("seconds from the start of the run")
    axis.spines["left"].set_color(FAINT)
    where = "workers without limit" if one.workers is None else f"{one.workers:,} workers"
    title = f"{one.label} on {where}: {time_text(one.after.makespan)}, and {time_text(one.before)} as a whole"
    axis.set_title(title, fontsize=10, loc="left")
