"""Graphs as components with a dag, the arguments of tasks, and conditions in CEL.

Each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

from couler_kfp.generating.components import output_of, text_port
from couler_kfp.generating.nested import Nested
from couler_kfp.generating.types import Types
from couler_kfp.generating.values import Read, arguments_of, condition_of, constant, default_of, type_of, with_channels
from couler_kfp.tasks import SUCCEEDED
from couler_plugins.engine_kit.legalize.conditions import comparisons
from couler_plugins.engine_kit.legalize.passes import as_label
from couler_plugins.engine_kit.legalize.shell import printed_output
from couler_plugins.engine_kit.legalize.tables import Refusals, waits
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    all_of,
    fresh_name,
    references,
    replace,
)


class Graphs:
    """Makes dags of graphs.

    Args:
        callees: the graphs and operations of the workflow by name; they break no rule of KFP's table.
        names: the names that components have, by those of callees; new ones are added.
        refusals: hears what else KFP cannot say of single tasks.

    Attributes:
        graphs: the dags so far, those of conditions and loops among them.
        types: of what they take and give.
        printed: the operations of which somebody reads what they print.
    """

    def __init__(self, callees: dict[str, Graph | Operation], names: dict[str, str], refusals: Refusals) -> None:
        self.printed: set[str] = set()
        self._callees = callees
        self.types = Types(callees)
        self._names = names
        self._nested = Nested(self.types, names.values())
        self._refusals = refusals

    @property
    def graphs(self) -> list[Graph]:
        return self._nested.made

    def add(self, graph: Graph) -> Graph:
        """Add the dag of a graph, and return it."""
        self._nested.kinds = {
            Reference(to="input", kind="parameter", name=port.name): self.types.input_kind(graph, port.name)
            for port in graph.inputs
        }
        own: dict[str, str] = {}
        for step in graph.steps:
            own[step.name] = fresh_name(as_label(step.name) or "task", own.values())
        steps, accepted = {step.name: step for step in graph.steps}, waits(graph)

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own)

        def task(step: Step) -> Step:
            return self._task(step, own, list(accepted[step.name]), read)

        def output(item: Output) -> Output:
            value = read(item.value)  # type: ignore[arg-type]  # others are left out
            return Output(name=item.name, value=value, native_extra=type_of(self._nested.kind(value)))

        result = Graph(
            name=self._names[graph.name],
            steps=self._refusals.each(task, graph.steps),
            inputs=self._refusals.each(lambda port: self._port(port, graph), graph.inputs),
            outputs=tuple(map(output, graph.outputs)),
        )
        self.graphs.append(result)
        return result

    def _port(self, port: Port, graph: Graph) -> Port:
        """Return an input of a dag, with a default of its type."""
        text_input = text_port(port)
        kind = self.types.input_kind(graph, port.name)
        if not isinstance(text_input.default, Literal) or kind == "text":
            return replace(text_input, native_extra=type_of(kind))
        default = default_of(constant(text_input.default, kind, graph.name, port.name))
        return replace(text_input, default=default, native_extra=type_of(kind))

    def _task(self, step: Step, own: dict[str, str], before: list[str], read: Read) -> Step:
        callee = self.types.callee(step)
        retry = step.retry or callee.retry
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(arguments_of(step, callee, read, self.types, self._nested.kind)),
            retry=None if retry is None else Retry(limit=Literal(value=int(str(getattr(retry.limit, "value", 0))))),
        )
        if step.loop is not None:
            called = self._nested.looped(called, step, read)
        if tests := comparisons(step.condition):
            called = self._nested.conditional(called, condition_of(tests, step, read, self._nested.kind))
        names = {own[name] for name in before} | {item.step for item in references(called) if item.step}
        needs: list[Needs] = [Need(step=name, outcomes=SUCCEEDED) for name in sorted(names)]
        return replace(with_channels(called), needs=all_of(needs))

    def _read(self, reference: Reference, steps: dict[str, Step], own: dict[str, str]) -> Reference:
        """Return what a reference stands for."""
        if reference.to != "output":
            return replace(reference, native="")
        step = steps[reference.step]
        callee, function = self.types.callee(step), self.types.function(step)
        name = reference.name if function is None else output_of(function, reference.name)
        if reference.kind == "result" and name == "result" and isinstance(callee, Operation):
            self.printed.add(callee.name)
            name = printed_output(callee)
        output = Reference(to="output", kind="parameter", step=own[step.name], name=name)
        self._nested.kinds[output] = self.types.output_kind(step, reference.name)
        return output
