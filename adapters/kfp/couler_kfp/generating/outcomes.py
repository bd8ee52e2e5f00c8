"""What steps do after others that failed or were skipped, and at their end, in words that KFP has.

A container that may fail succeeds in KFP, and says in an output how it went; what waits for its success, or for its
failure, starts on a condition. A step that may be skipped is in a dag of its own where what waits for it starts all the
same: the dag succeeds (Argo, below KFP, takes a dag with nothing but skipped tasks for one that succeeded).
A hook is a task that runs whatever became of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from couler_kfp.generating.loops import needs_of
from couler_kfp.generating.shells import CODE, OUTCOME
from couler_kfp.tasks import COMPLETED
from couler_plugins.engine_kit.legalize.conditions import Membership, is_outcome
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.rules import KINDS
from couler_plugins.engine_kit.legalize.tables import waits
from couler_plugins.ir import (
    Call,
    Directive,
    Graph,
    Literal,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    conjuncts,
    fresh_name,
    map_references,
    needed,
    references,
    replace,
    take_name,
)

FAILED = frozenset({"failed", "errored"})
STATUS = {"status": OUTCOME, "exitCode": CODE}
"""Facts of a step, and the outputs that say the same of one that may fail."""
LAST = (Directive(kind="last"),)
"""Marks a step that runs whatever became of the one that it waits for."""
Place = tuple[str, str]
"""The names of a graph, and of a step in it."""


@dataclass
class Ends:
    """What there is to know of the ends of steps.

    Attributes:
        tests: what has to hold for a step to start, beside its condition.
        tried: operations that succeed whatever becomes of their command.
    """

    tests: dict[Place, list[Membership]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)


def may_skip(graph: Graph, step: Step, accepted: Mapping[str, Mapping[str, frozenset[str]]]) -> bool:
    """Return whether all that waits for a step starts where it was skipped."""
    waiting = [outcomes[step.name] for outcomes in accepted.values() if step.name in outcomes]
    return step.condition is not None and bool(waiting) and all("skipped" in outcomes for outcomes in waiting)


def with_ends(workflow: Workflow) -> tuple[Workflow, Ends]:
    """Return a workflow in which steps wait for success only, as far as that means the same, and what else they do."""
    ends = Ends()
    by_name = callables(workflow)
    names = set(by_name)
    copies: list[Operation] = []

    def tried(step: Step) -> Step:
        operation = by_name[getattr(step.call, "name", "")]
        assert isinstance(operation, Operation)
        name = take_name(f"{operation.name}-tried", names)
        facts_told = tuple(Output(name=item, path=Literal(value="")) for item in (OUTCOME, CODE))
        copies.append(replace(operation, name=name, outputs=(*operation.outputs, *facts_told)))
        ends.tried.add(name)
        return replace(step, call=Call(name=name), tolerates=())

    def changed(graph: Graph) -> Graph:
        return _with_hooks(_tolerant(graph, by_name, ends, tried))

    graphs = tuple(map(changed, workflow.graphs))
    return replace(workflow, graphs=graphs, operations=(*workflow.operations, *copies)), ends


def _tolerant(
    graph: Graph, by_name: Mapping[str, Graph | Operation], ends: Ends, tried: Callable[[Step], Step]
) -> Graph:
    accepted = waits(graph)
    facts = {item.step for item in references(graph.steps) if item.to == "status" and item.name in STATUS}
    wanted = {
        step.name
        for step in graph.steps
        if "failed" in step.tolerates
        or any(outcomes.get(step.name, frozenset()) & FAILED for outcomes in accepted.values())
        or step.name in facts
    }
    steps = {step.name: step for step in graph.steps}
    loose = {name for name in wanted if _can_be_tried(steps[name], by_name)}
    if not loose or any(len(conjuncts(step.needs)) != len(list(needed(step.needs))) for step in graph.steps):
        return graph

    def read(reference: Reference) -> Reference:
        if reference.to == "status" and reference.step in loose and reference.name in STATUS:
            name = STATUS[reference.name]
            return Reference(to="output", kind="parameter", step=reference.step, name=name)
        return reference

    changed: list[Step] = []
    for step in graph.steps:
        needs: dict[str, frozenset[str]] = {}
        for name, outcomes in accepted[step.name].items():
            needs[name] = outcomes
            if name in loose:
                reads_fact = any(item.step == name and item.to == "status" for item in references(step))
                if not ({"failed", "succeeded"} <= outcomes or reads_fact):
                    wants = "Succeeded" if "succeeded" in outcomes else "Failed"
                    value = Reference(to="output", kind="parameter", step=name, name=OUTCOME)
                    ends.tests.setdefault((graph.name, step.name), []).append(Membership(value, (wants,)))
                needs[name] = (outcomes - FAILED) | {"succeeded"}
        new = map_references(replace(step, needs=needs_of(needs)), read)
        changed.append(tried(new) if step.name in loose else new)
    return replace(graph, stages=None, steps=tuple(changed))


def _can_be_tried(step: Step, by_name: Mapping[str, Graph | Operation]) -> bool:
    operation = by_name.get(getattr(step.call, "name", ""))
    return (
        isinstance(operation, Operation)
        and operation.kind in KINDS
        and function_of(operation) is None
        and not (step.retry or operation.retry or step.loop or step.handlers or step.condition)
    )


def _with_hooks(graph: Graph) -> Graph:
    """Return a graph with a task in place of each hook that runs at the end of a step, where that means the same."""
    names = [step.name for step in graph.steps]
    steps: list[Step] = []
    added: list[Step] = []
    accepted = waits(graph)
    for step in graph.steps:
        handlers = step.handlers
        fits = len(handlers) == 1 and handlers[0].event == "exit" and handlers[0].condition is None
        if not fits or step.loop or step.condition or any(map(is_outcome, references(handlers))):
            steps.append(step)
            continue
        steps.append(replace(step, handlers=()))
        own = handlers[0].step
        name = fresh_name(f"{step.name}-{own.name or 'exit'}", names)
        names.append(name)
        added.append(replace(own, name=name, needs=Need(step=step.name, outcomes=COMPLETED), directives=LAST))
    if not added:
        return graph
    if graph.stages is not None:
        steps = [replace(step, needs=needs_of(accepted[step.name])) for step in steps]
    return replace(graph, stages=None, steps=(*steps, *added))
