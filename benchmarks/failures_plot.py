"""The picture of `benchmarks.failures`: completion by the number of steps, and what other retries repeat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

INK, QUIET, GRID = "#1f2933", "#616e7c", "#e4e7eb"
ACCENT, OTHER, BOUND, WRONG = "#0f766e", "#9aa5b1", "#d9dee3", "#c53030"
LINES = {
    "completion_bound": ("bound", "#52606d", "--"),
    "completion_with": ("guard", ACCENT, "-"),
    "completion_without": ("without retries", OTHER, "-"),
}
BARS = {
    "completion_bound": "bound",
    "retries_3": "3 retries of everything",
    "completion_with": "guard",
    "on_failure": "3 retries, OnFailure",
    "retries_3_idempotent": "3 retries of idempotent steps",
    "on_error": "3 retries, OnError",
    "on_transient_error": "3 retries, OnTransientError",
    "completion_without": "without retries",
}
"""Figures and what they are called, from the top."""


def draw(path: Path, figures: Mapping[str, Any]) -> None:
    """Draws two panels into a file; its ending says which format."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    style: Any = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "couler"}
    with pyplot.rc_context(style):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11.5, 4.4), layout="constrained")
        _by_steps(left, figures["steps"])
        _strategies(right, figures)
        caption = f"{figures['runs']:,} runs of {figures['workflows']:,} workflows, half of whose steps are idempotent"
        figure.supxlabel(caption, fontsize=8, color=QUIET)
        figure.savefig(
            path, dpi=160, metadata={".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        )
        pyplot.close(figure)


def _by_steps(axes: Any, steps: Mapping[str, Mapping[str, float]]) -> None:
    for key, (name, color, line) in LINES.items():
        values = [own[key] for own in steps.values()]
        axes.plot(range(len(steps)), values, color=color, linestyle=line, marker="o", markersize=3.5)
        axes.annotate(
            name, (len(steps) - 1, values[-1]), (6, 0), textcoords="offset points", va="center", fontsize=8, color=color
        )
    axes.set_xticks(range(len(steps)), steps, rotation=30)
    axes.set_xlim(-0.3, len(steps) + 0.8)
    axes.set_ylim(0, 1)
    axes.set_xlabel("steps")
    _plain(axes, "share of runs that complete", "y")


def _strategies(axes: Any, figures: Mapping[str, Any]) -> None:
    for row, key in enumerate(reversed(BARS)):
        own = figures["baselines"].get(key, {"completion": figures.get(key)})
        effects, vain = (own.get(figure, 0) for figure in ("effects_repeated", "deterministic_retried"))
        if key == "completion_with":
            effects, vain = figures["effects_repeated"], figures["deterministic_retried"]
        color = {"completion_with": ACCENT, "completion_bound": BOUND}.get(key, OTHER)
        axes.barh(row, own["completion"], height=0.68, color=color, zorder=2)
        note = f"{100 * own['completion']:.0f} %"
        if effects or vain:
            note += f", {effects:,} effects and {vain:,} errors repeated"
        axes.annotate(
            note,
            (own["completion"], row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=WRONG if effects or vain else INK,
        )
    axes.set_yticks(range(len(BARS)), reversed(BARS.values()))
    axes.set_xlim(0, 1.4)
    axes.set_xticks([tick / 5 for tick in range(6)])
    _plain(axes, "share of runs that complete, and what is repeated", "x")


def _plain(axes: Any, title: str, grid: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0, colors=INK)
    axes.grid(axis=grid, color=GRID, linewidth=0.8, zorder=0)
