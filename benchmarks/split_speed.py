"""What cutting 100,000 steps costs, beside building that graph in rustworkx from the same lists and sorting it."""

from __future__ import annotations

import rustworkx

from benchmarks.harness import seconds
from benchmarks.split_graphs import generated
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.simple import BandPack

__all__ = ["speed"]

KIND = "layered"


def speed(large: int, seed: int, repeat: int) -> dict[str, float]:
    """CPU seconds, the collector paused, as ratios taken side by side.

    Args:
        large: steps of the graph.
        seed: of the graph.
        repeat: how often the short ones are measured.
    """
    subject = generated(KIND, large, seed)
    dag, budget = subject.dag, subject.budget

    def sort() -> None:
        digraph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()
        digraph.add_nodes_from(dag.names)
        digraph.add_edges_from_no_data([(parent, step) for step, above in enumerate(dag.parents) for parent in above])
        rustworkx.topological_sort(digraph)

    def relabel() -> None:
        # The names the other way round: no edge leads from a smaller number to a larger one.
        last = len(dag) - 1
        parents = [[last - parent for parent in above] for above in reversed(dag.parents)]
        Dag.of(dag.names, parents, dag.seconds)

    small = generated(KIND, large // 10, seed).dag
    sorting = seconds(sort, repeat)
    core = seconds(lambda: BandPack().split(dag, budget), repeat)
    return {
        "core_ratio": core / sorting,
        "portfolio_ratio": seconds(lambda: CriticalPath().split(dag, budget), 1) / sorting,
        "relabel_ratio": seconds(relabel, repeat) / sorting,
        "core_per_step_growth": core / 10 / seconds(lambda: BandPack().split(small, budget), repeat),
        "sort_seconds": sorting,
    }
