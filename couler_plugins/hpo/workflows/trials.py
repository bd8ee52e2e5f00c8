"""Trials before a step, which then runs with the best setting; the structural edit, the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.workflows.notes import Note, handed_over
from couler_plugins.hpo.workflows.programs import environment
from couler_plugins.hpo.workflows.requests import Request
from couler_plugins.hpo.workflows.values import port_of
from couler_plugins.ir import Graph, Literal, Step, Workflow, fresh_name, replace, replace_callables

if TYPE_CHECKING:
    from couler_plugins.hookspecs.parameters import Value
    from couler_plugins.hookspecs.trials import Proposal
    from couler_plugins.hookspecs.tuning import Tuning
    from couler_plugins.hpo.workflows.optimizer import Tune

__all__ = ["Tried", "fan_out"]

MOST_BYTES = 100_000
"""Linux refuses to start a program with a variable or an argument over 131,072 bytes (`MAX_ARG_STRLEN`), and KFP has
more to put into the same one."""


class Tried(NamedTuple):
    """A workflow with trials before a step."""

    workflow: Workflow
    fan: FanOut
    note: Note


def fan_out(
    workflow: Workflow, request: Request, settings: Sequence[Proposal], facet: Tuning, key: str, options: Tune
) -> Tried:
    """The workflow with trials before the step of a request.

    Raises:
        Unsupported: the engine cannot run them, or what picks the best of them could not be told of them.
    """
    names_before = {step.name for step in request.graph.steps}
    names = [fresh_name(f"{request.step.name}-{what}", names_before) for what in ("trials", "best")]
    trials = Trials(
        workflow=workflow,
        graph=request.graph,
        step=request.step,
        callee=request.callee,
        settings=tuple(_whole(request, dict(proposal.values), facet) for proposal in settings),
        handed=request.handed,
        metric=request.task.data.metric,
        output=request.output,
        maximize=request.task.data.goal == "maximize",
        trials=names[0],
        best=names[1],
        parallel=options.parallel,
        image=options.image,
    )
    _check_size(trials)
    fan = facet.fan_out(trials)
    graph = with_steps_before(request.graph, fan.step, (fan.trials, fan.best))
    passed = {item.name for item in request.step.arguments if item.kind == "parameter"}
    note = Note(
        key=key,
        was=request.was,
        handed=handed_over({name: item for name, item in request.handed.items() if name in passed}),
        trials=fan.trials.name,
        best=fan.best.name,
        added=tuple(item.name for item in fan.added),
    )
    return Tried(replace_callables(workflow, {graph.name: graph}, fan.added), fan, note)


def with_steps_before(graph: Graph, step: Step, added: Sequence[Step]) -> Graph:
    """The graph with a step replaced, and others before it, one after the other where the graph has stages."""
    steps: list[Step] = []
    for item in graph.steps:
        steps += [*added, step] if item.name == step.name else [item]
    names = tuple(item.name for item in added)
    stages: list[tuple[str, ...]] = []
    for stage in graph.stages or ():
        stages += [*((name,) for name in names), stage] if step.name in stage else [stage]
    regions = tuple(
        replace(region, steps=(*names, *region.steps)) if step.name in region.steps else region
        for region in graph.regions
    )
    return replace(graph, steps=tuple(steps), stages=tuple(stages) if graph.stages else graph.stages, regions=regions)


def _check_size(trials: Trials) -> None:
    size = sum(len(text.encode()) for text in environment(trials).values())
    if size > MOST_BYTES:
        reason = (
            f"its {len(trials.settings)} settings take {size:,} bytes, and a program is told at most {MOST_BYTES:,}"
        )
        raise Unsupported(reason, feature="tune{trials}", hint="ask for fewer trials, or shorter choices")


def _whole(request: Request, values: dict[str, Value], facet: Tuning) -> tuple[tuple[str, Literal], ...]:
    """The values of one trial, those included that do not count in it: they stay as their owner has set them."""
    literals: list[tuple[str, Literal]] = []
    for name, parameter in request.task.space.parameters:
        value = values.get(name, parameter.default)
        if value is None:
            reason = f"{name!r} does not count in every setting, and has no value then"
            raise Unsupported(reason, feature="tune", hint="give it a default")
        literals.append((name, facet.literal(value, port_of(request.callee, name))))
    return tuple(literals)
