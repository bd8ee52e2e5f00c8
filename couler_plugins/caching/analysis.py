"""Which call sites of a workflow may be cached, and for each other the rule that forbids it. Linear in its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import msgspec

from couler_plugins.caching.composites import Composites, inner_scope
from couler_plugins.caching.declarations import (
    Declaration,
    check_words,
    order_remedy,
    places_of,
    resolve,
    waive,
    waive_place,
    waivers_in,
    waives_order,
    with_words,
)
from couler_plugins.caching.keys import digest
from couler_plugins.caching.operations import OperationFacts
from couler_plugins.caching.rules import (
    ALL_INPUTS,
    COMPOSITE,
    DYNAMIC,
    FROM_CALLER,
    HANDLER,
    NOT_FOR_ALL,
    PRINTED,
    TOO_MANY,
    argument_objections,
    call_objections,
    default_objections,
    fingerprint_objections,
    uncertain,
)
from couler_plugins.caching.upstream import Before, Found
from couler_plugins.caching.verdicts import (
    Facts,
    Lineage,
    Producer,
    Scope,
    Verdict,
    lineage_of_call,
    lineage_of_producers,
    merge_scopes,
)
from couler_plugins.hookspecs.caching import Knowledge, Objection, Said
from couler_plugins.ir import (
    Call,
    Dynamic,
    Graph,
    GraphView,
    Native,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    callers_first,
    recursive,
    references,
)

UNREACHABLE = Scope(blocked=Objection("unreachable", "nothing calls its graph"))
RECURSIVE = Scope(
    blocked=Objection("recursion", "it calls itself, directly or through others, and a hit could repeat that for ever")
)


class Analysis:
    """Looks at every call site of one workflow.

    Args:
        workflow: without anything that caching itself adds.
        facet: what its engine knows.
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
        fingerprints: whether the engine makes the keys by itself, from all that a call is given: a value by itself, an
            artifact by its identity, which is another one whenever it is made anew.
        declared: whether all that owners could declare counts as declared. That tells what a declaration would change;
            no key may come of it.
        unkept: why the engine's own cache keeps nothing, whatever the operation; None where it may keep results.
        by_content: whether commands are wrapped that can be, so that keys cover the contents of their artifacts.
        like: another analysis of the same workflow, which knows what holds of its operations already.
    """

    def __init__(
        self,
        workflow: Workflow,
        facet: Knowledge,
        *,
        assume_pure: bool = False,
        circular: bool = False,
        fingerprints: bool = False,
        declared: bool = False,
        unkept: Objection | None = None,
        by_content: bool = False,
        like: Analysis | None = None,
    ) -> None:
        self.workflow = workflow
        self._facet = facet
        self._assume_pure = assume_pure or declared
        self._declared = declared
        self._fingerprints = fingerprints
        self._by_content = by_content
        self._by_name = callables(workflow)
        self._dynamic = any(isinstance(site.step.call, Dynamic) for site in call_sites(workflow))
        self._circular = frozenset(graph.name for graph in workflow.graphs) if circular else recursive(workflow)
        self._inline = {name: item for name, item in self._by_name.items() if item.inline}
        self._operations: OperationFacts = OperationFacts(
            workflow,
            facet,
            fingerprints=fingerprints,
            unkept=unkept,
            by_content=by_content,
            like=None if like is None else like._operations,
        )
        self._composites = Composites(
            self._by_name,
            self._circular,
            self._operations.of_call,
            lambda graph, scope: self._graph(graph, scope)[0],
            facet.repeats_inputs,
            lambda operation: self._operations.of(operation, result=False).material.writes_places,
        )

    @cached_property
    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """What was found about each call site that calls an operation, by graph and step ("" for those outside)."""
        by_call: dict[tuple[str, str], Verdict] = {}
        scopes = self._first_scopes(by_call)
        for graph in callers_first(self.workflow, self._circular):
            inner, called = self._graph(graph, scopes.get(graph.name, UNREACHABLE))
            by_call.update({(graph.name, name): verdict for name, verdict in inner.items()})
            for name, around in called:
                scopes[name] = self._merged(scopes[name], around) if name in scopes else around
        return {place: verdict for place, verdict in by_call.items() if verdict.facts is not None}

    def _merged(self, one: Scope, other: Scope) -> Scope:
        return merge_scopes(one, other, by_content=True) if self._by_content else merge_scopes(one, other)

    def _callee(self, step: Step) -> Graph | Operation | None:
        return self._by_name.get(step.call.name) if isinstance(step.call, Call) else None

    def from_outside(self, operation: Operation, step: Step | None = None) -> Verdict:
        """What holds of a call of which nothing is known but its inputs: the entry's, or one from another workflow."""
        upstream = Found()
        covers = self._operations.covers(operation)
        if not covers and any(port.kind == "artifact" for port in operation.inputs):
            upstream.objections.append(FROM_CALLER)
        if self.workflow.name and operation.name in self._in_circle and RECURSIVE.blocked is not None:
            upstream.objections.append(RECURSIVE.blocked)
        if step is None:
            step = Step(name="", call=Call(name=operation.name))
            if operation.kind == "script" and not covers:
                upstream.objections.append(PRINTED)
            if not (self._declared or self._facet.own_declaration(operation) or self._facet.declared.own(operation)):
                undeclared = msgspec.structs.replace(NOT_FOR_ALL, remedy=self._facet.how_to_declare(operation))
                upstream.objections.insert(0, undeclared)
            upstream.objections = [item.at(operation.source) for item in upstream.objections]
        places, facts = places_of(self._facet, None, step, operation), self._operations.of_call(None, step, operation)
        if step.name:
            upstream.objections += default_objections(step, operation, facts.material.places)
        return self._verdict(places, facts, step, upstream, Scope())

    @cached_property
    def _in_circle(self) -> frozenset[str]:
        """The operations that a recursive graph calls."""
        graphs = [graph for graph in self.workflow.graphs if graph.name in self._circular]
        return frozenset(step.call.name for graph in graphs for step in graph.steps if isinstance(step.call, Call))

    def _first_scopes(self, by_call: dict[tuple[str, str], Verdict]) -> dict[str, Scope]:
        """The scopes of what is called from outside of all graphs; puts the verdicts on those calls into `by_call`."""
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
            callee = self._callee(step)
            if isinstance(callee, Graph) and callee.name not in self._circular:
                scopes[callee.name] = self._merged(scopes[callee.name], scope) if callee.name in scopes else scope
            elif isinstance(callee, Operation) and step is entry:
                by_call["", step.name] = self.from_outside(callee, None if self.workflow.library else step)
        return scopes

    def _graph(self, graph: Graph, scope: Scope) -> tuple[dict[str, Verdict], list[tuple[str, Scope]]]:
        """The verdicts on the steps of one graph, and the scopes of the graphs that they call."""
        if graph.inline and scope.blocked is None:
            scope = msgspec.structs.replace(scope, blocked=Objection("inline", "its graph is written at its call site"))
        verdicts: dict[str, Verdict] = {}
        called: list[tuple[str, Scope]] = []
        view = GraphView(graph, self._inline)
        covers = {step.name: self._operations.covers(self._callee(step)) for step in graph.steps}
        steps = {step.name: step for step in graph.steps}
        repeats = partial(self._composites.repeats, steps)
        before = Before(graph, view, scope, verdicts, identified=self._fingerprints, covers=covers, repeats=repeats)
        inner = partial(inner_scope, identified=self._fingerprints, by_content=self._by_content, repeats=repeats)
        for step in map(steps.__getitem__, view.order()):
            callee = self._callee(step)
            said = places_of(self._facet, graph, step, callee) if isinstance(callee, Operation) else []
            facts = self._operations.of_call(graph, step, callee) if isinstance(callee, Operation) else None
            by_order = not (waives_order(said) or (facts is not None and facts.material.reads_places))
            upstream = before.look(step, ordered=by_order, remedy=order_remedy(self._facet, callee, said))
            check = fingerprint_objections if self._fingerprints else argument_objections
            own = [scope.blocked] if scope.blocked else []
            own += [*call_objections(step), *check(step, by_content=covers[step.name])]
            own += self._places(graph, step, callee, upstream)
            own += default_objections(step, facts.operation, facts.material.places) if facts is not None else []
            upstream.objections = [item.at(step.source) for item in (*own, *upstream.objections)]
            if facts is not None:
                verdicts[step.name] = self._verdict(said, facts, step, upstream, scope)
            elif not isinstance(callee, Operation):
                verdicts[step.name] = self._composite(step, callee, upstream)
                if callee is not None and callee.name not in self._circular:
                    around = inner(step, upstream, scope, verdicts, self._facet.items(step))
                    called.append((callee.name, around))
        return verdicts, called

    def _composite(self, step: Step, callee: Graph | None, upstream: Found) -> Verdict:
        """The verdict on a call of a graph (of nothing that is known, where there is no callee)."""
        # What is cut off from this call by a value need not be so from the steps inside of its graph.
        cut = upstream.cut or upstream.cut_outside or upstream.by_content
        has_spec = callee is not None and upstream.objection is None and not cut and uncertain(step) is None
        spec = self._composites.spec(callee) if has_spec and callee is not None else None
        lineage = None
        if spec is not None and callee is not None:
            lineage = lineage_of_call(spec, step, self._composites.reads(callee), upstream.producers)
        return Verdict(objections=tuple(upstream.objections or [COMPOSITE] * (lineage is None)), lineage=lineage)

    def _places(
        self, graph: Graph, step: Step, callee: Graph | Operation | None, upstream: Found
    ) -> Iterator[Objection]:
        """Takes in the artifacts from outside of the workflow that never change; the objection to those that may."""
        for argument in step.arguments:
            if argument.kind == "artifact" and isinstance(argument.value, Native):
                objection = self._facet.place_objection(argument)
                if objection is not None and isinstance(callee, Operation):
                    words = waivers_in(places_of(self._facet, graph, step, callee))
                    objection = waive_place(objection, words, partial(self._facet.how_to_allow, callee))
                if objection is not None and self._operations.covers(callee):
                    upstream.by_content = True
                elif objection is not None:
                    yield objection
                content = "".join(map(str, argument.value.parts))
                upstream.producers.append(Producer(argument.name, Lineage(digest(["place", [content]]))))

    def _verdict(self, places: Sequence[Said], facts: Facts, step: Step, upstream: Found, scope: Scope) -> Verdict:
        operation = facts.operation
        said = resolve(places, assume_pure=self._assume_pure)
        words, allow = waivers_in(places), partial(self._facet.how_to_allow, operation)
        itself = isinstance(said, Declaration) and said.itself
        only_by_content = facts._replace(objections=facts.otherwise)
        facts, warnings = waive(facts, words, allow, itself=itself)
        missing = said if isinstance(said, Objection) and said.rule == "not-declared" else None
        objections = [DYNAMIC] if self._dynamic else []
        objections += [said] if isinstance(said, Objection) and missing is None else []
        objections += check_words(places)
        objections += [item for item in facts.objections if item.against == "reuse"]
        objections += [with_words(item, words) for item in upstream.objections]
        lineage = inherited = None
        beside = upstream.untold if self._fingerprints else upstream.producers
        if all(item.remedy and self._declared for item in objections):
            lineage = lineage_of_call(facts.spec, step, facts.material.reads, upstream.producers)
            inherited = lineage_of_producers(beside)
            objections += [TOO_MANY] if inherited is None else []
        objections += [item for item in facts.objections if item.against == "storage"]
        if beside and not self._fingerprints:
            objections += [ALL_INPUTS] * any(item.to == "input" and not item.name for item in references(operation))
        declarable = missing is not None and not objections
        if missing is not None:
            missing = msgspec.structs.replace(missing, remedy=self._facet.how_to_declare(operation))
            objections.append(missing.at(operation.source))
        items = self._facet.items(step)
        lasts = isinstance(said, Declaration) and said.max_age is None and uncertain(step) is None
        # What is only covered by its content is in no lineage.
        lasts = lasts and not (upstream.by_content or facts.material.reads_places)
        lasts = lasts and not waive(only_by_content, words, allow, itself=itself)[0].objections
        return Verdict(
            objections=tuple(item.at(step.source) for item in objections),
            declarable=declarable,
            lineage=lineage if lasts else None,
            lineages=inherited.values if beside and inherited is not None else (),
            facts=facts,
            warnings=warnings,
            declared=said.where if isinstance(said, Declaration) else "",
            max_age=said.max_age if isinstance(said, Declaration) else None,
            unordered=waives_order(places),
            entries=None if items is None or scope.runs is None else items * scope.runs,
        )
