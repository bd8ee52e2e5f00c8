"""What order without data costs the workflows of others, and what `parallelize` makes of it where steps are declared.

python -m benchmarks.parallelize --traces ../shared/corpus/field --json parallelize.json

Each folder in `--traces` is the root of a repository. Its owner's own settings are not read. Once a row declares all
steps pure, and once nobody declares anything. Each step counts as one second; a step that calls a graph counts as long
as that takes.

Figures, under `engines` by engine and over all:

graphs              graphs of at least two steps
ordered             of these, those in which a step waits for another
by_data             of these, those that would be shorter by data alone, whatever speaks against it
shortened           graphs that are shorter with all steps declared
stages              of these, those whose stages have become needs
makespan_ratio      their time over what it was: the geometric mean
pairs_crossed       pairs of steps of which one is in nobody's declaration, and that are not in their order any more
never_longer        whether no graph takes longer than before
changed_undeclared  graphs that change although nobody declares anything
refused             graphs whose order stays although they would be shorter by data alone, by reason
refused_files       files that cannot be written after it
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, NamedTuple

from benchmarks.harness import finish, parser, tell
from couler_plugins.driver.results import Result
from couler_plugins.driver.session import optimize_inputs, read_workflows, session
from couler_plugins.ir import Graph, GraphView, Workflow, callables, callee_of
from couler_plugins.ir.walk import written_inline
from couler_plugins.options.config import Config
from couler_plugins.options.rows import Row
from couler_plugins.ordering.order import Order, order_of, reduce_order, relax_order, time_order
from couler_plugins.plugins import load_plugins

QUICK = 20
"""Files of a repository that are looked at with --quick."""
ALL = (Row("the benchmark", {"task": tuple(f"*{letter}*" for letter in ascii_letters + digits)}, {"pure": True}),)
"""A row that names all steps; patterns of wildcards alone would count as broad."""


class Measured(NamedTuple):
    """One graph.

    Attributes:
        engine: whose it is.
        label: its file and name.
        before, after: how long it takes, in steps.
        by_data: how long it would take by data alone.
        unstaged: whether it had stages, and has none any more.
        waits: whether a step in it waits for another.
    """

    engine: str
    label: str
    before: float
    after: float
    by_data: float
    unstaged: bool
    waits: bool


def main() -> None:
    options = parser(__doc__ or "", "a folder of repositories, each a folder").parse_args()
    if options.traces is None:
        raise SystemExit("this benchmark measures on repositories of others: say where they are by --traces FOLDER")
    measured: list[Measured] = []
    undeclared: Counter[str] = Counter()
    refusals: dict[str, Counter[str]] = {}
    failures: list[str] = []
    for folder in sorted(path for path in options.traces.iterdir() if path.is_dir()):
        tell(folder.name)
        for rows in (ALL, ()):
            result, files = optimized(folder, {"cache": rows} if rows else {}, quick=options.quick)
            failures += files
            graphs = list(graphs_of(result))
            if not rows:
                undeclared.update(item.engine for item in graphs if item.after != item.before or item.unstaged)
                continue
            measured += graphs
            for engine, reason in reasons_of(result):
                refusals.setdefault(engine, Counter())[reason] += 1
    engines = {
        engine: figures_of([item for item in measured if item.engine == engine], undeclared[engine])
        | {"refused": dict(sorted(refusals.get(engine, Counter()).items()))}
        for engine in sorted({item.engine for item in measured})
    }
    figures = figures_of(measured, sum(undeclared.values())) | {"engines": engines, "refused_files": failures}
    bars = {f"{engine}: time left": item["makespan_ratio"] for engine, item in engines.items()}
    finish(options, figures, bars, dict.fromkeys(bars, 1.0))


def optimized(folder: Path, rows: dict[str, tuple[Row, ...]], *, quick: bool) -> tuple[Result, list[str]]:
    """Return what `parallelize` makes of a repository, and the files of which it cannot write what it has made."""
    config = Config(rows=rows)
    work = session(config, load_plugins(config))
    inputs, _ = read_workflows(folder, config, work)
    result = optimize_inputs(inputs[:QUICK] if quick else inputs, "parallelize", work)
    plain = optimize_inputs(inputs[:QUICK] if quick else inputs, (), session(Config(), load_plugins(Config())))
    refused = [file.name for file in plain.files if file.error is not None]
    return result, [f"{file.name}: {file.error}" for file in result.files if file.error and file.name not in refused]


def graphs_of(result: Result) -> Iterator[Measured]:
    """Yield the graphs of a call with at least two steps, as they were and as they are."""
    for trace in result.workflow_versions:
        old, new = trace.versions[0], trace.versions[-1]
        if old is None or new is None:
            continue
        graphs = {graph.name: graph for graph in new.graphs}
        lengths = lengths_of(old)
        before, after = timed(old, lengths), timed(new, lengths)
        for graph in old.graphs:
            if graph.name in before and len(graph.steps) > 1:
                order = order_of(GraphView(graph, written_inline(callables(old))))
                every = (1 << len(order.names)) - 1
                loose = relax_order(order, every, [every] * len(order.names), [0] * len(order.names))
                reduced = reduce_order(loose, 10**9)
                by_data = time_order(
                    reduced[0] if reduced else [], None, times_of(old, graph, order, lengths), None
                ).makespan
                unstaged = graph.stages is not None and graphs[graph.name].stages is None
                yield Measured(
                    old.engine,
                    f"{old.label}/{graph.name}",
                    before[graph.name],
                    after[graph.name],
                    by_data,
                    unstaged,
                    any(order.before),
                )


def lengths_of(workflow: Workflow) -> dict[str, float]:
    """Return how long each graph takes; one that calls itself takes as long as a step there."""
    by_name = callables(workflow)
    lengths: dict[str, float] = {}

    def length(graph: Graph, around: tuple[str, ...]) -> None:
        for callee in (callee_of(step, by_name) for step in graph.steps):
            if isinstance(callee, Graph) and callee.name not in (*around, *lengths):
                length(callee, (*around, callee.name))
        if (seconds := timed(workflow, lengths, graph.name).get(graph.name)) is not None:
            lengths[graph.name] = seconds

    for graph in workflow.graphs:
        if graph.name not in lengths:
            length(graph, (graph.name,))
    return lengths


def timed(workflow: Workflow, lengths: dict[str, float], name: str = "") -> dict[str, float]:
    """Return how long the graphs of a workflow, or one of them, take with these lengths of what they call."""
    inline = written_inline(callables(workflow))
    views = [GraphView(graph, inline) for graph in workflow.graphs if name in ("", graph.name)]
    seconds: dict[str, float] = {}
    for view in views:
        if not view.cycle():
            order = order_of(view)
            times = times_of(workflow, view.graph, order, lengths)
            seconds[view.graph.name] = time_order(order.parents, order.stages, times, None).makespan
    return seconds


def times_of(workflow: Workflow, graph: Graph, order: Order, lengths: dict[str, float]) -> list[float]:
    """Return how long the steps of a graph take."""
    calls = {step.name: getattr(step.call, "name", "") for step in graph.steps}
    graphs = {item.name for item in workflow.graphs}
    return [lengths.get(calls[name], 1.0) if calls[name] in graphs else 1.0 for name in order.names]


def reasons_of(result: Result) -> Iterator[tuple[str, str]]:
    """Yield the reasons why order stays, names left out, each once a graph."""
    engines = {
        trace.versions[0].label: trace.versions[0].engine for trace in result.workflow_versions if trace.versions[0]
    }
    seen = set()
    for file in result.files:
        for item in file.decisions:
            if not item.action:
                graph = item.subject.partition("/")[0] if item.figures == () else item.subject
                reason = re.sub(r"'[^']*'", "…", item.reason.partition(": ")[2])
                if (key := (file.name, item.workflow, graph, reason)) not in seen:
                    seen.add(key)
                    yield engines.get(item.workflow, ""), reason


def figures_of(measured: list[Measured], undeclared: int) -> dict[str, Any]:
    """Return the figures of some graphs."""
    shorter = [item for item in measured if item.after < item.before]
    logs = [math.log(item.after / item.before) for item in shorter]
    return {
        "graphs": len(measured),
        "ordered": sum(item.waits for item in measured),
        "by_data": sum(item.by_data < item.before for item in measured),
        "shortened": len(shorter),
        "stages": sum(item.unstaged for item in measured),
        "makespan_ratio": round(math.exp(sum(logs) / len(logs)), 4) if logs else 1.0,
        "never_longer": all(item.after <= item.before for item in measured),
        "changed_undeclared": undeclared,
    }


if __name__ == "__main__":
    main()
