"""How well graphs that are too big are cut: all methods beside each other, the paper's included, and lower bounds.

python -m benchmarks.split --suite reach --json split.json --plot split.svg

Graphs are generated (layered, random, series-parallel, fork-join, chain, star; the seeds follow from `--seed` alone;
durations are log-normal, median 30 s) and the traces of the corpus, or those of `--traces DIR`, that do not fit into
one part. The budget is 200 steps and 150 kB, starting a part takes 10 s. Graphs of 100 steps are cut under a tenth of
that budget, and only looked at for what is wrong; ratios are geometric means over those of about 1,000 to 10,000 steps.

Figures, each by method:

cyclic               graphs whose parts wait for each other; for `paper` before its cycles are merged
over_budget          graphs with a part over the budget
parts_ratio          parts over the fewest possible
stretch              makespan over the critical path of the graph whole
stretch_no_launch    the same where starting a part takes no time
bound_ratio          makespan over a bound that no split goes below; with ten times the effort up to 1,000 steps only
cut_share            edges between parts, of all edges: the arithmetic mean
…_long, …_traces     the same for graphs whose critical path takes more than a minute, and for traces
optimum_ratio        value over the exact optimum of small graphs; `optimum_ratio_max` the worst
core_ratio           CPU time of the near-linear core (`bandpack`) at 100,000 steps, over rustworkx' for building that
                     graph and sorting it; `portfolio_ratio` that of the whole search
large                stretch, parts and cut of each kind at 100,000 steps
stability            `unchanged_min` and `unchanged_mean`: after one edit of 2,000 steps, the share of steps in parts of
                     which nothing changed, by edit; `ratio_after_many`: after 100 edits, the makespan over that of a
                     fresh split, by kind of graph
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.harness import in_parallel, parser, report, tell
from benchmarks.split_graphs import BUDGET, KINDS, Subject, generated, traces
from benchmarks.split_methods import FEW_PARTS, LAUNCH, LONG, METHODS, OURS, Cut, bound, cut
from benchmarks.split_plot import draw
from benchmarks.split_small import optimum_ratios, small_graphs
from benchmarks.split_speed import speed
from benchmarks.split_stability import edited, stability

MINUTE = 60.0

Graph = Subject | tuple[str, int, int]
"""A trace, or the kind, the steps and the seed of what is generated."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        tiny: steps of graphs that are only looked at for what is wrong.
        steps: of generated graphs.
        large: steps of those that are reported by themselves, if any.
        long: steps up to which the search of ten times the effort is among the methods.
        small: graphs whose exact optimum is found.
        edited: steps of graphs that are edited.
        edits: how often one is edited.
    """

    tiny: int
    steps: tuple[int, ...]
    large: int | None
    long: int
    small: int
    edited: int
    edits: int


FULL = Size(tiny=100, steps=(1_000, 3_000, 10_000), large=100_000, long=1_000, small=16, edited=2_000, edits=100)
QUICK = Size(tiny=100, steps=(1_000,), large=None, long=0, small=4, edited=500, edits=10)
SPEED = 100_000
"""Steps of the graph on which speed is measured."""


@dataclass(frozen=True)
class Job:
    """A graph, by its trace or by what it is generated from, a method, and what starting a part costs."""

    graph: Graph
    method: str
    launch: float = LAUNCH

    def __call__(self) -> Cut:
        return cut(_subject(self.graph), self.method, self.launch)

    @property
    def cost(self) -> float:
        return _steps(self.graph) * {LONG: 300, OURS: 30, FEW_PARTS: 30}.get(self.method, 1)


@dataclass(frozen=True)
class Least:
    """A graph of which the bound is wanted."""

    graph: Graph

    def __call__(self) -> tuple[str, float]:
        subject = _subject(self.graph)
        return subject.name, bound(subject, LAUNCH)

    @property
    def cost(self) -> float:
        return _steps(self.graph)


def main() -> None:
    flags = parser(__doc__ or "", "a folder of WfFormat traces, instead of our own")
    flags.add_argument("--suite", choices=["reach"], default="reach", help="what to measure")
    options = flags.parse_args()
    size = QUICK if options.quick else FULL
    seed = options.seed
    graphs: list[Graph] = [*traces(options.traces), *((kind, count, seed) for kind in KINDS for count in size.steps)]
    methods = [method for method in METHODS if method != LONG]
    changes = edited(size.edited, size.edits, seed)
    tell("measuring speed")
    times = speed(SPEED, seed, 2 if options.quick else 5)
    found = in_parallel(
        {
            "cuts": [Job(graph, method) for graph in graphs for method in methods],
            "long": [Job(graph, LONG) for graph in graphs if _steps(graph) <= size.long],
            "free": [Job(graph, method, 0.0) for graph in graphs for method in methods],
            "large": [Job((kind, size.large, seed), OURS) for kind in KINDS if size.large],
            "tiny": [Job((kind, size.tiny, seed), method) for kind in KINDS for method in methods],
            "bounds": [Least(graph) for graph in graphs],
            "small": small_graphs(size.small, seed),
            "edited": changes,
        }
    )
    cuts, without, bounds = [*found["cuts"], *found["long"]], found["free"], dict(found["bounds"])
    faults = wrong([*cuts, *without, *found["large"], *found["tiny"]])
    figures = {
        **faults,
        **summary(cuts, bounds, ""),
        **summary([one for one in cuts if one.critical_path > MINUTE], bounds, "_long"),
        **summary([one for one in cuts if one.kind == "trace"], bounds, "_traces"),
        "stretch_no_launch": by_method(without, lambda one: one.stretch),
        "stretch_no_launch_long": by_method(
            [one for one in without if one.critical_path > MINUTE], lambda one: one.stretch
        ),
        "large": {one.subject: _row(one) for one in found["large"]},
        "graphs": {one.subject: {**_row(one), "bound": bounds[one.subject]} for one in cuts if one.method == OURS},
        **optimum_ratios(found["small"]),
        "stability": stability(changes, found["edited"]),
        **times,
        "seed": seed,
        "size": asdict(size),
        "budget": asdict(BUDGET),
    }
    report(options, figures)
    if options.plot:
        caption = f"{len(graphs)} graphs of up to {max(size.steps):,} steps; {LAUNCH:g} s to start a part"
        draw(options.plot, cuts, bounds, caption)
    broken = sum(count for name in faults for method, count in faults[name].items() if method != "paper")
    sys.exit(1 if broken else 0)


def wrong(cuts: Sequence[Cut]) -> dict[str, dict[str, int]]:
    """How many splits are none, by method: parts that wait for each other, or that are over the budget."""
    tests: dict[str, Callable[[Cut], bool]] = {
        "cyclic": lambda one: one.cyclic,
        "over_budget": lambda one: one.over > 0,
    }
    methods = list(dict.fromkeys(one.method for one in cuts))
    return {
        name: {method: sum(test(one) for one in cuts if one.method == method) for method in methods}
        for name, test in tests.items()
    }


def summary(cuts: Sequence[Cut], bounds: Mapping[str, float], suffix: str) -> dict[str, Any]:
    """The figures of some cuts, by method."""
    methods = list(dict.fromkeys(one.method for one in cuts))
    figures: dict[str, Any] = {}
    figures[f"parts_ratio{suffix}"] = by_method(cuts, lambda one: one.parts_ratio)
    figures[f"stretch{suffix}"] = by_method(cuts, lambda one: one.stretch)
    figures[f"bound_ratio{suffix}"] = by_method(cuts, lambda one: one.stretch / bounds[one.subject])
    figures[f"cut_share{suffix}"] = {
        method: statistics.fmean(one.cut_share for one in cuts if one.method == method) for method in methods
    }
    return figures


def by_method(cuts: Iterable[Cut], measure: Callable[[Cut], float]) -> dict[str, float]:
    """The geometric mean of a measure, by method."""
    found: dict[str, list[float]] = {}
    for one in cuts:
        found.setdefault(one.method, []).append(math.log(measure(one)))
    return {method: math.exp(statistics.fmean(values)) for method, values in found.items()}


def _subject(graph: Graph) -> Subject:
    return graph if isinstance(graph, Subject) else generated(*graph)


def _steps(graph: Graph) -> int:
    return len(graph.dag) if isinstance(graph, Subject) else graph[1]


def _row(one: Cut) -> dict[str, float]:
    return {"stretch": one.stretch, "parts_ratio": one.parts_ratio, "cut_share": one.cut_share}


if __name__ == "__main__":
    main()
