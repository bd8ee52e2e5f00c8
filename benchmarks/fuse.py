"""What `fuse` saves: pods of workflows that others wrote, and time of runs that others recorded.

python -m benchmarks.fuse --traces ../shared/corpus/field --executions ../shared/corpus/traces --json fuse.json

Each folder in `--traces` is the root of a repository. Pipelines in folders of tests and of archives are left out. A pod
is a step that calls an operation, or something in no file. Everything is asked three times: as the files are
(`strict`), with every step declared idempotent and all words said of it (`declared`), and with an engine that runs
anything in one pod (`bound`, which is what the rules for all engines alone would save, as declared).

Figures, of all repositories, and for each engine and each repository:

pods_before      steps with a pod of their own
pods_saved       fewer pods than before, for each of strict, declared and bound
share_saved      the same, as a share of the pods before
chains           how many chains become one pod
refused          links of chains that do not, by rule; a link may have several
left_over        each link that is not fused as declared, with the reasons

And over the recorded runs, without a limit of pods and with half as many at a time as could run at most:

makespan_worse   simulated runs that end later than before; has to be 0
makespan_gain    how many times as long as now the runs took before, as a geometric mean, by seconds of overhead
makespan_chains  chains in these runs
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace as with_fields
from pathlib import Path
from typing import Any

from benchmarks.harness import finish, parser, tell
from benchmarks.split_graphs import KINDS, SHARED, generated
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.session import lift_each, read_workflows, session
from couler_plugins.engine_kit.wiring import wire
from couler_plugins.errors import InvalidInput
from couler_plugins.fusion.application import Fuser
from couler_plugins.fusion.chains import Chains, Cut, Site
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.fusion.rules import WORDS, Say
from couler_plugins.hookspecs.fusing import Chain, Fused, Fusing, Member, Refusal
from couler_plugins.ir import (
    Call,
    Graph,
    GraphView,
    Literal,
    Need,
    Operation,
    Output,
    PortKind,
    SettableStep,
    Workflow,
    all_of,
    leaf_call_sites,
)
from couler_plugins.ir.merging import Surroundings
from couler_plugins.options.config import load_config
from couler_plugins.options.rows import Row
from couler_plugins.plan import Plan
from couler_plugins.runs.wfformat import read_wfformat
from couler_plugins.simulation.schedule import schedule

ASIDE = frozenset({"test", "tests", "archived-tasks", "archive"})
"""Folders whose pipelines nobody runs in production."""
ENGINES = ("argo", "tekton")
COUNTED = (*ENGINES, "kfp")
"""The engines with figures of their own; those of all repositories together are of `ENGINES`."""
OVERHEADS = (2.0, 5.0, 8.0, 15.0, 30.0)
WAYS = ("strict", "declared", "bound")
SHARE = 0.1
"""What is to be saved of all pods."""
EVERYTHING = Row("benchmark", {"step": ("*", "*/*")}, {"idempotent": True, "allow": list(WORDS)})
Dag = tuple[Sequence[str], Sequence[Sequence[int]], Sequence[float]]
"""The names of tasks, the positions of those that each waits for, and the seconds of each."""


class AnyPod:
    """An engine that runs anything in one pod."""

    keeps_timeouts = False

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        return ()

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        return ()

    def fuse(self, chain: Chain) -> Fused:
        ports = wire(chain.members)
        outputs = {place: (place[1], f"{place[0]}-{place[2]}") for place in chain.read} | dict(ports.outputs)
        own = dict.fromkeys(Output(name=name, kind=_port(kind)) for kind, name in outputs.values())
        pod = Operation(name=chain.name, kind="pod", inputs=ports.inputs, outputs=tuple(own))
        return Fused(pod, ports.arguments, outputs, "", "")

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        return ()


def _port(kind: str) -> PortKind:
    return "artifact" if kind == "artifact" else "parameter"


def main() -> None:
    flags = parser(__doc__ or "", "a folder of repositories, each a folder")
    flags.add_argument("--executions", type=Path, default=SHARED / "corpus" / "traces", help="runs in WfFormat")
    options = flags.parse_args()
    if options.traces is None:
        flags.error("--traces is needed: the repositories of others are no part of this one")
    parts: dict[str, list[dict[str, Any]]] = {}
    for folder in sorted(path for path in options.traces.iterdir() if path.is_dir()):
        tell(folder.name)
        for engine, figures in figures_of(folder):
            parts.setdefault(engine, []).append(figures)
            parts.setdefault(folder.name, []).append(figures)
    everything = [figures for engine in ENGINES for figures in parts.get(engine, ())]
    figures = total_of(everything) | {
        "by_engine": {name: total_of(some) for name, some in parts.items() if name in COUNTED},
        "by_repository": {name: total_of(some) for name, some in parts.items() if name not in COUNTED},
        **makespans(list(executions(options.executions, quick=options.quick))),
    }
    bars = {f"share of pods saved, {way}": figures["share_saved"][way] for way in WAYS}
    finish(options, figures, bars, dict.fromkeys(bars, SHARE))


def figures_of(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The figures of one repository, by engine."""
    config = load_config(start=folder)
    work = session(config)
    inputs, _ = read_workflows(folder, config, work)
    production = [item for item in inputs if not ASIDE.intersection(Path(item.relative).parts[:-1])]
    for plan in lift_each(inputs, work, lambda item, error: None):
        engine = plan.workflows[0].engine if plan.workflows else ""
        if engine not in COUNTED:
            continue
        names = {item.name for item in production}
        chosen = [one for one in plan.workflows if one.source and plan.bundle.file_of(int(one.source[0])).name in names]
        pods = sum(site.graph is not None for one in chosen for site in leaf_call_sites(one))
        adapter = work.plugins.adapter(engine)
        facets: dict[str, Any] = dict.fromkeys(WAYS[:2], lambda one, plan=plan, own=adapter: own.fusing(one, plan))
        figures: dict[str, Any] = {"pods_before": pods, "workflows": len(chosen)}
        for way in WAYS:
            rows = {} if way == "strict" else {"fuse": [EVERYTHING]}
            ctx = RunContext(work.plugins, rows=rows)
            figures[way] = saved(plan, chosen, facets.get(way, lambda one: AnyPod()), ctx)
        yield engine, figures


def saved(plan: Plan, workflows: Sequence[Workflow], facet_of: Any, ctx: RunContext) -> dict[str, Any]:
    """What one way of asking comes to."""
    chains, pods, links, cuts = 0, 0, Counter[str](), list[tuple[Workflow, Graph, Cut]]()
    for workflow in workflows:
        facet: Fusing | None = facet_of(workflow)
        if facet is None:
            continue
        fuser = Fuser(Fuse(), with_fields(plan, decisions=()), workflow, facet, ctx)
        for graph in workflow.graphs:
            own, refused = fuser.pods(graph)
            chains += len(own)
            pods += sum(len(pod.names) - 1 for pod in own)
            links.update(rule for cut in refused for rule in {refusal.rule for refusal in cut.refusals})
            cuts += [(workflow, graph, cut) for cut in refused]
    cut_links = [
        {
            "link": f"{workflow.label}: {graph.name}: {cut.first} to {cut.second}",
            "reasons": {refusal.rule: refusal.reason for refusal in cut.refusals},
        }
        for workflow, graph, cut in cuts
    ]
    return {"chains": chains, "pods": pods, "refused": dict(links), "left_over": cut_links}


def total_of(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of several repositories or engines together."""
    before = sum(item["pods_before"] for item in parts)
    total: dict[str, Any] = {"pods_before": before, "workflows": sum(item["workflows"] for item in parts)}
    pods = {way: sum(item[way]["pods"] for item in parts) for way in WAYS}
    refused = {way: Counter[str]() for way in WAYS}
    for way in WAYS:
        for item in parts:
            refused[way].update(item[way]["refused"])
    return total | {
        "pods_saved": pods,
        "share_saved": {way: round(count / max(before, 1), 4) for way, count in pods.items()},
        "chains": {way: sum(item[way]["chains"] for item in parts) for way in WAYS},
        "refused": {way: dict(sorted(refused[way].items())) for way in WAYS},
        "left_over": [one for item in parts for one in item["declared"]["left_over"]],
    }


def executions(folder: Path, *, quick: bool) -> Iterator[Dag]:
    """Recorded runs; generated graphs where there are none."""
    paths = sorted(folder.rglob("*.json")) if folder.is_dir() else []
    for path in paths[:3] if quick else paths:
        try:
            steps = read_wfformat(path.read_bytes(), path.name).steps
        except (InvalidInput, OSError) as error:
            tell(f"left out: {path.name}: {error}")
            continue
        yield [one.step for one in steps], [one.parents for one in steps], [one.seconds or 0.0 for one in steps]
    if not paths:
        tell(f"{folder} has no runs: graphs are generated")
        for subject in (generated(kind, 200, 0) for kind in KINDS):
            yield subject.dag.names, subject.dag.parents, subject.dag.seconds


def makespans(runs: Sequence[Dag]) -> dict[str, Any]:
    """How much earlier or later simulated runs end with chains as single pods."""
    worse, chains = 0, 0
    gains: dict[str, list[float]] = {}
    for names, parents, seconds in runs:
        for workers in (None, max(1, widest(parents) // 2)):
            for overhead in OVERHEADS:
                own = chains_of(names, parents, seconds, overhead, workers)
                before = makespan(names, parents, seconds, [], overhead, workers)
                after = makespan(names, parents, seconds, own, overhead, workers)
                worse += after > before * (1 + 1e-9)
                chains += len(own)
                kind = "half" if workers else "free"
                gains.setdefault(f"{kind}, {overhead:g} s", []).append(before / after if after else 1.0)
    return {
        "makespan_runs": len(runs),
        "makespan_worse": worse,
        "makespan_chains": chains,
        "makespan_gain": {
            name: round(math.exp(sum(map(math.log, some)) / len(some)), 4) for name, some in gains.items()
        },
    }


def widest(parents: Sequence[Sequence[int]]) -> int:
    """How many tasks of a run could run at most at a time, by their depth."""
    depths: list[int] = []
    for above in parents:
        depths.append(max((depths[parent] + 1 for parent in above), default=0))
    return max(Counter(depths).values(), default=1)


def chains_of(
    names: Sequence[str],
    parents: Sequence[Sequence[int]],
    seconds: Sequence[float],
    overhead: float,
    workers: int | None,
) -> list[list[str]]:
    """The chains that `fuse` makes of a run, on an engine that runs anything in one pod."""
    steps = tuple(
        SettableStep(name=name, call=Call(name="task"), needs=all_of([Need(step=names[one]) for one in above]))
        for name, above in zip(names, parents, strict=True)
    )
    graph = Graph(name="run", steps=steps, parallelism=None if workers is None else Literal(value=workers))
    task = Operation(name="task", kind="container")
    times = dict(zip(names, seconds, strict=True))
    sites = {step.name: Site(step, task, None, Say(), frozenset(), times[step.name]) for step in steps}
    search = Chains(
        Fuse(overhead=overhead), Surroundings(GraphView(graph)), AnyPod(), sites.__getitem__, lambda name: True
    )
    return [[member.step.name for member in members] for members in search.find()[0]]


def makespan(
    names: Sequence[str],
    parents: Sequence[Sequence[int]],
    seconds: Sequence[float],
    chains: Sequence[Sequence[str]],
    overhead: float,
    workers: int | None,
) -> float:
    """How long a run takes: counted here once more, since `fuse` chooses by its own count."""
    place = {name: number for number, name in enumerate(names)}
    head = {place[name]: place[chain[0]] for chain in chains for name in chain}
    kept = [number for number in range(len(names)) if head.get(number, number) == number]
    number_of = {old: new for new, old in enumerate(kept)}
    work = [0.0] * len(kept)
    for number, took in enumerate(seconds):
        work[number_of[head.get(number, number)]] += took
    above = [sorted({number_of[head.get(one, one)] for one in parents[number]}) for number in kept]
    return schedule(work, above, launch=overhead, workers=workers).makespan


if __name__ == "__main__":
    main()
