"""Chains of workflows that others wrote compute the same as one step, judged by the interpreter of the IR.

Each graph is judged alone: what it calls that is no operation with a name stands for an operation of its own.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from adapters.subjects import ARGO, TEKTON, Subject, each_file, lift_file
from couler_plugins.driver.session import lift_each, read_workflows, session
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Operation,
    Output,
    Port,
    Step,
    Workflow,
    callables,
    references,
    replace,
    verify,
)
from couler_plugins.options.config import load_config
from ir.chains import chains_of, merged, unrolled
from ir.interpreter import run
from ir.test_properties import differences
from support import shared

HANDLER = Operation(name="a handler", kind="other")


def alone(whole: Workflow, graph: Graph) -> Workflow:
    """A workflow that runs one graph, whose steps call operations only; what they read is there."""
    by_name = callables(whole)
    read: dict[str, set[tuple[str, str]]] = {}
    for item in references(graph):
        if item.to == "output" and item.name:
            read.setdefault(item.step, set()).add((item.kind, item.name))
    steps, operations = [], {HANDLER.name: HANDLER}
    for step in graph.steps:
        callee = by_name.get(getattr(step.call, "name", ""))
        own = callee if isinstance(callee, Operation) and not callee.inline else None
        outputs = {(port.kind, port.name) for port in own.outputs} if own else set()
        more = sorted(read.get(step.name, set()) - outputs)
        if own is None:
            ports = tuple(Port(name=item.name, kind=item.kind) for item in step.arguments)
            own = Operation(name=f"{step.name} of {graph.name}", kind="other", inputs=ports)
        ports = (*own.outputs, *(Output(name=name, kind=kind) for kind, name in more))  # type: ignore[arg-type]  # kinds of references are plain texts
        own = replace(own, retry=None, timeout=None, native_extra=None, outputs=ports)
        operations[own.name] = own if own.name not in operations else merge(operations[own.name], own)
        hooks = tuple(replace(item, step=Step(name="hook", call=Call(name=HANDLER.name))) for item in step.handlers)
        steps.append(replace(step, call=Call(name=own.name), retry=None, handlers=hooks))
    inputs = {(item.kind, item.name) for item in references(graph) if item.to == "input"}
    inputs |= {(port.kind, port.name) for port in graph.inputs}
    asked = {item.name for item in references((graph, tuple(operations.values()))) if item.to == "parameter"}
    entry = Step(
        name="entry",
        call=Call(name=graph.name),
        arguments=tuple(Argument(name=name, kind=kind, value=Literal(value=name)) for kind, name in sorted(inputs)),  # type: ignore[arg-type]  # as above
    )
    return replace(
        whole,
        entry=entry,
        handlers=(),
        parameters=tuple(Port(name=name) for name in sorted(asked)),
        graphs=(replace(graph, steps=tuple(steps), retry=None, targets=()),),
        operations=tuple(operations.values()),
    )


def merge(one: Operation, other: Operation) -> Operation:
    """An operation with the outputs of both."""
    ports = {(port.kind, port.name): port for port in (*one.outputs, *other.outputs)}
    return replace(one, outputs=tuple(ports.values()))


def judge(whole: Workflow, counts: Counter[str]) -> None:
    """Compare each graph with chains with what becomes of it."""
    for graph in whole.graphs:
        if graph.inline or len({step.name for step in graph.steps}) < 2:
            continue
        small = alone(whole, graph)
        own = small.graphs[0]
        chains = [chain for chain in chains_of(small, own) if len(chain) > 1]
        if not chains or verify(small):  # Argo does not take a graph that waits for what is not there
            continue
        try:
            after = merged(small, own, chains)
        except Unsupported:
            counts["refused"] += 1
            continue
        assert differences(small, unrolled(small, own, chains, after), own.fail_fast is not False) == []
        counts["chains"] += len(chains)
        counts[run(small).outcome] += 1


@pytest.mark.parametrize(("subject", "path"), each_file([ARGO, TEKTON]))
def test_chains_of_examples_compute_the_same(subject: Subject, path: Path) -> None:
    counts: Counter[str] = Counter()
    for whole in lift_file(subject, path).workflows:
        judge(whole, counts)


@pytest.mark.parametrize(
    "name", ["Cray-HPE__docs-csm", "ClimateImpactLab__downscaleCMIP6", "DiamondLightSource__workflows"]
)
def test_chains_of_repositories_compute_the_same(name: str) -> None:
    folder = shared("corpus", "field", name)
    config = load_config(start=folder)
    work = session(config)
    inputs, _ = read_workflows(folder, config, work)
    counts: Counter[str] = Counter()
    for plan in lift_each(inputs, work, lambda item, error: None):
        for whole in plan.workflows:
            judge(whole, counts)
    assert counts["chains"] > 5, counts
    assert counts["succeeded"] > 5, counts
