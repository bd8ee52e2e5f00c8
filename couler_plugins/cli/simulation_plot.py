"""The pictures of `couler simulate`: what each policy saves by the size of the cache, and when each part runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from couler_plugins.cli.outputs import size_text, time_text
from couler_plugins.cli.simulate_split import Comparison
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.simulation.experiment import Experiment
from couler_plugins.simulation.summary import Choice, Row, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, which the colour-blind can tell apart; shapes of markers tell the same."""
MARKERS = "osD^vPX"
ASIDE = 1.03
"""The factor between the places of two policies' intervals, so that none hides another."""
WORK, LAUNCHING, BARRIER, WHOLE = "#0072B2", "#E69F00", "#D9D9D9", "#D55E00"
"""Of the same palette; the launch is hatched as well."""
NAMED = 40
"""Parts of a workflow whose names are written beside their bars."""
BAR, LEAST, MOST = 0.24, 1.6, 14.0
"""Inches: the height of a bar, and those between which that of a panel is."""
INK, FAINT = "#222222", "#767676"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "couler",  # the same file for the same figures
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def check_plot(path: Path) -> None:
    """Makes sure, before the work begins, that a picture can be drawn into this file.

    Raises:
        InvalidInput: it would be neither SVG nor PNG, or matplotlib is not installed.
        EngineError: there is no such folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"'{path}' names neither an .svg nor a .png", hint="give --plot a name such as saved.svg")
    if not path.parent.is_dir():
        raise EngineError(f"cannot write {path}: there is no such folder", hint="choose another file with --plot")
    with restating(ImportError, "--plot needs matplotlib, which is not installed", reason=False, extra="plots"):
        import matplotlib  # noqa: F401 - whether it is there


def draw(experiment: Experiment, summary: Summary, path: Path) -> None:
    """Draws a panel for each kind of edits, a line for each policy, with its 95 % interval over seeds.

    Raises:
        EngineError: the file cannot be written.
    """
    panels = len(summary.choices)
    with figure_in(path, (5.2 * panels + 1.6, 4.2)) as figure:
        axes = figure.subplots(1, panels, squeeze=False, sharey=True)[0]
        for number, (axis, choice) in enumerate(zip(axes, summary.choices, strict=True)):
            rows = [row for row in summary.rows if row.edits == choice.edits]
            _panel(axis, choice, rows, list(experiment.policies))
            if number == 0:
                axis.set_ylabel("time saved (% of the time without a cache)")
        axes[0].set_ylim(*_heights(summary))  # of all panels: they share it
        axes[-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), title="policy", alignment="left")
        names = ", ".join(load.family for load in experiment.workloads[:3])
        more = f" and {len(experiment.workloads) - 3} more" if len(experiment.workloads) > 3 else ""
        seeds = "" if experiment.seeds == 1 else f" × {experiment.seeds} seeds, with 95 % intervals"
        figure.suptitle(f"{names}{more}: {experiment.runs} runs{seeds}", fontsize=11, x=0.02, ha="left")


@contextmanager
def figure_in(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Yields an empty picture, and writes it at the end of the block; the same bytes for the same figures.

    Raises:
        EngineError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metadata: dict[str, Any] = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        with restating(OSError, f"cannot write {path}", EngineError, hint="choose another file with --plot"):
            figure.savefig(path, dpi=160, metadata=metadata)


def _heights(summary: Summary) -> tuple[float, float]:
    """Where the vertical axis begins and ends, in percent: at 0 unless something costs more than no cache at all."""
    lowest = min(row.saved_low for row in summary.rows)
    highest = max(*(choice.unlimited for choice in summary.choices), *(row.saved_high for row in summary.rows))
    return 100 * min(0.0, lowest), 108 * max(highest, 0.05)


def _panel(axis: Any, choice: Choice, rows: Sequence[Row], policies: Sequence[str]) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    for number, policy in enumerate(policies):
        own = sorted((row for row in rows if row.policy == policy), key=lambda row: row.capacity)
        sizes = [row.capacity for row in own]
        color = COLORS[number % len(COLORS)]
        saved = [100 * row.saved for row in own]
        below = [100 * (row.saved - row.saved_low) for row in own]
        above = [100 * (row.saved_high - row.saved) for row in own]
        beside = [size * ASIDE ** (number - (len(policies) - 1) / 2) for size in sizes]
        axis.errorbar(beside, saved, (below, above), fmt="none", ecolor=color, elinewidth=1, capsize=2, alpha=0.6)
        axis.plot(
            sizes,
            saved,
            color=color,
            marker=MARKERS[number % len(MARKERS)],
            markersize=5,
            linewidth=1.8,
            linestyle="-" if number < len(COLORS) else "--",
            label=policy,
            zorder=3,
        )
    limit = 100 * choice.unlimited
    axis.axhline(limit, color=FAINT, linestyle=(0, (4, 3)), linewidth=1)
    label = f"without a limit ({size_text(choice.unlimited_bytes)})"
    axis.annotate(
        label, (0, limit), (3, 3), xycoords=("axes fraction", "data"), textcoords="offset points", color=FAINT
    )
    capacities = sorted({row.capacity for row in rows})
    if capacities[0] > 0:
        axis.set_xscale("log")
    axis.set_xticks(capacities)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: size_text(size)))
    axis.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_xlabel("size of the cache")
    axis.set_title(
        f"edits: {choice.edits} ({time_text(choice.seconds)} without a cache)", fontsize=10, loc="left", color=INK
    )


def draw_parts(comparisons: Sequence[Comparison], path: Path) -> None:
    """Draws a panel for each workflow, in it a bar for each part, in the order in which they start.

    Raises:
        EngineError: the file cannot be written.
    """
    heights = [min(MOST, max(LEAST, BAR * len(one.after.parts))) + 0.9 for one in comparisons]
    with figure_in(path, (9.5, sum(heights) + 0.5)) as figure:
        axes = figure.subplots(len(comparisons), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axis, one in zip(axes, comparisons, strict=True):
            _part_panel(axis, one)
        # Past the axes' own box: no bar can be under it.
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=5, frameon=False)


def _part_panel(axis: Any, one: Comparison) -> None:
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
