"""From what was recorded to the IR: each scope a graph, each template an operation, each call a step.

Checks that need the whole workflow are made here.

What is made is portable: it is in the terms that adapters write workflows of other engines from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any

from couler_plugins.authoring.closing import Closed, close
from couler_plugins.authoring.conditions import condition_value
from couler_plugins.authoring.places import Place, shown
from couler_plugins.authoring.recording import Recorder
from couler_plugins.authoring.scopes import Call, Scope, after
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Argument,
    FirstOf,
    Graph,
    Handler,
    Native,
    Needs,
    Output,
    Port,
    PortKind,
    Reference,
    Step,
    Workflow,
    all_of,
    conjuncts,
    fresh_name,
    map_references,
    needed,
    replace,
    take_name,
    verify,
)
from couler_plugins.ir import Call as GraphCall

# What only the whole workflow shows: volumes that are not there, steps that wait for each other, outputs of nobody.


def check_mounts(calls: list[Call], volumes: Set[str]) -> None:
    """Raises `InvalidInput` where a step mounts a volume that the workflow does not have."""
    for call in calls:
        for container in call.operation.containers if call.operation is not None else ():
            mounts = container.native_extra.data.get("volumeMounts", ()) if container.native_extra is not None else ()
            if missing := [mount["name"] for mount in mounts if mount["name"] not in volumes]:
                message = f"it mounts the volume {shown(missing[0])}, which this workflow does not have"
                hint = f"add it: add_volume(Volume({shown(missing[0])}, claim_name))"
                raise InvalidInput(message, file=call.place.file, line=call.place.line, step=call.name, hint=hint)


def check_whole(workflow: Workflow, places: dict[str, Place]) -> None:
    """Raises `InvalidInput` where the workflow cannot run as it was written, with the place of the step."""
    for problem in verify(workflow):
        step = problem.subject.rpartition("/")[2]
        where = places.get(step)
        raise InvalidInput(
            problem.message,
            file=where.file if where else None,
            line=where.line if where else None,
            step=step,
            hint=problem.hint,
        )


ENGINE = "couler"
ENTRY = "entrypoint"
MAIN = "main"
Inputs = dict[Reference, str]
"""The names of a graph's inputs, by what they hand on."""


def build(recorder: Recorder, name: str, parameters: tuple[Port, ...], kind: str, rest: Any) -> Workflow:
    """The workflow that was recorded.

    Args:
        recorder: what was written.
        name: of the workflow.
        parameters: what a run can be given.
        kind: `Workflow`, or `CronWorkflow` for one with a schedule.
        rest: what else is said of the whole run; None for nothing.

    Raises:
        InvalidInput: it cannot run as it was written: by step, with file and line.
    """
    if not recorder.main.calls:
        raise InvalidInput(f"nothing runs in the workflow {name!r}", hint="call run_container or its like in it")
    scopes = [recorder.main, *(scope for _, scope in recorder.handlers)]
    calls = [call for scope in scopes for call in _all_calls(scope)]
    check_mounts(calls, recorder.volume_names())
    closed = close([call for call in calls if call.operation is not None])
    builder = _Builder(closed, calls, {port.name for port in parameters})
    main = builder.graph(recorder.main, fresh_name(MAIN, builder.taken), {})
    workflow = Workflow(
        engine=ENGINE,
        kind=kind,
        name=name,
        parameters=parameters,
        entry=Step(name=ENTRY, call=GraphCall(name=main.name)),
        handlers=tuple(builder.handlers(recorder.handlers)),
        graphs=tuple(builder.graphs),
        operations=tuple(builder.closed.operations),
        native_extra=Native.of(rest) if rest else None,
    )
    check_whole(workflow, {call.name: call.place for call in calls})
    return workflow


def _all_calls(scope: Scope) -> Iterator[Call]:
    for call in scope.calls.values():
        yield call
        yield from _all_calls(call.body) if call.body is not None else ()


class _Builder:
    """Makes graphs of scopes, those of bodies before those that call them."""

    def __init__(self, closed: Closed, calls: list[Call], parameters: Set[str]) -> None:
        self.closed = closed
        self._parameters = parameters
        self.graphs: list[Graph] = []
        self.taken = {operation.name for operation in closed.operations}
        self._steps = {call.name for call in calls}
        self._read = {(item.step, item.name) for call in calls for item in _own_reads(call) if item.to == "output"}

    def graph(self, scope: Scope, name: str, inputs: Inputs, *more: Step, outputs: tuple[Output, ...] = ()) -> Graph:
        """The graph of a scope, after those inside of it; `more` are steps behind its own."""
        self.taken.add(name)
        position = len(self.graphs)
        steps = [self._step(call, scope, inputs) for call in scope.calls.values()]
        graph = Graph(
            name=name,
            inputs=tuple(Port(name=port, kind=_kind(reference)) for reference, port in inputs.items()),
            outputs=outputs,
            steps=(*steps, *more),
        )
        self.graphs.insert(position, graph)
        return graph

    def handlers(self, scopes: Iterable[tuple[str, Scope]]) -> Iterator[Handler]:
        """What runs at the end: one container by itself, or a graph with a step for each outcome."""
        whole = Scope(calls={name: call for _, scope in scopes for name, call in scope.calls.items()})
        if not whole.calls:
            return
        for reference in whole.reads():
            if reference.to == "output":
                raise InvalidInput(
                    f"an exit handler reads an output of {reference.step!r}, which may not have run",
                    hint="let the handler find it out itself, or pass a parameter of the workflow",
                )
        (first, *others) = whole.calls.values()
        if not others and first.operation is not None and first.loop is None and not first.conditions:
            yield Handler(step=self._step(first, whole, {}))
            return
        graph = self.graph(whole, fresh_name("exit-handler", self.taken), {})
        yield Handler(step=Step(name=graph.name, call=GraphCall(name=graph.name)))

    def _step(self, call: Call, scope: Scope, inputs: Inputs) -> Step:
        def resolved(reference: Reference) -> Reference:
            if reference.to == "item" and reference.step == call.loop_id:
                return replace(reference, step="")
            if reference in inputs:
                return Reference(to="input", kind=_kind(reference), name=inputs[reference])
            self._check_known(reference, call)
            return reference

        if call.body is not None:
            callee, arguments = self._composite(call, call.body)
        else:
            callee, arguments = self.closed.names[call.name], self.closed.arguments[call.name]
        return Step(
            name=call.name,
            call=GraphCall(name=callee),
            arguments=map_references(arguments, resolved),
            needs=_needs(call, scope),
            condition=map_references(condition_value(call.conditions), resolved),
            loop=map_references(call.loop, resolved),
        )

    def _check_known(self, reference: Reference, call: Call) -> None:
        """Raises `InvalidInput` where a step reads an item outside of its loop, or a parameter of another workflow."""
        if reference.to == "item" and reference.step:
            message, hint = (
                "it uses an item of a map outside of that map",
                "use what map returns: the list of the results",
            )
        elif reference.to == "parameter" and reference.name not in self._parameters:
            message = f"it takes the parameter {reference.name!r}, which this workflow does not have"
            hint = "workflows share no values: give this one a parameter of its own"
        else:
            return
        raise InvalidInput(message, file=call.place.file, line=call.place.line, step=call.name, hint=hint)

    def _composite(self, call: Call, body: Scope) -> tuple[str, tuple[Argument, ...]]:
        """The graph of a body, and what it is passed: what it reads of the scopes around."""
        inputs: Inputs = {}
        for reference in call.inside():
            if reference.to in ("item", "output") and reference not in inputs:
                inputs[reference] = fresh_name(_port_name(reference), inputs.values())
        name = take_name(f"{call.template}-{'each' if call.again is None else 'while'}", self.taken)
        gives = {key: value for key, value in call.gives.items() if (call.name, key) in self._read}
        arguments = tuple(Argument(name=port, value=item, kind=_kind(item)) for item, port in inputs.items())
        if call.again is None:
            outputs = tuple(Output(name=key, kind=_kind(value), value=value) for key, value in gives.items())
            self.graph(body, name, inputs, outputs=outputs)
            return name, arguments
        again = take_name(f"{call.template}-again", self._steps)
        passed = tuple(replace(item, value=Reference(to="input", kind=item.kind, name=item.name)) for item in arguments)
        step = Step(
            name=again,
            call=GraphCall(name=name),
            arguments=passed,
            needs=after(body.last),
            condition=map_references(
                condition_value((call.again,)),
                lambda item: Reference(to="input", kind=_kind(item), name=inputs[item]) if item in inputs else item,
            ),
        )
        outputs = tuple(
            Output(
                name=key,
                kind=_kind(value),
                value=FirstOf(values=(Reference(to="output", kind=_kind(value), step=again, name=key), value)),
            )
            for key, value in gives.items()
        )
        self.graph(body, name, inputs, step, outputs=outputs)
        return name, arguments


def _own_reads(call: Call) -> Iterator[Reference]:
    yield from call.reads()
    if call.again is not None and call.again.left is not None:
        yield call.again.left


def _needs(call: Call, scope: Scope) -> Needs | None:
    """What a step waits for: what was asked for, and the steps that it reads from."""
    named = {need.step for need in needed(call.needs)}
    read = dict.fromkeys(item.step for item in call.reads() if item.step in scope.calls and item.step != call.name)
    more = after(name for name in read if name not in named)
    return all_of([*conjuncts(call.needs), *conjuncts(more)])


def _kind(reference: Reference) -> PortKind:
    return "artifact" if reference.kind == "artifact" else "parameter"


def _port_name(reference: Reference) -> str:
    if reference.to == "item":
        return f"item-{reference.name}" if reference.name else "item"
    return f"{reference.step}-{reference.name}"
