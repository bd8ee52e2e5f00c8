"""Graphs as blocks of calls: in the order of the program where that says what steps wait for, else by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from couler_plugins.authoring.scopes import BARE, after
from couler_plugins.authoring.source.catalogue import Catalogue
from couler_plugins.authoring.source.conditions import asked_of, predicate
from couler_plugins.authoring.source.operations import arguments_of, function_called
from couler_plugins.authoring.source.texts import (
    Written,
    behind,
    call,
    constant,
    expression,
    identifier,
    refused,
    written,
)
from couler_plugins.ir import (
    Call,
    FirstOf,
    Graph,
    Native,
    Need,
    Needs,
    Operation,
    Reference,
    Step,
    Workflow,
    all_of,
    callables,
    conjuncts,
    fresh_name,
    needed,
    references,
)
from couler_plugins.ir import replace as changed
from couler_plugins.portable.depends import write_depends

__all__ = ["Around", "Graphs"]

PLAIN = ("handlers", "tolerates", "directives", "rest")
WHOLE = ("outputs", "stages", "finalizers", "regions", "targets", "retry", "timeout", "memoized", "locks", "metrics")


@dataclass(frozen=True)
class Around:
    """What is around a graph.

    Attributes:
        indent: how far its lines are from the left.
        inputs: the expressions that its inputs stand for.
        items: those for the item of the loop around a single call, by key.
        inside: whether it is the body of a loop, whose first step is renamed.
    """

    indent: int = 4
    inputs: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    inside: bool = False


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
        self._names: set[str] = set()
        self._made: dict[str, tuple[str, Sequence[str]]] = {}
        whole = (workflow.graphs, workflow.handlers)
        self._read = {item.step for item in references(whole) if item.to == "output"}
        keys = {key for graph in workflow.graphs for step in graph.steps for key in _keys(step)}
        self._taken = {"couler", "workflow", "item", *functions.values(), *keys}

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
            asked = asked_of(step.condition, step.name)
            is_beside = bool(asked) and tested is not None and tested[0] == asked[0].left
            before = tested[1] if is_beside and tested is not None else last
            shown = self._step(step, around)
            for item in reversed(asked):
                holds = predicate(item, self._reading(around))
                shown = written("couler.when(", [holds, behind("lambda: ", shown)], ")")
            if step.needs == self._expected(graph, step, after(before)):
                last = (*(last if is_beside else ()), step.name) if asked else (step.name,)
                tested = (asked[0].left, before) if asked else None
            else:
                parts: list[str | Written] = [behind("lambda: ", shown), f"dependencies={_dependencies(step.needs)}"]
                shown = written("couler.set_dependencies(", parts, ")")
                waited = {need.step for need in needed(step.needs)}
                last, tested = (*(name for name in last if name not in waited), step.name), None
            self._assigned(step, shown, around)

    def _beside(self, graph: Graph, pending: Sequence[Step], last: tuple[str, ...]) -> list[Step]:
        """The steps that come next and wait for the same as the first of them."""
        found: list[Step] = []
        for step in pending:
            reads = {item.step for item in references(step)}
            if not reads.isdisjoint(other.name for other in found):
                break
            if step.condition is not None or step.needs != self._expected(graph, step, after(last)):
                break
            found.append(step)
        return found

    def _expected(self, graph: Graph, step: Step, entry: Needs | None) -> Needs | None:
        """What a step waits for that is written behind these: for what it reads as well."""
        by_name = {other.name: other for other in graph.steps}
        reached = [need.step for need in needed(entry)]
        for name in reached:
            reached += [need.step for need in needed(by_name[name].needs) if need.step not in reached]
        read = dict.fromkeys(item.step for item in references(step) if item.step in by_name)
        more = after(name for name in read if name not in reached)
        return all_of([item for item in (entry, more) if item is not None])

    def _concurrent(self, steps: Sequence[Step], around: Around) -> None:
        functions = [behind("lambda: ", self._step(step, around)) for step in steps]
        names = [self._variable(step) for step in steps]
        target = f"{', '.join(name or '_' for name in names)} = " if any(names) else ""
        shown = written("couler.concurrent(", [written("[", functions, "]")], ")")
        self.lines.append(f"{' ' * around.indent}{target}{shown(around.indent)}")

    def _assigned(self, step: Step, shown: Written, around: Around) -> None:
        variable = self._variable(step)
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

    def _variable(self, step: Step) -> str:
        """The variable for what a step gives; empty where nothing reads it."""
        if step.name not in self._read:
            return ""
        variable = identifier(step.name, self._taken)
        self._taken.add(variable)
        callee = self._by_name[getattr(step.call, "name", "")]
        self._made[step.name] = (variable, self._outputs(callee))
        return variable

    def _outputs(self, callee: Graph | Operation) -> Sequence[str]:
        """The names of what a call declares to give, the first one the usual."""
        if isinstance(callee, Operation):
            return [output.name for output in callee.outputs]
        given = [item.step for item in references(callee.outputs)]
        inner = {step.name: step for step in callee.steps}
        found = [self._by_name[getattr(inner[name].call, "name", "")] for name in given if name in inner]
        operations = [item for item in found if isinstance(item, Operation)]
        names = self._outputs(operations[0]) if operations else []
        return [name for name in names if name != "result"]

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
        names, items, lists = self._items(step, around)
        inner = self._operation(changed(step, loop=None), callee, replace(around, items=items))
        return written("couler.map(", [behind(f"lambda {names}: ", inner), *lists], ")")

    def _operation(self, step: Step, operation: Operation, around: Around) -> Written:
        read = self._reading(around)
        name = self._step_name(step, operation, around)
        found = self._catalogue.call(step, operation, read)
        if found is None:
            function = f"couler.{function_called(operation)}"
            found = (function, arguments_of(step, operation, read, self._functions))
        function, arguments = found
        return call(function, {**arguments, "step_name": constant(name)})

    def _step_name(self, step: Step, operation: Operation, around: Around) -> str:
        """What a step has to be called so that it gets the name that it has."""
        found = step.name
        again = fresh_name(operation.name, self._names) == step.name
        if again or (around.inside and step.name == f"{operation.name}-once"):
            found = operation.name
        self._names.add(step.name)
        return found

    def _composite(self, step: Step, graph: Graph, around: Around) -> Written:
        """A loop whose body is several steps, or that asks afterwards."""
        for name in WHOLE[1:]:
            if getattr(graph, name):
                raise refused(graph.name, f"has {name} as a whole")
        *body, again = graph.steps
        is_while = isinstance(again.call, Call) and again.call.name == graph.name
        if step.loop is None and not is_while:
            raise refused(step.name, "calls a graph that is no loop")
        steps = body if is_while else graph.steps
        names, items, lists = self._items(step, around) if step.loop is not None else ("", {}, [])
        read = self._reading(replace(around, items=items))
        inputs = {item.name: expression(item.value, read, step.name) for item in step.arguments}
        function = identifier(f"{step.name}_steps", self._taken)
        self._taken.add(function)
        self.lines.append(f"{' ' * around.indent}def {function}({names}):")
        inner = Around(around.indent + 4, inputs, {}, inside=True)
        asked = asked_of(again.condition, again.name) if is_while else []
        self.block(changed(graph, steps=tuple(steps)), steps, inner)
        self._returned(graph, asked[0].left if asked else None, inner)
        self._names.add(step.name)
        if not is_while:
            return written("couler.map(", [function, *lists], ")")
        if len(asked) != 1:
            raise refused(step.name, "goes on while more than one thing holds")
        return written("couler.exec_while(", [predicate(asked[0], read, of_itself=True), function], ")")

    def _returned(self, graph: Graph, left: Reference | None, inner: Around) -> None:
        given = [value for output in graph.outputs for value in _values(output.value)]
        step = left.step if left is not None else next((value.step for value in given), "")
        if step:
            self.lines.append(f"{' ' * inner.indent}return {self._made[step][0]}")

    def _items(self, step: Step, around: Around) -> tuple[str, Mapping[str, str], list[str]]:
        """The parameters of a loop's function, what its items stand for, and what it goes over."""
        loop = step.loop
        assert loop is not None
        if loop.combine != "rows" or len(loop.axes) != 1 or loop.limit is not None or loop.includes:
            raise refused(step.name, "loops otherwise than over the items of one list")
        values = loop.axes[0].values
        if not isinstance(values, Native):
            return "item", {"": "item"}, [expression(values, self._reading(around), step.name)]
        items = json.loads("".join(str(part) for part in values.parts))
        keys = _keys(step)
        if not keys:
            return "item", {"": "item"}, [constant(items)]
        lists = [constant([item[key] for item in items]) for key in keys]
        if all(key.isidentifier() for key in keys):
            return ", ".join(keys), {key: key for key in keys}, lists
        return "*item", {key: f"item[{number}]" for number, key in enumerate(keys)}, lists

    def _reading(self, around: Around) -> Any:
        def read(reference: Reference) -> str:
            match reference:
                case Reference(to="item", path=()) if reference.name in around.items:
                    return around.items[reference.name]
                case Reference(to="input", path=()) if reference.name in around.inputs:
                    return around.inputs[reference.name]
                case Reference(to="parameter", path=()):
                    return f"workflow.parameter({constant(reference.name)})"
                case Reference(to="output", path=()) if reference.step:
                    return self._output(reference)
            raise refused(reference.step or reference.name or reference.to, "is read, which the interface cannot")

        return read

    def _output(self, reference: Reference) -> str:
        if reference.step not in self._made:
            named = "" if reference.kind == "result" else f", {constant(reference.name)}"
            kind = f", {constant(reference.kind)}" if reference.kind == "artifact" else ""
            return f"couler.get_step_output({constant(reference.step)}{named}{kind})"
        variable, outputs = self._made[reference.step]
        is_printed = reference.kind == "result" or reference.name not in outputs
        usual = not outputs if is_printed else reference.name == outputs[0]
        if usual:
            return variable
        return f"{variable}.printed" if is_printed else f"{variable}[{constant(reference.name)}]"


def _keys(step: Step) -> list[str]:
    """The keys of a loop's items, where they are mappings."""
    values = step.loop.axes[0].values if step.loop is not None and step.loop.axes else None
    if not isinstance(values, Native) or any(references(values)):
        return []
    items = json.loads("".join(str(part) for part in values.parts))
    return list(items[0]) if isinstance(items, list) and items and isinstance(items[0], dict) else []


def _values(value: Any) -> list[Reference]:
    return [
        item for item in (value.values[-1:] if isinstance(value, FirstOf) else (value,)) if isinstance(item, Reference)
    ]


def _dependencies(needs: Needs | None) -> str:
    """Names, or an expression."""
    parts = conjuncts(needs)
    if all(isinstance(part, Need) and part.outcomes == BARE for part in parts):
        return constant([part.step for part in parts if isinstance(part, Need)] or None)
    assert needs is not None
    return constant(write_depends(needs, lambda name: BARE))
