"""What runs before a step, as far as its key has to cover it.

A step before it, by data or by order, is either covered by its lineage, or cut off by a parameter that hands its value
on (which is hashed at run time; so is an artifact, in a pod that has it), or unknown: then the step has no key. Order
alone counts, since a step may leave behind what nobody declares (`load-table`, then `report`); so what is before a step
that is cut off counts as well. The owner of a step may waive that by the word `order`: for this step only what it reads
counts, and steps after it look further back than it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from couler_plugins.caching.keys import digest
from couler_plugins.caching.rules import reference_kind, uncertain, uncertain_needs, unknown_producer
from couler_plugins.caching.verdicts import Lineage, Producer, Scope, Verdict, lineage_of_producers
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Graph, GraphView, Reference, Step, needed, references

ANY_ARTIFACT = digest(["artifact"])
"""The lineage of an artifact of which nothing is known but that the engine tells it from others."""

Repeats: TypeAlias = Callable[[Reference], bool]


class Handed(NamedTuple):
    """What reaches a call by value: the steps and the inputs of the graph (see `label_of`) that its arguments read."""

    steps: frozenset[str]
    inputs: frozenset[str]


def label_of(kind: str, name: str) -> str:
    """Tell inputs of both kinds apart, which may have the same name."""
    return f"artifact:{name}" if kind == "artifact" else name


def handed_by_value(
    step: Step, name: str | None = None, *, identified: bool = False, repeats: Repeats = lambda reference: False
) -> Handed:
    """What a call's parameters read; only the argument called `name`, if one is given.

    Args:
        step: the call.
        name: the argument that is meant, as `label_of` tells it; all of them unless given.
        identified: whether artifacts count as values: the engine, or a key of their contents, tells one from another.
        repeats: tells which outputs only repeat what their step was given, and so hand on nothing of what it did.
    """
    kinds = ("parameter", "artifact") if identified else ("parameter",)
    read = [
        reference
        for argument in step.arguments
        if argument.kind in kinds and name in (None, label_of(argument.kind, argument.name))
        for reference in references(argument.value)
        if not repeats(reference)
    ]
    steps = frozenset(item.step for item in read if item.to == "output" and reference_kind(item) in kinds)
    inputs = frozenset(
        label_of(kind, item.name) for item in read if item.to == "input" and (kind := reference_kind(item)) in kinds
    )
    return Handed(steps, inputs)


class Found:
    """What looking back from one step found.

    Attributes:
        producers: what is before it and has a key.
        untold: those of them that it waits for, without any argument that tells of them; and those of the steps whose
            values it reads: a value tells what its step made, not what that left behind or came after (of `load`, then
            `check`, then `report`, the last reads "ok" of the second, and the table that the first one loads). The
            identity of an artifact tells all, since it is another one whenever its step has run.
        cut: the steps before it that have none, but whose values it reads.
        cut_outside: the same for what is before its graph, by label.
        by_content: whether something that it reads is only covered by its content, which is not known beforehand.
        objections: why the step has no key, if so.
        order_remedy: tells what its owner would say so that mere order does not count.
    """

    def __init__(self, order_remedy: Callable[[], str] = str) -> None:
        self.order_remedy = order_remedy
        self.producers: list[Producer] = []
        self.untold: list[Producer] = []
        self.cut: list[str] = []
        self.cut_outside: list[str] = []
        self.by_content = False
        self.objections: list[Objection] = []

    @property
    def objection(self) -> Objection | None:
        """The first reason why the step has no key; None where it has one."""
        return self.objections[0] if self.objections else None


class Before:
    """Looks back from the steps of one graph.

    Args:
        graph: the graph.
        view: its edges.
        scope: what is before the graph.
        verdicts: what was found about each step so far; steps are looked at in the graph's order.
        identified: whether the engine tells artifacts from one another by itself, as it does values.
        covers: whether the key of a step covers the contents of its artifacts, by name.
        repeats: see `handed_by_value`.
    """

    def __init__(
        self,
        graph: Graph,
        view: GraphView,
        scope: Scope,
        verdicts: Mapping[str, Verdict],
        *,
        identified: bool = False,
        covers: Mapping[str, bool],
        repeats: Repeats = lambda reference: False,
    ) -> None:
        self._repeats = repeats
        self._scope = scope
        self._identified = identified
        self._covers = covers
        self._view = view
        self._verdicts = verdicts
        self._steps = {step.name: step for step in graph.steps}
        self._stages = [stage for stage in graph.stages or () if stage]
        self._stage_of = {name: number for number, stage in enumerate(self._stages) for name in stage}
        self._untold: dict[str, list[Producer]] = {}
        self._summaries: dict[int, tuple[list[str], list[Producer], bool, Objection | None]] = {}

    def look(self, step: Step, *, ordered: bool = True, remedy: Callable[[], str] = str) -> Found:
        """What is before a step.

        Args:
            step: the step.
            ordered: whether what merely runs before it counts.
            remedy: tells what its owner would say so that it does not.
        """
        upstream = Found(remedy)
        identified = self._identified or self._covers[step.name]
        inputs_by_value = handed_by_value(step, identified=identified, repeats=self._repeats)
        if ordered:
            upstream.objections = list(self._objections(step, inputs_by_value, upstream))
        else:
            reads = (self._steps[name] for name in self._view.reads[step.name] if name in self._steps)
            upstream.objections = [*self._artifacts(step, upstream), *filter(None, map(uncertain, reads))]
        # One lineage for all of them: lists that grow from step to step would not be linear.
        self._untold[step.name] = _together(dict.fromkeys(item.lineage for item in upstream.untold))[0]
        return upstream

    def _objections(self, step: Step, inputs_by_value: Handed, upstream: Found) -> Iterator[Objection]:
        """The rules against a step for what is before it; puts all else into `upstream`."""
        yield from self._artifacts(step, upstream)
        if self._stages:
            yield from self._stages_before(step, inputs_by_value, upstream)
        else:
            yield from self._steps_before(step, inputs_by_value, upstream)

    def _artifacts(self, step: Step, upstream: Found) -> Iterator[Objection]:
        for argument in step.arguments:
            if argument.kind != "artifact" or not isinstance(argument.value, Reference):
                continue
            source = argument.value
            objection = self._at_fixed_place(source) if self._identified and not self._covers[step.name] else None
            if objection is not None:
                yield objection
                return
            if source.to == "input":
                lineage = self._scope.artifacts.get(source.name)
                label = f"the artifact {source.name!r} that is passed to its graph"
            else:
                lineage = self._verdicts[source.step].lineage if source.step in self._verdicts else None
                label = f"{source.step!r}, whose artifact it reads,"
            if lineage is None and self._identified:
                lineage = Lineage(ANY_ARTIFACT, (source,))
            if lineage is None and self._covers[step.name]:
                upstream.by_content = True
                continue
            if lineage is None:
                yield Objection("unknown-producer", f"{label} has no key")
                return
            output = f"{argument.name}:{source.name}" if source.to == "output" else argument.name
            upstream.producers.append(Producer(output, lineage))

    def _at_fixed_place(self, source: Reference) -> Objection | None:
        """The objection to an artifact that stays the same to its engine when its content changes."""
        facts = self._verdicts[source.step].facts if source.step in self._verdicts else None
        objection = facts.objection if facts is not None else None
        return objection if objection is not None and objection.rule == "unversioned-input" else None

    def _steps_before(self, step: Step, inputs_by_value: Handed, upstream: Found) -> Iterator[Objection]:
        pending = self._direct(step)
        direct, seen = set(pending), set[str]()
        at_start = not pending
        identities = {item.step for one in step.arguments if one.kind == "artifact" for item in references(one.value)}
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in direct and (objection := uncertain(self._steps[name])) is not None:
                yield objection if name in self._view.reads[step.name] else _by_order(objection, upstream)
                return
            lineage = self._verdicts[name].lineage
            if lineage is not None:
                upstream.producers.append(Producer("", lineage))
                if name in direct and name not in inputs_by_value.steps:
                    upstream.untold.append(Producer("", lineage))
                elif name in direct and name not in identities:  # its value is the same whatever it merely came after
                    upstream.untold.extend(self._untold[name])
                if self._verdicts[name].unordered:
                    before = self._direct(self._steps[name])
                    pending.extend(before)
                    direct.update(before)  # nobody tells of them: its lineage does not
                    at_start = at_start or not before
            elif name in inputs_by_value.steps:
                if (objection := uncertain_needs(self._steps[name])) is not None:
                    yield objection
                    return
                upstream.cut.append(name)
                before = self._direct(self._steps[name])
                pending.extend(before)
                direct.update(before)
                at_start = at_start or not before
            else:
                yield _by_order(unknown_producer(name, self._verdicts[name]), upstream)
                return
        if at_start:
            yield from self._outside(inputs_by_value, upstream)

    def _direct(self, step: Step) -> list[str]:
        names = [need.step for need in needed(step.needs)]
        return [name for name in dict.fromkeys([*names, *self._view.reads[step.name]]) if name in self._steps]

    def _stages_before(self, step: Step, inputs_by_value: Handed, upstream: Found) -> Iterator[Objection]:
        for number in range(self._stage_of[step.name] - 1, -1, -1):
            unknown, producers, unordered, objection = self._summary(number)
            if objection is not None:
                reads = {*self._stages[number]} & {*self._view.reads[step.name]}
                yield objection if reads else _by_order(objection, upstream)
                return
            upstream.producers.extend(producers)
            upstream.untold.extend(producers)
            for name in unknown:
                if name not in inputs_by_value.steps:
                    yield _by_order(unknown_producer(name, self._verdicts[name]), upstream)
                    return
                upstream.cut.append(name)
            if not unknown and not unordered:
                return
        yield from self._outside(inputs_by_value, upstream)

    def _summary(self, number: int) -> tuple[list[str], list[Producer], bool, Objection | None]:
        """A stage as one: its steps without a key, those with one taken together, whether one of these does not cover
        what runs before it, and a rule against its followers.
        """
        if number not in self._summaries:
            names = self._stages[number]
            objections = [found for name in names if (found := uncertain(self._steps[name])) is not None]
            unknown = [name for name in names if self._verdicts[name].lineage is None]
            producers, too_many = _together(filter(None, (self._verdicts[name].lineage for name in names)))
            unordered = any(self._verdicts[name].unordered for name in names)
            self._summaries[number] = unknown, producers, unordered, next(iter(objections), too_many)
        return self._summaries[number]

    def _outside(self, inputs_by_value: Handed, upstream: Found) -> Iterator[Objection]:
        upstream.producers.extend(self._scope.producers)
        upstream.untold.extend(self._scope.producers)
        for label, inputs in self._scope.unknown.items():
            if not inputs & inputs_by_value.inputs:
                objection = Objection("unknown-producer", f"{label} runs before its graph and has no cache key")
                yield _by_order(objection, upstream)
                return
            upstream.cut_outside.append(label)


def _by_order(objection: Objection, upstream: Found) -> Objection:
    """The objection to a step that merely runs before: its owner may say that this does not count."""
    return replace(objection, remedy=(remedy := upstream.order_remedy()) and objection.remedy + remedy)


def _together(lineages: Iterable[Lineage]) -> tuple[list[Producer], Objection | None]:
    producers = [Producer("", lineage) for lineage in lineages]
    if len(producers) < 2:
        return producers, None
    together = lineage_of_producers(producers)
    if together is None:
        return [], Objection("too-many-values", "too many values are only known at run time in the steps before it")
    return [Producer("", together)], None
