"""Graphs as components with a dag: each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from couler_kfp.generating.bodies import printed_output, text_port
from couler_kfp.generating.calls import (
    argument_of,
    channel,
    compared,
    items_of,
    joined,
    retried,
    rows_of,
    taken,
    with_channels,
)
from couler_kfp.generating.functions import constant, default_of, exact, output_of, type_of
from couler_kfp.generating.order import check_step, waits_of
from couler_kfp.generating.refusing import refuse
from couler_kfp.generating.types import Types
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Expression,
    Graph,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Step,
    Template,
    Value,
    all_of,
    fresh_name,
    map_references,
    references,
    replace,
)
from couler_plugins.portable.comparisons import Comparison, comparisons
from couler_plugins.portable.conditions import Membership
from couler_plugins.portable.limits import is_reachable
from couler_plugins.portable.python.functions import Function, Kind

__all__ = ["Graphs"]

ITEM = "item"
Read = Callable[[Reference], Reference]
"""What a reference stands for in a task."""
OTHER = re.compile(r"[^a-z0-9]+")
PARTS = ("retry", "timeout", "memoized", "locks", "metrics", "finalizers", "regions", "targets", "rest")


class Graphs:
    """Makes dags of graphs.

    Args:
        callees: the graphs and operations of the workflow by name.
        names: the names that components have, by those of callees; new ones are added.

    Attributes:
        made: the dags so far, those of conditions and loops among them.
        types: of what they take and give.
        printed: the operations of which somebody reads what they print.
    """

    def __init__(self, callees: dict[str, Graph | Operation], names: dict[str, str]) -> None:
        self.made: list[Graph] = []
        self.printed: set[str] = set()
        self.lost: list[tuple[str, str]] = []
        self._callees = callees
        self.types = Types(callees)
        self._names = names
        self._taken = set(names.values())
        self._kinds: dict[Reference, Kind] = {}

    def add(self, graph: Graph) -> Graph:
        """The dag of a graph.

        Raises:
            Unsupported: there is something in it that no dag of KFP does.
        """
        for name in PARTS:
            if getattr(graph, name):
                raise refuse(f"Graph.{name}", graph.name, f"has {name} as a whole", "say it of the steps in it")
        if is_reachable(graph, self._callees):
            reason = "limits how many of its steps run at a time"
            raise refuse("Graph.parallelism", graph.name, reason, "leave that to a quota of the namespace")
        self._kinds = {
            Reference(to="input", kind="parameter", name=port.name): self.types.taken(graph, port.name)
            for port in graph.inputs
        }
        own = _task_names(graph)
        steps = {step.name: step for step in graph.steps}
        waits = waits_of(graph)
        tasks = tuple(self._step(step, steps, waits[step.name], own) for step in graph.steps)
        found = Graph(
            name=self._names[graph.name],
            inputs=tuple(self._port(port, graph) for port in graph.inputs),
            outputs=tuple(self._outputs(graph, steps, own)),
            steps=tasks,
        )
        self.made.append(found)
        return found

    def _outputs(self, graph: Graph, steps: dict[str, Step], own: dict[str, str]) -> Iterable[Output]:
        for output in graph.outputs:
            if output.kind != "parameter":
                raise refuse("Output.kind", graph.name, f"gives the artifact {output.name!r}")
            value = output.value
            if not _is_given(output) or not isinstance(value, Reference):
                self.lost.append((graph.name, output.name))
                continue
            given = self._read(value, steps, own, graph.name)
            yield Output(name=output.name, value=given, rest=self._type(given))

    def _port(self, port: Port, graph: Graph) -> Port:
        """An input of a dag, with a default of its type."""
        found = text_port(port, graph.name)
        kind = self.types.taken(graph, port.name)
        if not isinstance(found.default, Literal) or kind == "text":
            return replace(found, rest=type_of(kind))
        default = default_of(constant(found.default, kind, graph.name, port.name))
        return replace(found, default=default, rest=type_of(kind))

    def _type(self, value: Value) -> Native:
        kind = self._kinds.get(value, "text") if isinstance(value, Reference) else "text"
        return type_of(kind)

    def _step(self, step: Step, steps: dict[str, Step], waits: list[str], own: dict[str, str]) -> Step:
        callee = self._callees.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is None:
            raise refuse("Step.call", step.name, "calls what is not in this workflow")
        check_step(step, callee)

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own, step.name)

        asked = comparisons(step.condition)
        if asked is None:
            raise refuse(
                "Step.condition", step.name, "has a condition that is more than comparisons of texts and numbers"
            )
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(self._arguments(step, callee, read)),
            retry=retried(step, callee),
        )
        if step.loop is not None:
            called = self._looped(called, step, read)
        if asked:
            called = self._conditional(called, self._condition(asked, step, read))
        before = {own[name] for name in waits} | {item.step for item in references(called) if item.step}
        needs: list[Needs] = [Need(step=name, outcomes=SUCCEEDED) for name in sorted(before)]
        return replace(with_channels(called), needs=all_of(needs))

    def _arguments(self, step: Step, callee: Graph | Operation, read: Read) -> Iterable[Argument]:
        """What a task passes: constants of its callee's types, and references."""
        for argument in taken(step, callee):
            kind = self.types.taken(callee, argument.name)
            is_function = self.types.function(step) is not None
            if isinstance(argument.value, (Literal, Native)) and (is_function or kind != "text"):
                data = constant(argument.value, kind, step.name, argument.name)
                if data is not None:
                    whole = {"constant": data} if isinstance(data, (list, dict)) else data
                    yield replace(argument, value=default_of(whole))
            else:
                made = argument_of(argument, step.name, read)
                if is_function and kind == "text":
                    self._check_text(made.value, step)
                yield made

    def _check_text(self, value: Value, step: Step) -> None:
        """Refuses a number, truth value or structure in a text, or for a text, that KFP would write in its own way."""
        fine = ("text", "int", "bool", "list", "dict") if isinstance(value, Reference) else ("text", "int")
        for item in references(value):
            kind = self._kinds.get(item, "text") if item.to != "item" else "text"
            unknown = (
                item.to == "item" and value != item and step.loop and isinstance(step.loop.axes[0].values, Reference)
            )
            if kind not in fine or unknown:
                reason = f"makes a text of {'an item' if unknown else f'a {kind}'}, which KFP does in its own way"
                raise refuse("Step.arguments", step.name, reason, "do that in the function")

    def _condition(self, asked: Sequence[Membership | Comparison], step: Step, read: Read) -> Expression:
        """What has to hold, in CEL."""
        parts: list[str | Reference | Template] = []
        for item in asked:
            if item.value.to == "item":
                raise refuse("Step.condition", step.name, "decides for each item of its loop")
            value = read(item.value)
            kind = self._kinds.get(value, "text")
            parts.append(" && (" if parts else "(")
            if isinstance(item, Comparison):
                cast = ["double(", value, ")"] if kind == "text" else [value]
                parts += [*cast, f" {item.operator} {float(item.number)!r}"]
            else:
                how = " != " if item.negated else " == "
                joint = " && " if item.negated else " || "
                for number, text in enumerate(item.among):
                    parts += [joint if number else "", value, f"{how}{compared(text, kind, step.name)}"]
            parts.append(")")
        return Expression(language="cel", parts=tuple(joined(parts)))

    def _read(self, reference: Reference, steps: dict[str, Step], own: dict[str, str], holder: str) -> Reference:
        """What a reference stands for."""
        match reference:
            case Reference(to="item"):
                return reference
            case Reference(to="input", kind="parameter", path=()):
                return replace(reference, native="")
            case Reference(to="output", path=()) if reference.step in steps:
                found = self._output(reference, steps[reference.step], own)
                self._kinds[found] = self.types.given(steps[reference.step], reference.name)
                return found
        what = ".".join(filter(None, (reference.name, *reference.path))) or reference.to
        raise refuse("Step.arguments", holder, f"reads {what} ({reference.to}), which KFP does not have like this")

    def _output(self, reference: Reference, step: Step, own: dict[str, str]) -> Reference:
        callee = self._callees[getattr(step.call, "name", "")]
        function = self.types.function(step)
        if step.loop is not None and function is None:
            raise refuse("Step.loop", step.name, "loops, and the outputs of all its runs are read together")
        name = reference.name if function is None else output_of(function, reference.name)
        if reference.kind == "result" and name == "result" and isinstance(callee, Operation):
            self.printed.add(callee.name)
            name = printed_output(callee)
        else:
            found = next((item for item in callee.outputs if item.name == reference.name), None)
            if (
                found is None
                or reference.kind != "parameter"
                or not (isinstance(callee, Operation) or _is_given(found))
            ):
                raise refuse("Output.value", step.name, f"has no output parameter {name!r} that a task of it gives")
        if step.condition is not None:
            raise refuse("Step.condition", step.name, "has a condition, and its outputs are read")
        return Reference(to="output", kind="parameter", step=own[step.name], name=name)

    def _looped(self, called: Step, step: Step, read: Read) -> Step:
        """The call of a dag that loops over the items, and runs the task for each."""
        function = self.types.function(step)
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
        outer = self._inside(inner, f"for-loop-{called.name}", Port(name=ITEM, rest=type_of(kind)))
        if function is not None:
            self.made[-1] = replace(self.made[-1], outputs=tuple(_gathered(called.name, function)))
        more = [Argument(name=ITEM, value=Reference(to="item", kind="parameter"))]
        if isinstance(values, Reference) and all(item.value != values for item in outer.arguments):
            more.insert(0, Argument(name=self._channel(values), value=values))
            ports = (Port(name=more[0].name, rest=type_of("list")), *self.made[-1].inputs)
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
            found = read(values)
            if self._kinds.get(found, "text") not in ("list", "text"):
                raise refuse("Step.loop", step.name, "loops over what is no list")
            return found, None
        return Native.of(exact(values.data, step.name)), None

    def _item_kind(self, step: Step) -> Kind:
        """The kind of the items of a function's loop, as far as its parameters say it."""
        callee = self._callees[getattr(step.call, "name", "")]
        found: set[Kind] = set()
        for argument in step.arguments:
            for item in references(argument.value):
                if item.to == "item":
                    whole = item == argument.value and not item.name and not item.path
                    found.add(self.types.taken(callee, argument.name) if whole else "dict")
        return found.pop() if len(found) == 1 else "text"

    def _channel(self, reference: Reference) -> str:
        """The name of an input that only hands something on.

        `kfp.local`, which runs nothing but functions, finds the value behind such a name in a condition where the
        output is called `Output`, or stands behind two dashes.
        """
        if reference.step and reference.name != "Output" and self.types.all_functions:
            return f"{channel(replace(reference, step='', name=reference.step))}--{reference.name}"
        return channel(reference)

    def _conditional(self, called: Step, condition: Expression) -> Step:
        """The call of a dag that only runs the task where the condition holds."""
        outer = self._inside(called, f"condition-{called.name}")
        given = {argument.value for argument in outer.arguments}
        names = {argument.name for argument in outer.arguments}
        more: list[Argument] = []
        for reference in dict.fromkeys(references(condition)):
            if reference not in given:
                name = fresh_name(self._channel(reference), names)
                names.add(name)
                more.append(Argument(name=name, value=reference))
        graph = self.made[-1]
        ports = tuple(Port(name=item.name, rest=self._type(item.value)) for item in more)
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
        inputs = (*(Port(name=port, rest=self._type(reference)) for reference, port in passed.items()), *ports)
        self.made.append(Graph(name=name, inputs=inputs, steps=(with_channels(inner),)))
        arguments = tuple(Argument(name=port, value=reference) for reference, port in passed.items())
        return Step(name=called.name, call=Call(name=name), arguments=arguments)


def _gathered(task: str, function: Function) -> Iterator[Output]:
    """What the dag of a loop hands out: of each output of the function in it a list."""
    for name, _ in function.outputs:
        own = output_of(function, name)
        value = Reference(to="output", kind="parameter", step=task, name=own)
        yield Output(name=own, value=value, rest=type_of("list"))


def _is_given(output: Output) -> bool:
    """Whether an output of a graph is just one of a task in it."""
    value = output.value
    plain = output.exported is None and output.default is None
    return plain and isinstance(value, Reference) and bool(value.step)


def _task_names(graph: Graph) -> dict[str, str]:
    found: dict[str, str] = {}
    for step in graph.steps:
        name = OTHER.sub("-", step.name.lower()).strip("-") or "task"
        found[step.name] = fresh_name(name, found.values())
    return found
