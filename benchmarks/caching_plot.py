"""The picture of `benchmarks.caching`: capture by policy with intervals, and how regret is distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.caching_figures import OURS, Interval

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
ACCENT, ACCENT_LIGHT, OTHER, OTHER_LIGHT = "#0f766e", "#5eada5", "#9aa5b1", "#cbd2d9"


def draw(
    path: Path,
    capture: Mapping[str, Interval],
    unseen: Mapping[str, Interval],
    regrets: Mapping[str, Sequence[float]],
    caption: str,
) -> None:
    """Draws two panels into a file; its ending says which format.

    Args:
        path: where to.
        capture: percent, by policy, on the edits that the parameters were set on.
        unseen: the same on edits that they were not set on.
        regrets: percent above the offline optimum of each stream, by policy.
        caption: what was measured, in one line.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11.5, 5.4), width_ratios=(4, 3), layout="constrained")
        _bars(left, capture, unseen)
        _distributions(right, regrets)
        figure.supxlabel(caption, fontsize=8, color=QUIET)
        figure.savefig(path, dpi=160, metadata=_undated(path))
        pyplot.close(figure)


def _bars(axes: Any, capture: Mapping[str, Interval], unseen: Mapping[str, Interval]) -> None:
    order = sorted(capture, key=lambda policy: capture[policy].mean)
    for row, policy in enumerate(order):
        strong, light = (ACCENT, ACCENT_LIGHT) if policy == OURS else (OTHER, OTHER_LIGHT)
        for values, offset, color in ((capture, 0.19, strong), (unseen, -0.19, light)):
            if policy in values:
                _bar(axes, row + offset, values[policy], color)
    axes.set_yticks(range(len(order)), order)
    _emphasise(axes.get_yticklabels(), order)
    axes.set_title("Capture: share of what an unlimited cache saves", loc="left", fontweight="bold")
    axes.set_xlabel("percent; upper bar: replayed edits, lower: unseen ones; line: 95 % interval")
    axes.set_xlim(min([0.0, *(one.low for one in capture.values())]), 104)
    _tidy(axes)


def _bar(axes: Any, y: float, value: Interval, color: str) -> None:
    axes.barh(y, value.mean, height=0.36, color=color, zorder=2)
    axes.plot((value.low, value.high), (y, y), color=INK, linewidth=1, solid_capstyle="butt", zorder=3)
    axes.text(max(value.high, 0) + 1, y, f"{value.mean:.1f}", va="center", fontsize=7.5, color=QUIET)


def _distributions(axes: Any, regrets: Mapping[str, Sequence[float]]) -> None:
    """A row for each policy: every stream as a point, the mean as a line. Logarithmic beyond ten percent."""
    order = sorted(regrets, key=lambda policy: -sum(regrets[policy]) / len(regrets[policy]))
    for row, policy in enumerate(order):
        values = sorted(regrets[policy])
        color = ACCENT if policy == OURS else OTHER
        # A fixed spread around the row, so that equal values stay apart and the picture is the same each time.
        spread = [row + 0.3 * ((place * 0.618) % 1 - 0.5) for place in range(len(values))]
        axes.scatter(values, spread, s=9, color=color, alpha=0.55, linewidths=0, zorder=2)
        mean = sum(values) / len(values)
        axes.plot((mean, mean), (row - 0.32, row + 0.32), color=INK, linewidth=1.8, zorder=3)
        axes.annotate(
            f"{mean:.1f}", (1.0, row), (4, 0), ("axes fraction", "data"), "offset points", va="center", color=QUIET
        )
    axes.set_xscale("symlog", linthresh=10, linscale=1.2)
    ticks = [0, 5, 10, 30, 100, 300, 1000]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlim(-0.5, 1.3 * max([11.0, *(value for values in regrets.values() for value in values)]))
    axes.set_yticks(range(len(order)), order)
    _emphasise(axes.get_yticklabels(), order)
    axes.set_title("Regret: cost above the offline optimum", loc="left", fontweight="bold")
    axes.set_xlabel("percent; a point for each stream; line and number: mean")
    _tidy(axes)


def _emphasise(labels: Sequence[Any], order: Sequence[str]) -> None:
    for label, policy in zip(labels, order, strict=True):
        label.set_color(ACCENT if policy == OURS else INK)
        label.set_fontweight("bold" if policy == OURS else "normal")


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(length=0, colors=INK)
    axes.xaxis.label.set_color(QUIET)
    axes.grid(axis="x", color=GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)


def _undated(path: Path) -> dict[str, Any]:
    """No date in the file, so that the same figures give the same bytes."""
    return {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
