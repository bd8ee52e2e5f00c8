"""Conditions and loops: each is a dag of its own that holds one task, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `kfp.local.orchestrator` (2.17.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from couler_kfp.generating.components import ARTIFACT, output_of
from couler_kfp.generating.legality import refuse
from couler_kfp.generating.values import Read, Types, channel, exact, type_of, with_channels
from couler_plugins.engine_kit.legalize.python.functions import Function, Kind, text_of
from couler_plugins.engine_kit.legalize.rules import constant_items
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Expression,
    Graph,
    Literal,
    Loop,
    Native,
    Output,
    Port,
    Reference,
    Step,
    Value,
    fresh_name,
    map_references,
    references,
    replace,
    take_name,
)

ITEM = "item"


class Nested:
    """Makes these dags.

    Args:
        types: of what graphs and operations take and give.
        names: the names that components have.

    Attributes:
        made: all dags so far, the last one in progress at the end.
        kinds: what is known of the values that the graph in progress refers to.
    """

    def __init__(self, types: Types, names: Collection[str]) -> None:
        self.made: list[Graph] = []
        self.kinds: dict[Reference, Kind] = {}
        self._types = types
        self._taken = set(names)

    def kind(self, value: Value) -> Kind:
        """The kind of a value of the graph in progress."""
        return self.kinds.get(value, "text") if isinstance(value, Reference) else "text"

    def looped(self, called: Step, step: Step, read: Read) -> Step:
        """Return the call of a dag that loops over the items, and runs the task for each."""
        assert step.loop is not None
        function = self._types.function(step)
        values = self._items(step, read)

        def inside(reference: Reference) -> Reference:
            if reference.to != "item":
                return reference
            path = (*filter(None, [reference.name]), *reference.path)
            return Reference(to="input", kind="parameter", name=ITEM, path=path)

        inner = replace(
            called,
            arguments=map_references(called.arguments, inside),
            condition=map_references(called.condition, inside),
        )
        port = Port(name=ITEM, native_extra=type_of(self._item_kind(step)))
        outer = self._inside(inner, f"for-loop-{called.name}", port)
        if function is not None:
            self.made[-1] = replace(self.made[-1], outputs=tuple(_gathered(called.name, function)))
        more = [Argument(name=ITEM, value=Reference(to="item", kind="parameter"))]
        if isinstance(values, Reference) and all(item.value != values for item in outer.arguments):
            more.insert(0, Argument(name=self._channel(values), value=values))
            kind: Kind = "text" if self.kind(values) == "text" and function is None else "list"
            ports = (Port(name=more[0].name, native_extra=type_of(kind)), *self.made[-1].inputs)
            self.made[-1] = replace(self.made[-1], inputs=ports)
        limit = None if step.loop.limit is None else Literal(value=int(str(getattr(step.loop.limit, "value", 0))))
        loop = Loop(axes=(Axis(name=ITEM, values=values),), limit=limit)
        return replace(outer, arguments=(*outer.arguments, *more), loop=loop)

    def _items(self, step: Step, read: Read) -> Native | Reference:
        """Return what is looped over: for functions, its items keep their types; for all else, they become texts."""
        assert step.loop is not None
        values = step.loop.axes[0].values
        if isinstance(values, Reference):
            items = read(values)
            if self.kind(items) not in ("list", "text"):
                raise refuse("Step.loop", step.name, "loops over what is no list")
            return items
        data: list[Any] = constant_items(step.loop) or []
        if self._types.function(step) is not None:
            return Native.of(exact(data, step.name))
        return Native.of(
            [
                {key: text_of(inner) for key, inner in item.items()} if isinstance(item, dict) else text_of(item)
                for item in data
            ]
        )

    def _item_kind(self, step: Step) -> Kind:
        """The kind of the items of a loop: of a function's, as far as its parameters say it."""
        items = constant_items(step.loop)
        if items and self._types.function(step) is None:
            return "dict" if isinstance(items[0], dict) else "text"
        callee = self._types.callee(step)
        kinds: set[Kind] = set()
        if self._types.function(step) is None:
            read = [item for item in references((step.arguments, step.condition)) if item.to == "item"]
            return "dict" if read and all(item.name or item.path for item in read) else "text"
        for argument in step.arguments:
            for item in references(argument.value):
                if item.to == "item":
                    whole = item == argument.value and not item.name and not item.path
                    kinds.add(self._types.input_kind(callee, argument.name) if whole else "dict")
        return kinds.pop() if len(kinds) == 1 else "text"

    def _channel(self, reference: Reference) -> str:
        """The name of an input that only hands something on.

        `kfp.local`, which runs nothing but functions, finds the value behind such a name in a condition where the
        output is called `Output`, or stands behind two dashes.
        """
        if reference.step and reference.name != "Output" and self._types.all_functions:
            return f"{channel(replace(reference, step='', name=reference.step))}--{reference.name}"
        return channel(reference)

    def skippable(self, called: Step) -> Step:
        """The call of a dag that holds a task which may be skipped, and succeeds then, too."""
        return replace(self._inside(replace(called, needs=None), f"maybe-{called.name}"), needs=called.needs)

    def conditional(self, called: Step, condition: Expression) -> Step:
        """The call of a dag that only runs the task where the condition holds."""
        outer = self._inside(called, f"condition-{called.name}")
        channels = {argument.value for argument in outer.arguments}
        names = {argument.name for argument in outer.arguments}
        more = [
            Argument(name=take_name(self._channel(reference), names), value=reference)
            for reference in dict.fromkeys(references(condition))
            if reference not in channels
        ]
        graph = self.made[-1]
        ports = tuple(Port(name=item.name, native_extra=type_of(self.kind(item.value))) for item in more)
        self.made[-1] = replace(graph, inputs=(*graph.inputs, *ports))
        return replace(outer, arguments=(*outer.arguments, *more), condition=condition)

    def _port(self, reference: Reference, name: str) -> Port:
        if reference.kind == "artifact":
            return Port(name=name, kind="artifact", native_extra=ARTIFACT)
        return Port(name=name, native_extra=type_of(self.kind(reference)))

    def _inside(self, called: Step, wanted: str, *ports: Port) -> Step:
        """The call of a new dag that holds only one task."""
        name = take_name(f"comp-{wanted}", self._taken)
        passed: dict[Reference, str] = {}
        for reference in references((called.arguments, called.loop)):
            own = reference.to in ("item", "run") or (ports and reference.to == "input" and reference.name == ITEM)
            if not own and reference not in passed:
                passed[reference] = fresh_name(self._channel(reference), set(passed.values()))

        def inside(reference: Reference) -> Reference:
            if reference not in passed:
                return reference
            return Reference(to="input", kind=reference.kind or "parameter", name=passed[reference])

        inner = map_references(called, inside)
        inputs = (*(self._port(reference, port) for reference, port in passed.items()), *ports)
        self.made.append(Graph(name=name, inputs=inputs, steps=(with_channels(inner),)))
        arguments = tuple(
            Argument(name=port, kind="artifact" if reference.kind == "artifact" else "parameter", value=reference)
            for reference, port in passed.items()
        )
        return Step(name=called.name, call=Call(name=name), arguments=arguments)


def _gathered(task: str, function: Function) -> Iterator[Output]:
    """What the dag of a loop hands out: of each output of the function in it a list."""
    for name, _ in function.outputs:
        own = output_of(function, name)
        value = Reference(to="output", kind="parameter", step=task, name=own)
        yield Output(name=own, value=value, native_extra=type_of("list"))
