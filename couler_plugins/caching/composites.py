"""Graphs that a step calls, as one: they are never cached as a whole, but what they make may have a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from couler_plugins.caching.expressions import impure_expression
from couler_plugins.caching.keys import digest, spec_hash
from couler_plugins.caching.lineage import outline
from couler_plugins.caching.nesting import GLOBAL
from couler_plugins.caching.rules import uncertain
from couler_plugins.caching.verdicts import Scope
from couler_plugins.hookspecs.verdicts import Facts, Lineage, Verdict
from couler_plugins.ir import Call, Graph, Operation, Reference, Step, references

__all__ = ["Composites"]


class Composites:
    """Looks at graphs by themselves, whatever they are called with; each once.

    Args:
        by_name: the graphs and operations of the workflow.
        circular: the graphs that are called in circles.
        facts: what holds of the operation that a step of a graph calls.
        verdicts: what is found about the steps of a graph in a scope.
    """

    def __init__(
        self,
        by_name: Mapping[str, Graph | Operation],
        circular: frozenset[str],
        facts: Callable[[Graph, Step, Operation], Facts],
        verdicts: Callable[[Graph, Scope], Mapping[str, Verdict]],
    ) -> None:
        self._by_name = by_name
        self._circular = circular
        self._facts = facts
        self._verdicts = verdicts
        self._specs: dict[str, str | None] = {}

    def spec(self, graph: Graph) -> str | None:
        """The spec hash of a graph, if all that it makes is a function of its inputs and the run's parameters."""
        if graph.name in self._circular or graph.memoized is not None or impure_expression(graph) is not None:
            return None
        if graph.name not in self._specs:
            inputs = {port.name: Lineage(digest(["input", port.name])) for port in graph.inputs}
            verdicts = self._verdicts(graph, Scope(artifacts=inputs))
            pure = all(verdicts[step.name].made is not None and uncertain(step) is None for step in graph.steps)
            made = {name: verdict.made for name, verdict in verdicts.items() if verdict.made is not None}
            self._specs[graph.name] = _spec(graph, made) if pure else None
        return self._specs[graph.name]

    def reads(self, graph: Graph) -> tuple[Reference, ...]:
        """What of the run a graph reads, inside and in all that it calls."""
        found: dict[Reference, None] = {}
        pending, seen = [graph], set[str]()
        while pending:
            current = pending.pop()
            if current.name in seen:
                continue
            seen.add(current.name)
            found.update(dict.fromkeys(item for item in references(current) if item.to == GLOBAL))
            for step in current.steps:
                callee = self._callee(step)
                if isinstance(callee, Operation):
                    found.update(dict.fromkeys(self._facts(current, step, callee).material.reads))
                else:
                    pending.append(callee)
        return tuple(sorted(found, key=lambda item: (item.to, item.name, item.path)))

    def _callee(self, step: Step) -> Graph | Operation:
        """What a step calls; all that is pure calls something in its own workflow."""
        assert isinstance(step.call, Call)
        return self._by_name[step.call.name]


def _spec(graph: Graph, made: Mapping[str, Lineage]) -> str:
    """The spec hash of a graph all of whose steps have a lineage: what they make, and what of that it hands out.

    It names no step and no template, and no order among them counts.
    """
    steps: dict[str, str] = {}

    def identity(reference: Reference) -> Any:
        """What a reference stands for, whatever the step is called that it is to."""
        where = steps.get(reference.step, "") if reference.to == "output" else reference.to
        return [where, reference.kind, reference.name, *reference.path]

    for name, lineage in made.items():  # each after those that it reads
        steps[name] = digest(["step", lineage.digest, [identity(leaf) for leaf in lineage.leaves]])
    outputs = sorted(
        [
            output.kind,
            output.name,
            outline((output.value, output.default)),
            [identity(item) for item in references(output)],
        ]
        for output in graph.outputs
    )
    inputs = sorted([port.kind, port.name, outline((port.value, port.default, port.origin))] for port in graph.inputs)
    return spec_hash(["graph", sorted(steps.values()), outputs, inputs])
