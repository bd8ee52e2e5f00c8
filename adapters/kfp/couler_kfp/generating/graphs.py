"""Graphs as components with a dag: each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from couler_kfp.generating.bodies import STRING, checked, printed_output, text_port
from couler_kfp.generating.refusing import refuse
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
    Retry,
    Step,
    Template,
    Value,
    all_of,
    conjuncts,
    fresh_name,
    map_references,
    references,
    replace,
)
from couler_plugins.portable.conditions import memberships
from couler_plugins.portable.limits import is_reachable

__all__ = ["Graphs"]

FINE = frozenset({"succeeded", "skipped", "omitted"})
CHANNEL = "pipelinechannel--"
ITEM = "item"
OTHER = re.compile(r"[^a-z0-9]+")
PARTS = ("retry", "timeout", "memoized", "locks", "metrics", "finalizers", "regions", "targets", "rest")


class Graphs:
    """Makes dags of graphs.

    Args:
        callees: the graphs and operations of the workflow by name.
        names: the names that components have, by those of callees; new ones are added.

    Attributes:
        made: the dags so far, those of conditions and loops among them.
        printed: the operations of which somebody reads what they print.
    """

    def __init__(self, callees: dict[str, Graph | Operation], names: dict[str, str]) -> None:
        self.made: list[Graph] = []
        self.printed: set[str] = set()
        self.lost: list[tuple[str, str]] = []
        self._callees = callees
        self._names = names
        self._taken = set(names.values())

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
        own = _task_names(graph)
        steps = {step.name: step for step in graph.steps}
        waits = _waits(graph)
        tasks = tuple(self._step(step, steps, waits[step.name], own) for step in graph.steps)
        found = Graph(
            name=self._names[graph.name],
            inputs=tuple(text_port(port, graph.name) for port in graph.inputs),
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
            yield Output(name=output.name, value=self._read(value, steps, own, graph.name), rest=STRING)

    def _step(self, step: Step, steps: dict[str, Step], waits: list[str], own: dict[str, str]) -> Step:
        callee = self._callees.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is None:
            raise refuse("Step.call", step.name, "calls what is not in this workflow")
        _check_step(step, callee)

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own, step.name)

        asked = memberships(step.condition)
        if asked is None:
            raise refuse("Step.condition", step.name, "has a condition that is more than comparisons of texts")
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(_argument(argument, step.name, read) for argument in _taken(step, callee)),
            retry=_retry(step, callee),
        )
        if step.loop is not None:
            called = self._looped(called, step)
        if asked:
            parts: list[str | Reference | Template] = []
            for item in asked:
                if item.value.to == "item":
                    raise refuse("Step.condition", step.name, "decides for each item of its loop")
                how = " != " if item.negated else " == "
                joint = " && " if item.negated else " || "
                parts.append(" && (" if parts else "(")
                for number, text in enumerate(item.among):
                    parts += [joint if number else "", read(item.value), f"{how}{_quoted(text, step.name)}"]
                parts.append(")")
            called = self._conditional(called, Expression(language="cel", parts=tuple(_joined(parts))))
        before = {own[name] for name in waits} | {item.step for item in references(called) if item.step}
        needs: list[Needs] = [Need(step=name, outcomes=SUCCEEDED) for name in sorted(before)]
        return replace(_with_channels(called), needs=all_of(needs))

    def _read(self, reference: Reference, steps: dict[str, Step], own: dict[str, str], holder: str) -> Reference:
        """What a reference stands for."""
        match reference:
            case Reference(to="item"):
                return reference
            case Reference(to="input", kind="parameter", path=()):
                return replace(reference, native="")
            case Reference(to="output", path=()) if reference.step in steps:
                return self._output(reference, steps[reference.step], own)
        what = ".".join(filter(None, (reference.name, *reference.path))) or reference.to
        raise refuse("Step.arguments", holder, f"reads {what} ({reference.to}), which KFP does not have like this")

    def _output(self, reference: Reference, step: Step, own: dict[str, str]) -> Reference:
        if step.loop is not None:
            raise refuse("Step.loop", step.name, "loops, and the outputs of all its runs are read together")
        callee = self._callees[getattr(step.call, "name", "")]
        name = reference.name
        if reference.kind == "result" and name == "result" and isinstance(callee, Operation):
            self.printed.add(callee.name)
            name = printed_output(callee)
        else:
            found = next((item for item in callee.outputs if item.name == name), None)
            if (
                found is None
                or reference.kind != "parameter"
                or not (isinstance(callee, Operation) or _is_given(found))
            ):
                raise refuse("Output.value", step.name, f"has no output parameter {name!r} that a task of it gives")
        if step.condition is not None:
            raise refuse("Step.condition", step.name, "has a condition, and its outputs are read")
        return Reference(to="output", kind="parameter", step=own[step.name], name=name)

    def _looped(self, called: Step, step: Step) -> Step:
        """The call of a dag that loops over the items, and runs the task for each."""
        items, is_struct = _items(step)

        def inside(reference: Reference) -> Reference:
            if reference.to != "item":
                return reference
            path = (*([reference.name] if reference.name else []), *reference.path)
            if is_struct is not bool(path):
                raise refuse("Step.loop", step.name, "reads an item as a whole that is a mapping, or a key of a text")
            return Reference(to="input", kind="parameter", name=ITEM, path=path)

        inner = replace(called, arguments=map_references(called.arguments, inside))
        kind = Native.of({"parameterType": "STRUCT"}) if is_struct else STRING
        outer = self._inside(inner, f"for-loop-{called.name}", Port(name=ITEM, rest=kind))
        item = Argument(name=ITEM, value=Reference(to="item", kind="parameter"))
        limit = step.loop.limit if step.loop is not None else None
        text = str(limit.value) if isinstance(limit, Literal) else ""
        if limit is not None and not text.isdigit():
            raise refuse("Loop.limit", step.name, "has a limit that only the run knows", "give it as a constant")
        number = None if limit is None else Literal(value=int(text))
        loop = Loop(axes=(Axis(name=ITEM, values=Native.of(items)),), limit=number)
        return replace(outer, arguments=(*outer.arguments, item), loop=loop)

    def _conditional(self, called: Step, condition: Expression) -> Step:
        """The call of a dag that only runs the task where the condition holds."""
        outer = self._inside(called, f"condition-{called.name}")
        given = {argument.value for argument in outer.arguments}
        names = {argument.name for argument in outer.arguments}
        more: list[Argument] = []
        for reference in dict.fromkeys(references(condition)):
            if reference not in given:
                name = fresh_name(_channel(reference), names)
                names.add(name)
                more.append(Argument(name=name, value=reference))
        graph = self.made[-1]
        ports = tuple(Port(name=argument.name, rest=STRING) for argument in more)
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
                passed[reference] = fresh_name(_channel(reference), set(passed.values()))

        def inside(reference: Reference) -> Reference:
            if reference not in passed:
                return reference
            return Reference(to="input", kind="parameter", name=passed[reference])

        inner = map_references(called, inside)
        inputs = (*(Port(name=port, rest=STRING) for port in passed.values()), *ports)
        self.made.append(Graph(name=name, inputs=inputs, steps=(_with_channels(inner),)))
        arguments = tuple(Argument(name=port, value=reference) for reference, port in passed.items())
        return Step(name=called.name, call=Call(name=name), arguments=arguments)


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


def _channel(reference: Reference) -> str:
    return f"{CHANNEL}{reference.step}-{reference.name}" if reference.step else f"{CHANNEL}{reference.name}"


def _with_channels(step: Step) -> Step:
    """The task with every reference in its texts passed by itself, too: KFP's texts read inputs of their task."""
    given = {argument.value for argument in step.arguments if isinstance(argument.value, Reference)}
    names = {argument.name for argument in step.arguments}
    more: list[Argument] = []
    for argument in step.arguments:
        for reference in references(argument.value) if isinstance(argument.value, Template) else ():
            if reference not in given:
                given.add(reference)
                name = fresh_name(_channel(reference), names)
                names.add(name)
                more.append(Argument(name=name, value=reference))
    return replace(step, arguments=(*step.arguments, *more)) if more else step


def _taken(step: Step, callee: Graph | Operation) -> list[Argument]:
    """What a step passes, as far as it is taken.

    Raises:
        Unsupported: something is missing.
    """
    given = {argument.name for argument in step.arguments}
    for port in callee.inputs:
        if port.name not in given and port.required:
            raise refuse("Port.value", step.name, f"gets no value for {port.name!r}", "pass one")
    declared = {port.name for port in callee.inputs}
    return [argument for argument in step.arguments if argument.name in declared or argument.kind != "parameter"]


def _argument(argument: Argument, step: str, read: Callable[[Reference], Reference]) -> Argument:
    if argument.kind != "parameter":
        raise refuse("Port.kind", step, f"hands the artifact {argument.name!r} on")
    value: Value = argument.value
    match value:
        case Literal():
            value = Literal(value=checked(_text(value.value), step))
        case Reference():
            value = read(value)
        case Template() if all(isinstance(part, (str, Reference)) for part in value.parts):
            for part in value.parts:
                checked(part, step) if isinstance(part, str) else None
            value = map_references(value, read)
        case _:
            raise refuse("Step.arguments", step, f"passes {argument.name!r}, which is more than a text")
    return Argument(name=argument.name, value=value)


def _text(constant: Any) -> str:
    return constant if isinstance(constant, str) else str(Native.of(constant).parts[0])


def _joined(parts: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return found


def _quoted(text: str, step: str) -> str:
    if "'" in text or "\\" in text or "\n" in text:
        raise refuse("Step.condition", step, "compares with a text that has quotes, backslashes or newlines")
    return f"'{checked(text, step)}'"


def _waits(graph: Graph) -> dict[str, list[str]]:
    """The steps that each step of a graph waits for, by name."""
    steps = {step.name: step for step in graph.steps}
    if graph.stages is not None:
        found: dict[str, list[str]] = {}
        before: tuple[str, ...] = ()
        for stage in filter(None, graph.stages):
            for name in stage:
                found[name] = [_checked_wait(steps[other], FINE, name) for other in before]
            before = stage
        return found
    return {step.name: [_need(need, step, steps) for need in conjuncts(step.needs)] for step in graph.steps}


def _need(need: Needs, step: Step, steps: dict[str, Step]) -> str:
    if not isinstance(need, Need) or need.step not in steps:
        raise refuse("Step.needs", step.name, "needs one or the other, or that something is not so")
    return _checked_wait(steps[need.step], frozenset(need.outcomes) - {"daemoned"}, step.name)


def _checked_wait(before: Step, outcomes: frozenset[str], name: str) -> str:
    if before.tolerates:
        raise refuse("Step.tolerates", before.name, f"may fail, and {name!r} starts all the same")
    if "succeeded" not in outcomes or outcomes - FINE:
        raise refuse("Step.needs", name, f"starts after a failure of {before.name!r}")
    if before.condition is not None and "skipped" in outcomes:
        raise refuse("Step.needs", name, f"starts also where {before.name!r} was skipped, which KFP does not")
    return before.name


def _check_step(step: Step, callee: Graph | Operation) -> None:
    for name, reason in {
        "handlers": "has hooks, or an exit handler of its own",
        "directives": "is to be cached or tuned",
        "rest": "has more than its engine's adapter knows",
        "timeout": "has a timeout, which only a platform of KFP knows",
        "tolerates": "may fail without failing the rest",
    }.items():
        if getattr(step, name):
            raise refuse(f"Step.{name}", step.name, reason)
    if step.role != "normal":
        raise refuse("Step.role", step.name, f"is a {step.role}")
    if isinstance(callee, Graph) and step.retry is not None:
        raise refuse("Step.retry", step.name, f"retries the graph {callee.name!r}", "retry the steps in it")


def _retry(step: Step, callee: Graph | Operation) -> Retry | None:
    retry = step.retry or callee.retry
    if retry is None:
        return None
    is_fixed = retry.rest is None or not any(references(retry.rest))
    rest = {"references": None} if not is_fixed else {} if retry.rest is None else retry.rest.data
    if rest.get("retryPolicy") not in (None, "Always", "OnFailure") or rest.keys() - {"retryPolicy"}:
        reason = "is retried for some reasons only, or after a while"
        raise refuse("Retry.rest", step.name, reason, "leave the limit of attempts")
    limit = retry.limit.value if isinstance(retry.limit, Literal) else None
    if limit is None or not str(limit).isdigit():
        raise refuse("Retry.limit", step.name, "is retried without a limit, or up to one that only the run knows")
    return Retry(limit=Literal(value=int(limit)))


def _items(step: Step) -> tuple[list[Any], bool]:
    """The items of a loop, and whether they are mappings; what is in them is text."""
    loop = step.loop
    assert loop is not None
    values = loop.axes[0].values if len(loop.axes) == 1 else None
    if loop.includes:
        raise refuse("Loop.includes", step.name, "loops over more items than those of its list", "list them all")
    if loop.combine != "rows":
        raise refuse("Loop.combine", step.name, "counts, or loops over several lists")
    if (
        not isinstance(values, Native)
        or any(references(values))
        or not isinstance(values.data, list)
        or not values.data
    ):
        raise refuse("Step.loop", step.name, "loops over a list that only the run knows, or over nothing")
    items = values.data
    structs = [isinstance(item, dict) for item in items]
    if any(structs) and not all(structs):
        raise refuse("Step.loop", step.name, "loops over texts and mappings")
    if structs[0]:
        items = [{key: _text(inner) for key, inner in item.items()} for item in items]
    else:
        items = [_text(item) for item in items]
    for item in items:
        for text in item.values() if isinstance(item, dict) else [item]:
            checked(text, step.name)
    return items, structs[0]
