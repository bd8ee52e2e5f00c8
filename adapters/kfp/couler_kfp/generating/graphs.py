"""Graphs as components with a dag, the arguments of tasks, and conditions in CEL.

Each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from couler_kfp.generating.bodies import printed_output, text_port
from couler_kfp.generating.calls import Read, accepted_arguments, argument_of, compared, joined, retried, with_channels
from couler_kfp.generating.functions import constant, default_of, output_of, type_of
from couler_kfp.generating.nested import Nested
from couler_kfp.generating.order import check_step, waits_of
from couler_kfp.generating.refusing import refuse
from couler_kfp.generating.types import Types
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.engine_kit.legalize.comparisons import Comparison, comparisons
from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.engine_kit.legalize.limits import is_reachable
from couler_plugins.engine_kit.legalize.python.functions import Kind
from couler_plugins.ir import (
    Argument,
    Call,
    Expression,
    Graph,
    Literal,
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
    references,
    replace,
)

__all__ = ["Graphs", "arguments_of", "condition_of"]


# What a task passes: constants of the types that its callee takes, and references.

KindOf = Callable[[Value], Kind]


def arguments_of(
    step: Step, callee: Graph | Operation, read: Read, types: Types, kind_of: KindOf
) -> Iterator[Argument]:
    """The arguments of a step, as KFP passes them.

    Args:
        step: the step.
        callee: what it calls.
        read: what a reference in it stands for.
        types: of what is called.
        kind_of: the kind of a value that is passed.

    Raises:
        InvalidInput: a constant is of another kind than its parameter.
        Unsupported: something is missing, or is more than a text for what takes texts.
    """
    is_function = types.function(step) is not None
    for argument in accepted_arguments(step, callee):
        kind = types.input_kind(callee, argument.name)
        if isinstance(argument.value, (Literal, Native)) and (is_function or kind != "text"):
            data = constant(argument.value, kind, step.name, argument.name)
            if data is not None:
                whole = {"constant": data} if isinstance(data, (list, dict)) else data
                yield replace(argument, value=default_of(whole))
        else:
            argument_made = argument_of(argument, step.name, read)
            if is_function and kind == "text":
                _check_text(argument_made.value, step, kind_of)
            yield argument_made


def _check_text(value: Value, step: Step, kind_of: KindOf) -> None:
    """Refuses a number, truth value or structure in a text, or for a text, that KFP would write in its own way."""
    fine = ("text", "int", "bool", "list", "dict") if isinstance(value, Reference) else ("text", "int")
    looped = step.loop is not None and isinstance(step.loop.axes[0].values, Reference)
    for item in references(value):
        unknown = looped and item.to == "item" and value != item
        kind = kind_of(item)
        if kind not in fine or unknown:
            reason = f"makes a text of {'an item' if unknown else f'a {kind}'}, which KFP does in its own way"
            raise refuse("Step.arguments", step.name, reason, "do that in the function")


# Conditions in CEL, over values that have types.


def condition_of(
    tests: Sequence[Membership | Comparison], step: Step, read: Read, kind_of: Callable[[Reference], Kind]
) -> Expression:
    """What has to hold.

    Args:
        tests: all of it.
        step: whose condition it is.
        read: what a reference in it stands for.
        kind_of: the kind of that.

    Raises:
        Unsupported: it is asked of an item, or a value is compared with what none of its kind can be.
    """
    parts: list[str | Reference | Template] = []
    for item in tests:
        if item.value.to == "item":
            raise refuse("Step.condition", step.name, "decides for each item of its loop")
        value = read(item.value)
        kind = kind_of(value)
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


OTHER = re.compile(r"[^a-z0-9]+")
PARTS = ("retry", "timeout", "memoized", "locks", "metrics", "finalizers", "regions", "targets", "native_extra")


class Graphs:
    """Makes dags of graphs.

    Args:
        callees: the graphs and operations of the workflow by name.
        names: the names that components have, by those of callees; new ones are added.

    Attributes:
        graphs: the dags so far, those of conditions and loops among them.
        types: of what they take and give.
        printed: the operations of which somebody reads what they print.
    """

    def __init__(self, callees: dict[str, Graph | Operation], names: dict[str, str]) -> None:
        self.printed: set[str] = set()
        self.lost: list[tuple[str, str]] = []
        self._callees = callees
        self.types = Types(callees)
        self._names = names
        self._nested = Nested(self.types, names.values())

    @property
    def graphs(self) -> list[Graph]:
        return self._nested.made

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
        self._nested.kinds = {
            Reference(to="input", kind="parameter", name=port.name): self.types.input_kind(graph, port.name)
            for port in graph.inputs
        }
        own = _task_names(graph)
        steps = {step.name: step for step in graph.steps}
        waits = waits_of(graph)
        tasks = tuple(self._step(step, steps, waits[step.name], own) for step in graph.steps)
        result = Graph(
            name=self._names[graph.name],
            inputs=tuple(self._port(port, graph) for port in graph.inputs),
            outputs=tuple(self._outputs(graph, steps, own)),
            steps=tasks,
        )
        self.graphs.append(result)
        return result

    def _outputs(self, graph: Graph, steps: dict[str, Step], own: dict[str, str]) -> Iterable[Output]:
        for output in graph.outputs:
            if output.kind != "parameter":
                raise refuse("Output.kind", graph.name, f"gives the artifact {output.name!r}")
            value = output.value
            if not _is_given(output) or not isinstance(value, Reference):
                self.lost.append((graph.name, output.name))
                continue
            supplied = self._read(value, steps, own, graph.name)
            yield Output(name=output.name, value=supplied, native_extra=type_of(self._nested.kind(supplied)))

    def _port(self, port: Port, graph: Graph) -> Port:
        """An input of a dag, with a default of its type."""
        text_input = text_port(port, graph.name)
        kind = self.types.input_kind(graph, port.name)
        if not isinstance(text_input.default, Literal) or kind == "text":
            return replace(text_input, native_extra=type_of(kind))
        default = default_of(constant(text_input.default, kind, graph.name, port.name))
        return replace(text_input, default=default, native_extra=type_of(kind))

    def _step(self, step: Step, steps: dict[str, Step], waits: list[str], own: dict[str, str]) -> Step:
        callee = self._callees.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is None:
            raise refuse("Step.call", step.name, "calls what is not in this workflow")
        check_step(step, callee)

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own, step.name)

        tests = comparisons(step.condition)
        if tests is None:
            raise refuse(
                "Step.condition", step.name, "has a condition that is more than comparisons of texts and numbers"
            )
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(arguments_of(step, callee, read, self.types, self._nested.kind)),
            retry=retried(step, callee),
        )
        if step.loop is not None:
            called = self._nested.looped(called, step, read)
        if tests:
            called = self._nested.conditional(called, condition_of(tests, step, read, self._nested.kind))
        before = {own[name] for name in waits} | {item.step for item in references(called) if item.step}
        needs: list[Needs] = [Need(step=name, outcomes=SUCCEEDED) for name in sorted(before)]
        return replace(with_channels(called), needs=all_of(needs))

    def _read(self, reference: Reference, steps: dict[str, Step], own: dict[str, str], holder: str) -> Reference:
        """What a reference stands for."""
        match reference:
            case Reference(to="item"):
                return reference
            case Reference(to="input", kind="parameter", path=()):
                return replace(reference, native="")
            case Reference(to="output", path=()) if reference.step in steps:
                output = self._output(reference, steps[reference.step], own)
                self._nested.kinds[output] = self.types.output_kind(steps[reference.step], reference.name)
                return output
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
            output = next((item for item in callee.outputs if item.name == reference.name), None)
            if (
                output is None
                or reference.kind != "parameter"
                or not (isinstance(callee, Operation) or _is_given(output))
            ):
                raise refuse("Output.value", step.name, f"has no output parameter {name!r} that a task of it gives")
        if step.condition is not None:
            raise refuse("Step.condition", step.name, "has a condition, and its outputs are read")
        return Reference(to="output", kind="parameter", step=own[step.name], name=name)


def _is_given(output: Output) -> bool:
    """Whether an output of a graph is just one of a task in it."""
    value = output.value
    plain = output.exported is None and output.default is None
    return plain and isinstance(value, Reference) and bool(value.step)


def _task_names(graph: Graph) -> dict[str, str]:
    names: dict[str, str] = {}
    for step in graph.steps:
        name = OTHER.sub("-", step.name.lower()).strip("-") or "task"
        names[step.name] = fresh_name(name, names.values())
    return names
