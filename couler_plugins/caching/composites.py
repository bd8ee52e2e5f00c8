"""Graphs that a step calls, as one: they are never cached as a whole, but what they make may have a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from couler_plugins.caching.impurity_patterns import impure_expression
from couler_plugins.caching.keys import digest, spec_hash
from couler_plugins.caching.rules import reference_kind, uncertain
from couler_plugins.caching.upstream import Found, Repeats, handed_by_value, label_of
from couler_plugins.caching.verdicts import Facts, Lineage, Scope, Verdict, outline
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Argument, Call, Graph, Operation, Output, Reference, Step, references

GLOBAL = "parameter"
"""The kind of reference that means the same in every graph of a run."""


def inner_scope(
    step: Step,
    upstream: Found,
    scope: Scope,
    verdicts: Mapping[str, Verdict],
    items: int | None,
    *,
    identified: bool = False,
    by_content: bool = False,
    repeats: Repeats = lambda reference: False,
) -> Scope:
    """The scope of the graph that a step calls.

    Args:
        step: the call.
        upstream: what is before it in its own graph.
        scope: what is before that graph.
        verdicts: what was found about the steps of that graph so far.
        items: how often the step runs for its loop; None where only the run knows.
        identified: whether the engine tells artifacts from one another by itself, as it does values.
        by_content: whether keys may cover the contents of artifacts.
        repeats: see `handed_by_value`.
    """
    runs = None if items is None or scope.runs is None else items * scope.runs
    if upstream.objection is not None:
        return Scope(blocked=upstream.objection, runs=runs)
    before = upstream.untold if identified else upstream.producers
    ordered = tuple(producer for producer in before if not producer.artifact)
    if any(leaf.to != GLOBAL for producer in ordered for leaf in producer.lineage.leaves):
        reason = f"what runs before {step.name!r} cannot be named inside of its graph"
        return Scope(blocked=Objection("unknown-producer", reason), runs=runs)
    ports = [label_of(item.kind, item.name) for item in step.arguments]
    carried = {
        port: handed_by_value(step, port, identified=identified or by_content, repeats=repeats) for port in ports
    }
    unknown = {
        repr(name): frozenset(port for port, handed in carried.items() if name in handed.steps) for name in upstream.cut
    }
    for label in upstream.cut_outside:
        inputs = scope.unknown[label]
        unknown[label] = frozenset(port for port, handed in carried.items() if handed.inputs & inputs)
    artifacts = {item.name: _handed(item, scope, verdicts) for item in step.arguments if item.kind == "artifact"}
    return Scope(unknown=unknown, producers=ordered, artifacts=artifacts, runs=runs)


def _handed(argument: Argument, scope: Scope, verdicts: Mapping[str, Verdict]) -> Lineage | None:
    """The lineage of an artifact that a call hands into a graph, if it means the same in there."""
    source = argument.value
    if not isinstance(source, Reference):
        return None
    if source.to == "input":
        return scope.artifacts.get(source.name)
    lineage = verdicts[source.step].lineage if source.step in verdicts else None
    if lineage is None or any(leaf.to != GLOBAL for leaf in lineage.leaves):
        return None
    return Lineage(digest(["output", source.name, lineage.digest]), lineage.leaves)


class Composites:
    """Looks at graphs by themselves, whatever they are called with; each once.

    Args:
        by_name: the graphs and operations of the workflow.
        circular: the graphs that are called in circles.
        facts: what holds of the operation that a step of a graph calls.
        verdicts: what is found about the steps of a graph in a scope.
        repeats_inputs: tells which outputs of operations are known before these run.
        writes: tells which operations write at places.
    """

    def __init__(
        self,
        by_name: Mapping[str, Graph | Operation],
        circular: frozenset[str],
        facts: Callable[[Graph, Step, Operation], Facts],
        verdicts: Callable[[Graph, Scope], Mapping[str, Verdict]],
        repeats_inputs: Callable[[Output], bool],
        writes: Callable[[Operation], bool],
    ) -> None:
        self._repeats_inputs, self._writes = repeats_inputs, writes
        self._writing: dict[str, bool] = {}
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
            pure = all(verdicts[step.name].lineage is not None and uncertain(step) is None for step in graph.steps)
            lineages = {name: verdict.lineage for name, verdict in verdicts.items() if verdict.lineage is not None}
            self._specs[graph.name] = _spec(graph, lineages) if pure else None
        return self._specs[graph.name]

    def reads(self, graph: Graph) -> tuple[Reference, ...]:
        """What of the run a graph reads, inside and in all that it calls."""
        reads: dict[Reference, None] = {}
        pending, seen = [graph], set[str]()
        while pending:
            current = pending.pop()
            if current.name in seen:
                continue
            seen.add(current.name)
            reads.update(dict.fromkeys(item for item in references(current) if item.to == GLOBAL))
            for step in current.steps:
                callee = self._callee(step)
                if isinstance(callee, Operation):
                    reads.update(dict.fromkeys(self._facts(current, step, callee).material.reads))
                else:
                    pending.append(callee)
        return tuple(sorted(reads, key=lambda item: (item.to, item.name, item.path)))

    def repeats(self, steps: Mapping[str, Step], reference: Reference) -> bool:
        """Whether an output of one of these steps tells nothing of what its step has done.

        It is no more than what was handed in, or the step has written at a place as well.
        """
        call = steps[reference.step].call if reference.to == "output" and reference.step in steps else None
        callee = self._by_name.get(call.name) if isinstance(call, Call) else None
        if callee is not None and self._writes_places(callee):
            return True
        if callee is None or reference_kind(reference) == "artifact":
            return False
        output = next((one for one in callee.outputs if one.kind == "parameter" and one.name == reference.name), None)
        if output is None or isinstance(callee, Operation):
            return output is not None and self._repeats_inputs(output)
        inside = {step.name: step for step in callee.steps}
        read = list(references(output.value)) if callee.name not in self._circular else []
        return not read or any(item.to == "input" or self.repeats(inside, item) for item in read)

    def _writes_places(self, callee: Graph | Operation) -> bool:
        if callee.name not in self._writing:
            if isinstance(callee, Operation):
                self._writing[callee.name] = self._writes(callee)
            else:
                self._writing[callee.name] = False  # of what is called in circles, each once
                calls = [step.call for step in callee.steps]
                called = [self._by_name.get(call.name) for call in calls if isinstance(call, Call)]
                self._writing[callee.name] = any(self._writes_places(item) for item in called if item is not None)
        return self._writing[callee.name]

    def _callee(self, step: Step) -> Graph | Operation:
        """What a step calls; all that is pure calls something in its own workflow."""
        assert isinstance(step.call, Call)
        return self._by_name[step.call.name]


def _spec(graph: Graph, lineages: Mapping[str, Lineage]) -> str:
    """The spec hash of a graph all of whose steps have a lineage: what they make, and what of that it hands out.

    It names no step and no template, and no order among them counts.
    """
    steps: dict[str, str] = {}

    def identity(reference: Reference) -> Any:
        """What a reference stands for, whatever the step is called that it is to."""
        where = steps.get(reference.step, "") if reference.to == "output" else reference.to
        return [where, reference.kind, reference.name, *reference.path]

    for name, lineage in lineages.items():  # each after those that it reads
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
