"""Conditions and loops: each is a dag of its own that holds one task, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `kfp.local.orchestrator` (2.17.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from couler_kfp.generating.calls import Read, channel, items_of, rows_of, with_channels
from couler_kfp.generating.functions import exact, output_of, type_of
from couler_kfp.generating.refusing import refuse
from couler_kfp.generating.types import Types
from couler_plugins.engine_kit.legalize.python.functions import Function, Kind
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
)

__all__ = ["Nested"]

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
        """The call of a dag that loops over the items, and runs the task for each."""
        function = self._types.function(step)
        values, is_struct = items_of(step) if function is None else self._items(step, function, read)

        def inside(reference: Reference) -> Reference:
            if reference.to != "item":
                return reference
            path = (*([reference.name] if reference.name else []), *reference.path)
            if is_struct is not None and is_struct is not bool(path):
                raise refuse("Step.loop", step.name, "reads an item as a whole that is a mapping, or a key of a text")
            return Reference(to="input", kind="parameter", name=ITEM, path=path)

        inner = replace(called, arguments=map_references(called.arguments, inside))
        kind = self._item_kind(step) if is_struct is None else "dict" if is_struct else "text"
        outer = self._inside(inner, f"for-loop-{called.name}", Port(name=ITEM, native_extra=type_of(kind)))
        if function is not None:
            self.made[-1] = replace(self.made[-1], outputs=tuple(_gathered(called.name, function)))
        more = [Argument(name=ITEM, value=Reference(to="item", kind="parameter"))]
        if isinstance(values, Reference) and all(item.value != values for item in outer.arguments):
            more.insert(0, Argument(name=self._channel(values), value=values))
            ports = (Port(name=more[0].name, native_extra=type_of("list")), *self.made[-1].inputs)
            self.made[-1] = replace(self.made[-1], inputs=ports)
        limit = step.loop.limit if step.loop is not None else None
        text = str(limit.value) if isinstance(limit, Literal) else ""
        if limit is not None and not text.isdigit():
            raise refuse("Loop.limit", step.name, "has a limit that only the run knows", "give it as a constant")
        number = None if limit is None else Literal(value=int(text))
        loop = Loop(axes=(Axis(name=ITEM, values=values),), limit=number)
        return replace(outer, arguments=(*outer.arguments, *more), loop=loop)

    def _items(self, step: Step, function: Function, read: Read) -> tuple[Native | Reference, bool | None]:
        """What a function loops over: its items keep their types, and are read as a whole, or by a key."""
        values = rows_of(step)
        if isinstance(values, Reference):
            items = read(values)
            if self.kind(items) not in ("list", "text"):
                raise refuse("Step.loop", step.name, "loops over what is no list")
            return items, None
        return Native.of(exact(values.data, step.name)), None

    def _item_kind(self, step: Step) -> Kind:
        """The kind of the items of a function's loop, as far as its parameters say it."""
        callee = self._types.callee(step)
        kinds: set[Kind] = set()
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

    def conditional(self, called: Step, condition: Expression) -> Step:
        """The call of a dag that only runs the task where the condition holds."""
        outer = self._inside(called, f"condition-{called.name}")
        channels = {argument.value for argument in outer.arguments}
        names = {argument.name for argument in outer.arguments}
        more: list[Argument] = []
        for reference in dict.fromkeys(references(condition)):
            if reference not in channels:
                name = fresh_name(self._channel(reference), names)
                names.add(name)
                more.append(Argument(name=name, value=reference))
        graph = self.made[-1]
        ports = tuple(Port(name=item.name, native_extra=type_of(self.kind(item.value))) for item in more)
        self.made[-1] = replace(graph, inputs=(*graph.inputs, *ports))
        return replace(outer, arguments=(*outer.arguments, *more), condition=condition)

    def _inside(self, called: Step, wanted: str, *ports: Port) -> Step:
        """The call of a new dag that holds only one task."""
        name = fresh_name(f"comp-{wanted}", self._taken)
        self._taken.add(name)
        passed: dict[Reference, str] = {}
        for reference in references((called.arguments, called.loop)):
            own = reference.to == "item" or (ports and reference.to == "input" and reference.name == ITEM)
            if not own and reference not in passed:
                passed[reference] = fresh_name(self._channel(reference), set(passed.values()))

        def inside(reference: Reference) -> Reference:
            if reference not in passed:
                return reference
            return Reference(to="input", kind="parameter", name=passed[reference])

        inner = map_references(called, inside)
        inputs = (
            *(Port(name=port, native_extra=type_of(self.kind(reference))) for reference, port in passed.items()),
            *ports,
        )
        self.made.append(Graph(name=name, inputs=inputs, steps=(with_channels(inner),)))
        arguments = tuple(Argument(name=port, value=reference) for reference, port in passed.items())
        return Step(name=called.name, call=Call(name=name), arguments=arguments)


def _gathered(task: str, function: Function) -> Iterator[Output]:
    """What the dag of a loop hands out: of each output of the function in it a list."""
    for name, _ in function.outputs:
        own = output_of(function, name)
        value = Reference(to="output", kind="parameter", step=task, name=own)
        yield Output(name=own, value=value, native_extra=type_of("list"))
