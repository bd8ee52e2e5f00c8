"""Graphs as blocks of calls: in the order of the program where that says what steps wait for, else by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from couler_plugins.authoring.scopes import BARE, after
from couler_plugins.authoring.source.catalogue import Catalogue
from couler_plugins.authoring.source.operations import arguments_of, function_called
from couler_plugins.authoring.source.texts import (
    Items,
    Written,
    asked_of,
    behind,
    call,
    constant,
    expression,
    items_of,
    predicate,
    refused,
    written,
)
from couler_plugins.authoring.source.variables import Around, Variables
from couler_plugins.engine_kit.legalize.depends import write_depends
from couler_plugins.ir import (
    Call,
    FirstOf,
    Graph,
    Need,
    Needs,
    Operation,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
    conjuncts,
    map_needs,
    needed,
    references,
)
from couler_plugins.ir import replace as changed

PLAIN = ("handlers", "tolerates", "directives", "native_extra")
WHOLE = ("outputs", "stages", "finalizers", "regions", "targets", "retry", "timeout", "memoized", "locks", "metrics")


class Graphs:
    """Writes the graphs of one workflow.

    Args:
        workflow: the workflow.
        functions: the names under which its functions are defined, by operation.
        catalogue: the ready-made steps that are known.

    Attributes:
        lines: what is written so far.
    """

    def __init__(self, workflow: Workflow, functions: Mapping[str, str], catalogue: Catalogue) -> None:
        self.lines: list[str] = []
        self._by_name = callables(workflow)
        self._functions = functions
        self._catalogue = catalogue
        self._variables = Variables(workflow, functions)

    def block(self, graph: Graph, steps: Sequence[Step], around: Around) -> None:
        """Writes calls for the steps of a graph."""
        last: tuple[str, ...] = ()
        tested: tuple[Reference, tuple[str, ...]] | None = None
        pending = list(steps)
        while pending:
            beside = self._beside(graph, pending, last)
            if len(beside) > 1:
                self._concurrent(beside, around)
                last, tested = tuple(step.name for step in beside), None
                del pending[: len(beside)]
                continue
            step = pending.pop(0)
            comparisons = asked_of(step.condition, step.name)
            is_beside = bool(comparisons) and tested is not None and tested[0] == comparisons[0].left
            before = tested[1] if is_beside and tested is not None else last
            shown = self._step(step, around)
            for item in reversed(comparisons):
                holds = predicate(item, self._variables.reading(around))
                shown = written("couler.when(", [holds, behind("lambda: ", shown)], ")")
            if step.needs == self._expected(graph, step, after(before)):
                last = (*(last if is_beside else ()), step.name) if comparisons else (step.name,)
                tested = (comparisons[0].left, before) if comparisons else None
            else:
                parts: list[str | Written] = [
                    behind("lambda: ", shown),
                    f"dependencies={self._dependencies(step.needs)}",
                ]
                shown = written("couler.set_dependencies(", parts, ")")
                waited = {need.step for need in needed(step.needs)}
                last, tested = (*(name for name in last if name not in waited), step.name), None
            self._assigned(step, shown, around)

    def _beside(self, graph: Graph, pending: Sequence[Step], last: tuple[str, ...]) -> list[Step]:
        """The steps that come next and wait for the same as the first of them."""
        others: list[Step] = []
        for step in pending:
            reads = {item.step for item in references(step)}
            if not reads.isdisjoint(other.name for other in others):
                break
            if step.condition is not None or step.needs != self._expected(graph, step, after(last)):
                break
            others.append(step)
        return others

    def _expected(self, graph: Graph, step: Step, entry: Needs | None) -> Needs | None:
        """What a step waits for that is written behind these: for what it reads as well."""
        own = {other.name for other in graph.steps}
        named = {need.step for need in needed(entry)}
        read = dict.fromkeys(item.step for item in references(step) if item.step in own and item.step not in named)
        return all_of([*conjuncts(entry), *conjuncts(after(read))])

    def _concurrent(self, steps: Sequence[Step], around: Around) -> None:
        functions = [behind("lambda: ", self._step(step, around)) for step in steps]
        names = [self._variables.write(step) for step in steps]
        target = f"{', '.join(name or '_' for name in names)} = " if any(names) else ""
        shown = written("couler.concurrent(", [written("[", functions, "]")], ")")
        self.lines.append(f"{' ' * around.indent}{target}{shown(around.indent)}")

    def _assigned(self, step: Step, shown: Written, around: Around) -> None:
        variable = self._variables.write(step)
        self.lines.append(f"{' ' * around.indent}{f'{variable} = ' if variable else ''}{shown(around.indent)}")

    def single(self, step: Step) -> Written:
        """The call that writes one step, where there is nothing around it.

        Raises:
            Unsupported: it takes more than one call.
        """
        position = len(self.lines)
        shown = self._step(step, Around())
        if len(self.lines) > position:
            raise refused(step.name, "runs several steps at once")
        return shown

    def _step(self, step: Step, around: Around) -> Written:
        """The call that writes a step, without what it waits for, and its condition."""
        for name in PLAIN:
            if getattr(step, name) or step.role != "normal":
                raise refused(step.name, f"has {name}")
        callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Graph):
            return self._composite(step, callee, around)
        if callee is None:
            raise refused(step.name, "calls what is not in the workflow")
        if step.loop is None:
            return self._operation(step, callee, around)
        items = items_of(step, self._variables.reading(around), around.names)
        inner = self._operation(changed(step, loop=None), callee, replace(around, items=items.values))
        return written("couler.map(", [behind(f"lambda {items.parameters}: ", inner), *items.lists], ")")

    def _operation(self, step: Step, operation: Operation, around: Around) -> Written:
        read = self._variables.reading(around)
        name = self._variables.step_name(step, operation, around)
        result = self._catalogue.call(step, operation, read)
        if result is None:
            function = f"couler.{function_called(operation)}"
            result = (function, arguments_of(step, operation, read, self._functions))
        function, arguments = result
        return call(function, {**arguments, "step_name": constant(name)})

    def _composite(self, step: Step, graph: Graph, around: Around) -> Written:
        """A loop whose body is several steps, or that asks afterwards."""
        for name in WHOLE[1:]:
            if getattr(graph, name):
                raise refused(graph.name, f"has {name} as a whole")
        *body, again = graph.steps
        is_while = isinstance(again.call, Call) and again.call.name == graph.name
        if step.loop is None and not is_while:
            raise refused(step.name, "calls a graph that is no loop")
        if step.loop is not None and is_while:
            return self._each_while(step, graph, around)
        steps = body if is_while else graph.steps
        outside = self._variables.reading(around)
        items = items_of(step, outside, around.names) if step.loop is not None else Items("", around.items, [])
        read = self._variables.reading(replace(around, items=items.values))
        inputs = {item.name: expression(item.value, read, step.name) for item in step.arguments}
        function = self._variables.new(f"{step.name}_steps")
        self.lines.append(f"{' ' * around.indent}def {function}({items.parameters}):")
        inner = Around(around.indent + 4, inputs, {}, inside=True)
        comparisons = asked_of(again.condition, again.name) if is_while else []
        self.block(changed(graph, steps=tuple(steps)), steps, inner)
        self._returned(graph, comparisons[0].left if comparisons else None, inner)
        self._variables.called(step, around)
        if not is_while:
            return written("couler.map(", [function, *items.lists], ")")
        if len(comparisons) != 1:
            raise refused(step.name, "goes on while more than one thing holds")
        holds = predicate(comparisons[0], self._variables.reading(inner), of_itself=True)
        return written("couler.exec_while(", [holds, function], ")")

    def _each_while(self, step: Step, graph: Graph, around: Around) -> Written:
        """A loop that asks afterwards, for each item."""
        items = items_of(step, self._variables.reading(around), around.names)
        function = self._variables.new(f"{step.name}_each")
        self.lines.append(f"{' ' * around.indent}def {function}({items.parameters}):")
        inner = replace(around, indent=around.indent + 4, items=items.values)
        shown = self._composite(changed(step, loop=None), graph, inner)
        self.lines.append(f"{' ' * inner.indent}return {shown(inner.indent)}")
        return written("couler.map(", [function, *items.lists], ")")

    def _returned(self, graph: Graph, tested: Reference | None, inner: Around) -> None:
        values = [value for output in graph.outputs for value in _values(output.value)]
        step = tested.step if tested is not None else next((value.step for value in values), "")
        if step:
            self.lines.append(f"{' ' * inner.indent}return {self._variables.of(step)}")

    def _dependencies(self, needs: Needs | None) -> str:
        """Names, or an expression."""
        named = needs and map_needs(needs, self._variables.first_name)
        parts = conjuncts(named)
        if named is None or all(isinstance(part, Need) and part.outcomes == BARE for part in parts):
            return constant([part.step for part in parts if isinstance(part, Need)] or None)
        return constant(write_depends(named, lambda name: BARE))


def _values(value: Any) -> list[Reference]:
    return [
        item for item in (value.values[-1:] if isinstance(value, FirstOf) else (value,)) if isinstance(item, Reference)
    ]
