"""A workflow of another engine as a pipeline, in the IR's terms that KFP's writer knows.

Graphs as components with a dag, the arguments of tasks, and conditions in CEL.

Each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

from couler_kfp.documents import ROOT
from couler_kfp.generating.claims import FIELD, claiming, with_claims, without_variables
from couler_kfp.generating.components import ARTIFACT, component_of, function_component, output_of, text_port
from couler_kfp.generating.conditions import question_of, tests_of
from couler_kfp.generating.exits import told_status, with_outcome, with_status
from couler_kfp.generating.legality import TABLE
from couler_kfp.generating.nested import Nested
from couler_kfp.generating.outcomes import LAST, Ends, may_skip, with_ends
from couler_kfp.generating.preparation import prepared
from couler_kfp.generating.questions import condition_of
from couler_kfp.generating.roots import finishing, is_computed, losses, root_of
from couler_kfp.generating.runs import with_facts
from couler_kfp.generating.values import (
    Read,
    Types,
    arguments_of,
    constant,
    default_of,
    type_of,
    with_channels,
)
from couler_kfp.tasks import COMPLETED, SUCCEEDED
from couler_plugins.engine_kit.legalize.native_fields import without_field
from couler_plugins.engine_kit.legalize.passes import (
    as_label,
    reached,
    with_parameters_passed,
    without_idle_limits,
)
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.shell import printed_output
from couler_plugins.engine_kit.legalize.tables import Refusals, waits
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Native,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Workflow,
    all_of,
    callables,
    fresh_name,
    references,
    replace,
)
from couler_plugins.plan import Decision


class Graphs:
    """Makes dags of graphs.

    Args:
        callees: the graphs and operations of the workflow by name; they break no rule of KFP's table.
        names: the names that components have, by those of callees; new ones are added.
        refusals: hears what else KFP cannot say of single tasks.
        ends: what there is to know of the ends of steps.

    Attributes:
        graphs: the dags so far, those of conditions and loops among them.
        types: of what they take and give.
        printed: the operations of which somebody reads what they print.
    """

    def __init__(
        self, callees: dict[str, Graph | Operation], names: dict[str, str], refusals: Refusals, ends: Ends
    ) -> None:
        self._ends = ends
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
        skippable = {step.name for step in graph.steps if may_skip(graph, step, accepted)}

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own)

        def task(step: Step) -> Step:
            task = self._task(step, graph.name, own, list(accepted[step.name]), read)
            return self._nested.skippable(task) if step.name in skippable else task

        def output(item: Output) -> Output:
            value = read(item.value)  # type: ignore[arg-type]  # others are left out
            if item.kind == "artifact":
                return Output(name=item.name, kind="artifact", value=value, native_extra=ARTIFACT)
            return Output(name=item.name, value=value, native_extra=type_of(self._nested.kind(value)))

        result = Graph(
            name=self._names[graph.name],
            steps=self._refusals.each(task, graph.steps),
            inputs=self._refusals.each(
                lambda port: self._port(port, graph), (port for port in graph.inputs if port.origin is None)
            ),
            outputs=tuple(map(output, graph.outputs)),
        )
        self.graphs.append(result)
        return result

    def _port(self, port: Port, graph: Graph) -> Port:
        """Return an input of a dag, with a default of its type."""
        if port.kind == "artifact":
            return Port(name=port.name, kind="artifact", native_extra=ARTIFACT)
        text_input = text_port(port)
        kind = self.types.input_kind(graph, port.name)
        if not isinstance(text_input.default, Literal) or kind == "text":
            return replace(text_input, native_extra=type_of(kind))
        default = default_of(constant(text_input.default, kind, graph.name, port.name))
        return replace(text_input, default=default, native_extra=type_of(kind))

    def _task(self, step: Step, graph: str, own: dict[str, str], before: list[str], read: Read) -> Step:
        callee = self.types.callee(step)
        retry = step.retry or callee.retry
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(arguments_of(step, callee, read, self.types, self._nested.kind)),
            retry=None if retry is None else _retry(retry),
        )
        question = question_of(step.condition, self._ends.tests.get((graph, step.name), ()))
        of_item = any(test.value.to == "item" for test in tests_of(question))
        if question is not None and question.parts and of_item:
            called = self._nested.conditional(called, condition_of(question, step.name, read, self._nested.kind))
        if step.loop is not None:
            called = self._nested.looped(called, step, read)
        if question is not None and question.parts and not of_item:
            called = self._nested.conditional(called, condition_of(question, step.name, read, self._nested.kind))
        names = {own[name] for name in before} | {item.step for item in references(called) if item.step}
        outcomes = COMPLETED if step.directives == LAST else SUCCEEDED
        needs: list[Needs] = [Need(step=name, outcomes=outcomes) for name in sorted(names)]
        return replace(with_channels(called), needs=all_of(needs))

    def _read(self, reference: Reference, steps: dict[str, Step], own: dict[str, str]) -> Reference:
        """Return what a reference stands for."""
        if reference.to != "output":
            return replace(reference, native="")
        step = steps[reference.step]
        callee, function = self.types.callee(step), self.types.function(step)
        if reference.kind == "artifact":
            return Reference(to="output", kind="artifact", step=own[step.name], name=reference.name)
        name = reference.name if function is None else output_of(function, reference.name)
        if reference.kind == "result" and name == "result" and isinstance(callee, Operation):
            self.printed.add(callee.name)
            name = printed_output(callee)
        output = Reference(to="output", kind="parameter", step=own[step.name], name=name)
        self._nested.kinds[output] = self.types.output_kind(step, reference.name)
        return output


MAX_NAME = 128
SDK = "kfp-2.5.0"
"""Some version has to stand there; backends look whether it begins like this."""


def pipeline_of(workflow: Workflow, image: str = "", kubectl: str = "") -> tuple[Workflow, tuple[Decision, ...]]:
    """Return a workflow as a pipeline, and what is not quite the same about it.

    Args:
        workflow: it has no origin.
        image: for containers that say none.
        kubectl: the image for what is done by kubectl.

    Raises:
        Unsupported: it has something that KFP has no words for.
    """
    mounting, claims = with_claims(workflow)
    asking, outcome = with_outcome(prepared(mounting, image, kubectl), image)
    read, facts = with_facts(asking)
    passed = without_variables(without_idle_limits(reached(with_parameters_passed(read))))
    whole, ends = with_ends(with_status(passed, outcome, image) if outcome else passed)
    whole = reached(whole)
    graphs = tuple(
        replace(graph, outputs=tuple(output for output in graph.outputs if not is_computed(output)))
        for graph in whole.graphs
    )
    closed = replace(whole, graphs=graphs)
    root = root_of(closed, facts)
    TABLE.check(
        replace(workflow, parameters=closed.parameters, native_extra=_without_claims(workflow, claims)),
        replace(closed, entry=None, handlers=(), graphs=(*root, *graphs)),
    )
    callees = callables(closed)
    names = {"": ROOT}
    for name in callees:
        names[name] = fresh_name(f"comp-{as_label(name)}", names.values())
    refusals = Refusals()
    dags = Graphs(callees, names, refusals, ends)
    for graph in (*graphs, *root):
        dags.add(graph)
    main = dags.graphs.pop()
    operations = refusals.each(lambda item: _component(item, names[item.name], dags), closed.operations)
    refusals.tell()
    pipeline = Workflow(
        engine="kfp",
        kind="PipelineSpec",
        name=as_label(workflow.name or workflow.prefix or "workflow", MAX_NAME),
        parameters=main.inputs,
        entry=Step(name=ROOT, call=Call(name=ROOT)),
        graphs=(finishing(main, closed), *dags.graphs),
        operations=operations,
        native_extra=Native.of({"spec": {"sdkVersion": SDK}}),
    )
    if outcome:
        graphs = tuple(told_status(item, main.steps[0].name) for item in pipeline.graphs)  # type: ignore[misc]
        components = tuple(told_status(item, main.steps[0].name) for item in pipeline.operations)
        pipeline = replace(pipeline, graphs=graphs, operations=components)
    return claiming(pipeline, claims) if claims else pipeline, tuple(losses(workflow, whole))


def _without_claims(workflow: Workflow, claims: object) -> Native | None:
    return without_field(workflow.native_extra, f"spec.{FIELD}") if claims else workflow.native_extra


def _retry(retry: Retry) -> Retry:
    """How often a task is tried; that delays do not grow is said, since KFP's own words are that they double."""
    same = None if retry.delay is None else Literal(value=1)
    limit = Literal(value=int(str(getattr(retry.limit, "value", 0))))
    return Retry(limit=limit, delay=retry.delay, factor=retry.factor or same)


def _component(operation: Operation, name: str, graphs: Graphs) -> Operation:
    function = function_of(operation)
    if function is not None:
        return function_component(operation, function, name, shelter=graphs.types.all_functions)
    return component_of(operation, name, is_printed=operation.name in graphs.printed)
