"""Tables for engines of containers: rules by what they look at, and calls as these rules look at them.

Graphs that call themselves: one engine has them, and the others say by which step, and what else can be done.
"""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from couler_plugins.documents.mappings import by_key
from couler_plugins.engine_kit.legalize.legality import Legality, Rule, differs, raise_all
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Graph,
    Need,
    Operation,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    conjuncts,
    recursive,
    references,
)

WAY_OUT = "repeat it inside of the container until it is done, or write it for argo, whose graphs may call themselves"


def into_circle(workflow: Workflow) -> tuple[str, str] | None:
    """The first step from outside that calls a graph that calls itself, and that graph; None where there is none."""
    names = recursive(workflow)
    for graph, step in call_sites(workflow):
        callee = getattr(step.call, "name", "")
        if callee in names and (graph is None or graph.name not in names):
            return step.name, callee
    return None


Part = TypeVar("Part")
Carried = TypeVar("Carried")
Rules = tuple[Rule, ...]
FINE = frozenset({"succeeded", "skipped"})


class StepSite(NamedTuple):
    """A call, and what is around it.

    Attributes:
        step: the call.
        callee: what it calls; None where that is not in the workflow.
        graph: the graph that it belongs to, if any.
        by_name: the graphs and operations of the workflow.
        steps: the steps of its graph by name; none where it belongs to no graph.
        waits: the outcomes that it accepts, by the step that it waits for.
        outputs_read: what its graph reads of it.
    """

    step: Step
    callee: Graph | Operation | None
    graph: Graph | None
    by_name: Mapping[str, Graph | Operation]
    steps: Mapping[str, Step]
    waits: Mapping[str, frozenset[str]]
    outputs_read: tuple[Reference, ...]


def step_sites(workflow: Workflow) -> Iterator[StepSite]:
    """Yield the calls of all graphs, and then those of the workflow itself."""
    by_name = callables(workflow)

    def callee(step: Step) -> Graph | Operation | None:
        return by_name.get(step.call.name) if isinstance(step.call, Call) else None

    for graph in workflow.graphs:
        steps, accepted = {step.name: step for step in graph.steps}, waits(graph)
        items = references((graph.steps, graph.outputs))
        read = by_key((item.step if item.to == "output" else "", item) for item in items)
        for step in graph.steps:
            own = tuple(read.get(step.name, ()))
            yield StepSite(step, callee(step), graph, by_name, steps, accepted[step.name], own)
    for step in (*filter(None, [workflow.entry]), *(handler.step for handler in workflow.handlers)):
        yield StepSite(step, callee(step), None, by_name, {}, {}, ())


def waits(graph: Graph) -> dict[str, Mapping[str, frozenset[str]]]:
    """Return the steps that each step waits for, with the outcomes that it accepts of them.

    Of needs, only those count that have to hold in any case.
    """
    steps = {step.name: step for step in graph.steps}
    if graph.stages is None:
        return {step.name: _accepted(step) for step in graph.steps}
    accepted: dict[str, Mapping[str, frozenset[str]]] = {}
    before: dict[str, frozenset[str]] = {}
    for stage in filter(None, graph.stages):
        accepted |= dict.fromkeys(stage, before)
        before = {name: FINE.union(steps[name].tolerates) for name in stage}
    return accepted


def _accepted(step: Step) -> dict[str, frozenset[str]]:
    accepted: dict[str, frozenset[str]] = {}
    for part in conjuncts(step.needs):
        if isinstance(part, Need):
            outcomes = frozenset(part.outcomes) - {"daemoned"}
            accepted[part.step] = accepted.get(part.step, outcomes) & outcomes
    return accepted


class Table(NamedTuple):
    """What an engine cannot say; a rule's fault may be a list here, of which each is told.

    Attributes:
        legality: how the engine refuses.
        title: what people call it: `{engine}` in reasons.
        workflow, parameter, handler, graph, operation, step: rules by what they look at.
        circle: for the name of a graph that calls itself.
    """

    legality: Legality
    title: str
    workflow: Rules
    graph: Rules
    operation: Rules
    step: Rules
    circle: Rules
    parameter: Rules = ()
    handler: Rules = ()

    def check(self, workflow: Workflow, closed: Workflow | None = None) -> None:
        """Raise `Unsupported` with all in a workflow that breaks a rule.

        Args:
            workflow: it is looked at as a whole.
            closed: its calls, graphs and operations are those that are to be written; the same unless given.
        """
        raise_all(self.refusals(workflow, closed or workflow))

    def refusals(self, workflow: Workflow, closed: Workflow) -> Iterator[Unsupported]:
        """Yield an error for each thing that breaks a rule; see `check`."""
        circle = into_circle(workflow)
        subjects: list[tuple[Rules, Iterable[tuple[str, Any]]]] = [
            (self.workflow, [(workflow.label, workflow)]),
            (self.circle, [circle] if circle else []),
            (self.parameter, ((port.name, port) for port in workflow.parameters)),
            (self.handler, ((handler.step.name, handler) for handler in workflow.handlers)),
            (self.graph, ((graph.name or workflow.label, graph) for graph in closed.graphs)),
            (self.step, ((site.step.name, site) for site in step_sites(closed))),
            (self.operation, ((operation.name, operation) for operation in closed.operations)),
        ]
        for rules, named in subjects:
            for name, subject in named:
                for rule in rules:
                    for fault in faults(rule, subject):
                        reason = rule.reason.format(fault, engine=self.title)
                        yield self.legality.refusal(rule.feature, name, reason, rule.hint, fault)


def faults(rule: Rule, subject: Any) -> list[Any]:
    """Return what breaks a rule in a subject."""
    node = subject.step if isinstance(subject, StepSite) else subject
    fault = rule.fault(subject) if rule.fault is not None else differs(node, rule.feature)
    return fault if isinstance(fault, list) else [fault] if fault else []


class Refusals:
    """All that the parts of a workflow are refused for, so that its author hears of it at once.

    Args:
        errors: what it is refused for so far.
    """

    def __init__(self, errors: Iterable[Unsupported] = ()) -> None:
        self._errors = list(errors)

    def each(self, carry: Function[[Part], Carried], parts: Iterable[Part]) -> tuple[Carried, ...]:
        """Return what becomes of the parts, without those that are refused."""
        carried = []
        for part in parts:
            try:
                carried.append(carry(part))
            except Unsupported as error:
                self._errors.append(error)
        return tuple(carried)

    def tell(self) -> None:
        """Raise `Unsupported` with all that was refused, if anything was."""
        raise_all(self._errors)
