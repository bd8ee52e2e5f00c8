"""Graphs as components with a dag: each condition and each loop is a dag of its own, as KFP's compiler makes them.

Sources: `kfp/compiler/pipeline_spec_builder.py`, `pipeline_spec.proto`. A task that waits for one that was skipped does
not start, so nothing that is to start all the same can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from couler_kfp.generating.bodies import STRING, printed_output, text_port
from couler_kfp.generating.calls import argument_of, channel, items_of, joined, quoted, retried, taken, with_channels
from couler_kfp.generating.order import check_step, waits_of
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
    Step,
    Template,
    all_of,
    fresh_name,
    map_references,
    references,
    replace,
)
from couler_plugins.portable.conditions import memberships
from couler_plugins.portable.limits import is_reachable

__all__ = ["Graphs"]

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
        waits = waits_of(graph)
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
        check_step(step, callee)

        def read(reference: Reference) -> Reference:
            return self._read(reference, steps, own, step.name)

        asked = memberships(step.condition)
        if asked is None:
            raise refuse("Step.condition", step.name, "has a condition that is more than comparisons of texts")
        called = Step(
            name=own[step.name],
            call=Call(name=self._names[callee.name]),
            arguments=tuple(argument_of(argument, step.name, read) for argument in taken(step, callee)),
            retry=retried(step, callee),
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
                    parts += [joint if number else "", read(item.value), f"{how}{quoted(text, step.name)}"]
                parts.append(")")
            called = self._conditional(called, Expression(language="cel", parts=tuple(joined(parts))))
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
        items, is_struct = items_of(step)

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
                name = fresh_name(channel(reference), names)
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
                passed[reference] = fresh_name(channel(reference), set(passed.values()))

        def inside(reference: Reference) -> Reference:
            if reference not in passed:
                return reference
            return Reference(to="input", kind="parameter", name=passed[reference])

        inner = map_references(called, inside)
        inputs = (*(Port(name=port, rest=STRING) for port in passed.values()), *ports)
        self.made.append(Graph(name=name, inputs=inputs, steps=(with_channels(inner),)))
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
