"""Which steps of a graph have to stay together when it is cut into parts, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from couler_plugins.ir.cut import Cut, is_plain
from couler_plugins.ir.ends import EMPTY, is_daemon, may_be_unmet, refuse_steps
from couler_plugins.ir.needs import conjuncts, needed
from couler_plugins.ir.renames import refuse_hidden_references
from couler_plugins.ir.values import Expression, FirstOf, Reference
from couler_plugins.ir.walk import callables, inline_callees, nodes, references
from couler_plugins.ir.workflow import Graph, Operation, Step, Workflow


class Bond(NamedTuple):
    """Steps that stay together.

    Attributes:
        steps: their names, each once.
        reason: why, in half a sentence.
    """

    steps: tuple[str, ...]
    reason: str


def together(groups: Iterable[tuple[Iterable[str], str]]) -> list[Bond]:
    """The bonds of groups of steps with reasons, each once; a step alone has none."""
    bonds = (Bond(tuple(dict.fromkeys(names)), reason) for names, reason in groups)
    return list(dict.fromkeys(bond for bond in bonds if len(bond.steps) > 1))


def bonds(workflow: Workflow, graph_name: str) -> list[Bond]:
    """What holds steps of a graph together.

    `move_into_graphs` can move all steps into any parts that divide no bond and wait for each other in no circle.

    Args:
        workflow: the workflow.
        graph_name: the graph that is to be cut.

    Raises:
        Unsupported: the graph cannot be cut whatever stays together (the message says why).
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    cut = Cut(workflow, graph, {}, by_name)
    inline = {step.name: inline_callees(step, by_name) for step in graph.steps}
    refuse_steps(workflow, graph, graph.steps, inline)
    refuse_hidden_references(workflow, graph, tuple(callee for callees in inline.values() for callee in callees))
    _refuse_outputs(cut)
    return together(
        ((step.name, *names), reason)
        for step in graph.steps
        for names, reason in _holding(cut, step, inline[step.name], by_name)
    )


def _holding(
    cut: Cut, step: Step, inline: tuple[Graph | Operation, ...], by_name: Mapping[str, Graph | Operation]
) -> Iterator[tuple[list[str], str]]:
    """The steps that one has to stay with."""
    for need in conjuncts(step.needs):
        if not is_plain(need):
            yield [part.step for part in needed(need)], f"{step.name!r} depends on how another one ends"
        elif may_be_unmet(need, cut.ends):
            yield [part.step for part in needed(need)], f"{step.name!r} may wait in vain"
    if cut.graph.fail_fast is False:
        yield cut.view.predecessors(step.name), f"a failure in {cut.graph.name!r} stops only what depends on it"
    if is_daemon(step, by_name):
        yield cut.following(step.name), f"they use the daemon {step.name!r}"
    for reference in references((step, inline)):
        if cut.owns(reference.step) and (reason := _clinging(cut, reference)):
            yield [reference.step], reason
    for choice in (node for node in nodes((step, inline)) if isinstance(node, (Expression, FirstOf))):
        read = [name for name in dict.fromkeys(reference.step for reference in references(choice)) if cut.owns(name)]
        yield (
            [name for name in read if _may_be_missing(cut, name)],
            f"an expression of {step.name!r} chooses whether it reads them",
        )


def _clinging(cut: Cut, reference: Reference) -> str:
    """Why what is read of a step cannot leave its graph; empty where it can."""
    if reference.to != "output":
        return f"the {reference.name or 'status'} of {reference.step!r} is read"
    if reference.kind == "artifact" and not reference.name:
        return f"all artifacts of {reference.step!r} are read together"
    if cut.ends[reference.step] - {EMPTY}:
        return f"{reference.step!r} may be skipped, and then has no {reference.name or 'output'}"
    return ""


def _refuse_outputs(cut: Cut) -> None:
    """What the graph hands out has to cross wherever it is cut."""
    for reference in references(cut.graph.outputs):
        if cut.owns(reference.step) and (reason := _clinging(cut, reference)):
            hint = "leave the output out, or let a step that always runs give it"
            raise cut.refusal(f"an output of the graph needs more than a value: {reason}", hint=hint)
    for choice in (node for node in nodes(cut.graph.outputs) if isinstance(node, (Expression, FirstOf))):
        for name in (reference.step for reference in references(choice)):
            if cut.owns(name) and _may_be_missing(cut, name):
                hint = "leave the output out, or let a step that always runs give it"
                raise cut.refusal(f"an output of the graph chooses whether it reads {name!r}", hint=hint)


def _may_be_missing(cut: Cut, name: str) -> bool:
    return bool(cut.ends[name]) or cut.graph.fail_fast is False
