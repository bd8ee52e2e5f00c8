"""Drawn workflows whose graphs call each other, several of them from several places, resumed wherever they fail."""

from __future__ import annotations

from random import Random

from couler_plugins.ir import AnyOf, Graph, Literal, Need, Needs, Output, Port, Step, Workflow, all_of
from ir.small import given, out, passing, step, workflow
from resuming.points import point

OUTCOMES = [
    ("succeeded",),
    ("succeeded",),
    ("succeeded", "skipped"),
    ("failed",),
    ("omitted",),
    ("succeeded", "failed"),
]


def drawn(random: Random) -> Workflow:
    """Graphs of up to four levels; each calls operations and those below it."""
    graphs: list[Graph] = []
    below: list[str] = []
    for level in range(random.randint(1, 4), -1, -1):
        names = [f"g{level}{number}" for number in range(random.randint(1, 2))] if level else ["main"]
        graphs += [_graph(random, name, below) for name in names]
        below = [*below, *names]
    return workflow(*reversed(graphs))


def _graph(random: Random, name: str, below: list[str]) -> Graph:
    steps: list[Step] = []
    for number in range(random.randint(2, 4)):
        before = [item.name for item in steps]
        read = random.choice(before) if before and random.random() < 0.7 else ""
        others = [item for item in random.sample(before, min(len(before), random.randint(0, 2))) if item != read]
        needs: list[Needs] = [Need(step=item, outcomes=random.choice(OUTCOMES)) for item in others]
        callee = random.choice(below) if below and random.random() < 0.55 else random.choice(["op", "use"])
        value = out(read) if read else Literal(value="c") if name == "main" else given("x")
        needs = [AnyOf(needs=tuple(needs))] if len(needs) > 1 and random.random() < 0.2 else needs
        needs += [Need(step=read, outcomes=("succeeded",))] if read else []
        made = step(
            f"s{number}",
            call=callee,
            needs=all_of(needs),
            arguments=() if callee == "op" else passing(x=value),
            tolerates=("failed", "errored") if random.random() < 0.1 else (),
        )
        steps.append(made)
    inputs = () if name == "main" else (Port(name="x"),)
    outputs = (Output(name="y", value=out(random.choice(steps).name)),)
    return Graph(name=name, steps=tuple(steps), inputs=inputs, outputs=outputs)


def test_results_are_those_of_a_whole_run_where_graphs_are_called_from_several_places() -> None:
    resumed = copied = 0
    for seed in range(300):
        flow = drawn(Random(seed))
        for failures in (1, 2, 3):
            if (one := point(flow, failures)) is not None:
                one.check()
                resumed += 1
                copied += sum(graph.name.endswith("-resumed") for graph in one.new.graphs) > 1
    assert resumed > 100
    assert copied > 10  # there, one graph that was copied calls another one
