"""Which call sites of a workflow may be cached, and for each other the rule that forbids it. Linear in its size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from couler_plugins.caching.before import Before, Found, handed_by_value
from couler_plugins.caching.declarations import Declaration, resolve
from couler_plugins.caching.keys import digest, spec_hash
from couler_plugins.caching.lineage import Lineage, Producer, lineage_of_call, lineage_of_producers
from couler_plugins.caching.rules import call_objections, operation_objections, uncertain
from couler_plugins.caching.verdicts import Facts, Scope, Verdict, merge_scopes
from couler_plugins.hookspecs.caching import Caching, Objection
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    GraphView,
    Native,
    Operation,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    recursive,
    references,
    replace,
    to_json,
)

__all__ = ["Analysis"]

UNREACHABLE = Scope(blocked=Objection("unreachable", "nothing calls its graph"))
RECURSIVE = Scope(blocked=Objection("recursion", "it is called in a circle, where a hit could go on for ever"))
HANDLER = Objection("handler", "it runs on an event, for its effect")
KINDS: tuple[Literal["reuse", "storage"], ...] = ("reuse", "storage")
COMPOSITE = Objection("composite", "it calls a graph with a step in it that has no key")
TOO_MANY = Objection("too-many-values", "too many values of the steps before it are only known at run time")
ALL_INPUTS = Objection(
    "argument", "it reads all its inputs as one text, which a lineage would become part of", "storage"
)
GLOBAL = frozenset({"parameter", "run"})
"""What means the same in every graph of a run."""


class Analysis:
    """Looks at every call site of one workflow.

    Args:
        workflow: without anything that caching itself adds.
        facet: what its engine knows.
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
    """

    def __init__(
        self,
        workflow: Workflow,
        facet: Caching,
        *,
        assume_pure: bool = False,
        circular: bool = False,
    ) -> None:
        self.workflow = workflow
        self._facet = facet
        self._assume_pure = assume_pure
        self._by_name = callables(workflow)
        self._circular = frozenset(graph.name for graph in workflow.graphs) if circular else recursive(workflow)
        self._facts: dict[str, Facts] = {}
        self._pure: dict[str, str | None] = {}

    @cached_property
    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """What was found about each call site that calls an operation, by graph and step ("" for those outside)."""
        found: dict[tuple[str, str], Verdict] = {}
        scopes = self._first_scopes(found)
        for graph in self._callers_first():
            scope = scopes.get(graph.name, UNREACHABLE)
            inner, called = self._graph(graph, scope)
            found.update({(graph.name, name): verdict for name, verdict in inner.items()})
            for name, around in called:
                scopes[name] = merge_scopes(scopes[name], around) if name in scopes else around
        return {place: verdict for place, verdict in found.items() if verdict.facts is not None}

    def facts(self, operation: Operation) -> Facts:
        """What holds of an operation wherever it is called."""
        if operation.name not in self._facts:
            read = operation.name in self._results_read
            material = self._facet.material(operation, result=read or bool(self.workflow.library))
            objections = list(operation_objections(operation, material))
            if not operation.outputs and not read:
                objections.append(Objection("no-outputs", "it has no outputs, so it runs for its effect"))
            against = {kind: next((item for item in objections if item.against == kind), None) for kind in KINDS}
            spec = spec_hash(material.content)
            self._facts[operation.name] = Facts(operation, material, spec, against["reuse"], against["storage"])
        return self._facts[operation.name]

    def from_outside(self, operation: Operation, step: Step | None = None) -> Verdict:
        """What holds of a call of which nothing is known but its inputs: the entry's, or one from another workflow."""
        found = Found()
        if any(port.kind == "artifact" and port.origin is None for port in operation.inputs):
            found.objection = Objection("unknown-producer", "its artifacts come from whoever calls it")
        elif self.workflow.name and operation.name in self._in_circle:
            found.objection = RECURSIVE.blocked
        step = step or Step(name="", call=Call(name=operation.name))
        return self._verdict(None, step, operation, found, Scope())

    @cached_property
    def _in_circle(self) -> frozenset[str]:
        """The operations that a recursive graph calls."""
        graphs = [graph for graph in self.workflow.graphs if graph.name in self._circular]
        return frozenset(step.call.name for graph in graphs for step in graph.steps if isinstance(step.call, Call))

    @cached_property
    def _results_read(self) -> frozenset[str]:
        """The operations whose printed result a step or an output reads."""
        read = set()
        for graph in self.workflow.graphs:
            steps = {item.step for item in references(graph) if item.to == "output" and item.kind == "result"}
            read |= {step.call.name for step in graph.steps if step.name in steps and isinstance(step.call, Call)}
        return frozenset(read)

    def _first_scopes(self, found: dict[tuple[str, str], Verdict]) -> dict[str, Scope]:
        """The scopes of what is called from outside of all graphs; puts the verdicts on those calls into `found`."""
        entry = self.workflow.entry
        scopes: dict[str, Scope] = {}
        if self.workflow.library:  # anybody may call what is in it, with artifacts of which we know nothing
            scopes.update((graph.name, Scope()) for graph in self.workflow.graphs)
        scopes.update(dict.fromkeys(self._circular, RECURSIVE))
        handlers = [site.step for site in call_sites(self.workflow) if site.step is not entry]
        in_graphs = {id(step) for graph in self.workflow.graphs for step in graph.steps}
        calls = [(step, Scope(blocked=HANDLER)) for step in handlers if id(step) not in in_graphs]
        calls += [(entry, Scope())] if entry is not None else []
        for step, scope in calls:
            if not isinstance(step.call, Call):
                continue
            callee = self._by_name.get(step.call.name)
            if isinstance(callee, Graph) and callee.name not in self._circular:
                scopes[callee.name] = merge_scopes(scopes[callee.name], scope) if callee.name in scopes else scope
            elif isinstance(callee, Operation) and step is entry:
                found["", step.name] = self.from_outside(callee, step)
        return scopes

    def _callers_first(self) -> Iterable[Graph]:
        """The graphs, each after those that call it; recursive ones anywhere."""
        waiting = {graph.name: 0 for graph in self.workflow.graphs}
        called: dict[str, list[str]] = {}
        for graph in self.workflow.graphs:
            names = [step.call.name for step in graph.steps if isinstance(step.call, Call)]
            called[graph.name] = [name for name in names if name in waiting and name not in self._circular]
            for name in called[graph.name]:
                waiting[name] += 1
        graphs = {graph.name: graph for graph in self.workflow.graphs}
        ready = [name for name, count in waiting.items() if not count]
        for name in ready:
            for callee in called[name]:
                waiting[callee] -= 1
                if not waiting[callee]:
                    ready.append(callee)
        return [graphs[name] for name in dict.fromkeys([*ready, *graphs])]

    def _graph(self, graph: Graph, scope: Scope) -> tuple[dict[str, Verdict], list[tuple[str, Scope]]]:
        """The verdicts on the steps of one graph, and the scopes of the graphs that they call."""
        if graph.inline and scope.blocked is None:
            scope = msgspec.structs.replace(scope, blocked=Objection("inline", "its graph is written at its call site"))
        verdicts: dict[str, Verdict] = {}
        called: list[tuple[str, Scope]] = []
        view = GraphView(graph, {name: item for name, item in self._by_name.items() if item.inline})
        before = Before(graph, view, scope, verdicts)
        steps = {step.name: step for step in graph.steps}
        for name in view.order():
            step = steps[name]
            found = before.look(step)
            own = scope.blocked or next(call_objections(step), None) or self._places(step, found)
            found.objection = own or found.objection
            callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
            if isinstance(callee, Operation):
                verdicts[name] = self._verdict(graph, step, callee, found, scope)
            else:
                verdicts[name] = self._composite(step, callee, found)
                if isinstance(callee, Graph) and callee.name not in self._circular:
                    called.append((callee.name, self._inner_scope(step, found, scope, verdicts)))
        return verdicts, called

    def _places(self, step: Step, found: Found) -> Objection | None:
        """Takes in the artifacts from outside of the workflow that never change; the objection to those that may."""
        for argument in step.arguments:
            if argument.kind == "artifact" and isinstance(argument.value, Native):
                if (objection := self._facet.place_objection(argument)) is not None:
                    return objection
                content = ["".join(str(part) for part in argument.value.parts)]
                found.producers.append(Producer(argument.name, Lineage(digest(["place", content]))))
        return None

    def _verdict(self, graph: Graph | None, step: Step, operation: Operation, found: Found, scope: Scope) -> Verdict:
        facts = self.facts(operation)
        said = resolve(self._facet.declarations(graph, step, operation), assume_pure=self._assume_pure)
        refused = said if isinstance(said, Objection) and said.rule != "not-declared" else None
        objection = refused or facts.objection or found.objection
        made = handed = None
        if objection is None:
            made = lineage_of_call(facts.spec, step, facts.material.reads, found.producers)
            handed = lineage_of_producers(found.producers)
            objection = TOO_MANY if handed is None else facts.storage
            if objection is None and found.producers and _reads_all_inputs(operation):
                objection = ALL_INPUTS
        declarable = objection is None and isinstance(said, Objection)
        items = self._facet.items(step)
        return Verdict(
            objection=said if declarable and isinstance(said, Objection) else objection,
            declarable=declarable,
            made=made if isinstance(said, Declaration) and uncertain(step) is None else None,
            handed=handed.values if found.producers and handed is not None else (),
            facts=facts,
            declared=said.where if isinstance(said, Declaration) else "",
            max_age=said.max_age if isinstance(said, Declaration) else None,
            entries=None if items is None or scope.runs is None else items * scope.runs,
        )

    def _composite(self, step: Step, callee: Graph | None, found: Found) -> Verdict:
        """The verdict on a call of a graph, which is never cached as a whole, but may leave something with a key."""
        known = callee is not None and found.objection is None and uncertain(step) is None
        spec = self._pure_graph(callee) if known and callee is not None else None
        made = None if spec is None else lineage_of_call(spec, step, self._read_by(callee), found.producers)
        return Verdict(objection=found.objection or (COMPOSITE if made is None else None), made=made)

    def _pure_graph(self, graph: Graph) -> str | None:
        """The spec hash of a graph, if all that it makes is a function of its inputs and the run's parameters."""
        if graph.name in self._circular:
            return None
        if graph.name not in self._pure:
            inputs = {port.name: Lineage(digest(["input", port.name])) for port in graph.inputs}
            verdicts, _ = self._graph(graph, Scope(artifacts=inputs))
            keyless = [step for step in graph.steps if verdicts[step.name].made is None and not uncertain(step)]
            conditional = [step for step in graph.steps if uncertain(step)]
            self._pure[graph.name] = None if keyless or conditional else self._graph_spec(graph)
        return self._pure[graph.name]

    def _graph_spec(self, graph: Graph) -> str:
        specs: list[Any] = []
        for step in graph.steps:
            callee = self._by_name[step.call.name if isinstance(step.call, Call) else ""]
            specs.append(self.facts(callee).spec if isinstance(callee, Operation) else self._pure.get(callee.name))
        bare = Workflow(engine="", kind="", graphs=(replace(graph, name="", metrics=None, rest=None),))
        return spec_hash(["graph", to_json(bare).decode(), specs])

    def _read_by(self, graph: Graph | None) -> tuple[Reference, ...]:
        """What of the run a graph reads, inside and in all that it calls."""
        found: dict[Reference, None] = {}
        pending = [graph]
        seen = set()
        while pending:
            current = pending.pop()
            if current is None or current.name in seen:
                continue
            seen.add(current.name)
            found.update(dict.fromkeys(item for item in references(current) if item.to in GLOBAL))
            for step in current.steps:
                callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
                if isinstance(callee, Operation):
                    found.update(dict.fromkeys(self.facts(callee).material.reads))
                else:
                    pending.append(callee)
        return tuple(sorted(found, key=lambda item: (item.to, item.name, item.path)))

    def _inner_scope(self, step: Step, found: Found, scope: Scope, verdicts: Mapping[str, Verdict]) -> Scope:
        """What the graph that a step calls knows of what is before it."""
        items = self._facet.items(step)
        runs = None if items is None or scope.runs is None else items * scope.runs
        if found.objection is not None:
            return Scope(blocked=found.objection, runs=runs)
        ordered = tuple(producer for producer in found.producers if not producer.artifact)
        if any(leaf.to not in GLOBAL for producer in ordered for leaf in producer.lineage.leaves):
            reason = f"what runs before {step.name!r} cannot be named inside of its graph"
            return Scope(blocked=Objection("unknown-producer", reason), runs=runs)
        carried = {item.name: handed_by_value(step, item.name) for item in step.arguments}
        unknown = {
            repr(name): frozenset(port for port, handed in carried.items() if name in handed.steps)
            for name in found.cut
        }
        for label in found.cut_outside:
            inputs = scope.unknown[label]
            unknown[label] = frozenset(port for port, handed in carried.items() if handed.inputs & inputs)
        artifacts = {
            item.name: self._handed_artifact(item, scope, verdicts)
            for item in step.arguments
            if item.kind == "artifact"
        }
        return Scope(unknown=unknown, producers=ordered, artifacts=artifacts, runs=runs)

    def _handed_artifact(self, argument: Argument, scope: Scope, verdicts: Mapping[str, Verdict]) -> Lineage | None:
        """The lineage of an artifact that a call hands into a graph, if it means the same in there."""
        source = argument.value
        if not isinstance(source, Reference):
            return None
        if source.to == "input":
            return scope.artifacts.get(source.name)
        made = verdicts[source.step].made if source.step in verdicts else None
        if made is None or any(leaf.to not in GLOBAL for leaf in made.leaves):
            return None
        return Lineage(digest(["output", source.name, made.digest]), made.leaves)


def _reads_all_inputs(operation: Operation) -> bool:
    return any(item.to == "input" and not item.name for item in references(operation))
