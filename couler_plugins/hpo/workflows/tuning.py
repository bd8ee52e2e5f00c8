"""Tunes the steps of a workflow by trials, one step after the other, and says why each is as it then is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from couler_plugins.caching.keys import digest
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Context, Tuner
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.hookspecs.tuning import FanOut, Trials, Tuning
from couler_plugins.hpo.files import read_task_file
from couler_plugins.hpo.proposals import ask_tuner
from couler_plugins.hpo.workflows.decisions import kept, moved, noted, part_of, tried, undone, write_proposal, written
from couler_plugins.hpo.workflows.notes import (
    Note,
    handed_over,
    moved_from,
    read_notes,
    stands,
    without_tuning,
    write_notes,
)
from couler_plugins.hpo.workflows.optimizer import Tune
from couler_plugins.hpo.workflows.programs import environment
from couler_plugins.hpo.workflows.requests import (
    Place,
    Request,
    about,
    asked_steps,
    check_named,
    read_request,
    refuse_named,
)
from couler_plugins.hpo.workflows.values import port_of
from couler_plugins.ir import Graph, Libraries, Literal, Step, Workflow, fresh_name, replace, replace_callables
from couler_plugins.plan import Decision, Plan

PATIENCE = 4
"""How often a tuner is asked for each setting: one that draws may come back to what it has drawn before."""


def settings_to_try(tuner: Tuner, task: Task, count: int) -> list[Proposal]:
    """At most so many settings: the owner's defaults, then what the tuner proposes while all before it are running.

    Raises:
        PluginFailure: the tuner failed, or left the search space.
    """
    proposals: list[Proposal] = []
    trials: list[Trial] = []
    for number in range(PATIENCE * count):
        if len(proposals) == count or (proposal := ask_tuner(tuner, task, trials, number)) is None:
            break
        if all(proposal.values != other.values for other in proposals):
            trials.append(Trial(number=number, values=proposal.values, notes=proposal.notes))
            proposals.append(proposal)
    return proposals


# Trials before a step, which then runs with the best setting; the structural edit, the same for every engine.

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
        parameters=request.parameters,
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
        flows=handed_over({name: item for name, item in request.parameters.items() if name in passed}),
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
            f"its {len(trials.settings)} settings take {size:,} bytes, and a program can get at most {MOST_BYTES:,}"
        )
        raise Unsupported(reason, feature="tune{trials}", hint="ask for fewer trials, or shorter choices")


def _whole(request: Request, values: dict[str, Value], facet: Tuning) -> tuple[tuple[str, Literal], ...]:
    """The values of one trial, those included that do not count in it: they stay as their owner has set them."""
    literals: list[tuple[str, Literal]] = []
    for name, parameter in request.task.space.parameters:
        value = values.get(name, parameter.default)
        if value is None:
            reason = f"{name!r} is not used in every setting, and has no value then"
            raise Unsupported(reason, feature="tune", hint="give it a default")
        literals.append((name, facet.literal(value, port_of(request.callee, name))))
    return tuple(literals)


FOR_TRIALS = "optuna"
KEY_LENGTH = 16
CACHED = "the workflow is cached already, under keys that do not cover the tuned values"
UNCACHED = "tune the original workflow, and cache it then: -p tune,cache"
NO_TUNER = "the option `trials` is missing, and the tuner needs trials"


class Tunings:
    """Tunes workflows.

    Args:
        options: what is asked for.
        ctx: where tuners come from.
        libraries: of all workflows.
    """

    def __init__(self, options: Tune, ctx: Context, libraries: Libraries) -> None:
        self._options, self._ctx, self._libraries = options, ctx, libraries

    def tuned(
        self, workflow: Workflow, facet: Tuning, directives: Mapping[Place, tuple[str, Task | str]]
    ) -> tuple[Workflow, list[Decision]]:
        """The workflow with these steps tuned, and the decisions on them; the same object where nothing changes.

        Raises:
            InvalidInput: what is asked for makes no sense.
            Unsupported: a step cannot be tuned, or its engine cannot do what is asked for.
            PluginFailure: the tuner failed.
        """
        if facet.part_of:
            return workflow, [part_of(workflow, facet.part_of)]
        notes = read_notes(facet.tuned)
        added = {name for note in notes.values() for name in note.added}
        new, decisions = workflow, []
        for place, what in directives.items():
            if place[0] in added:  # a trial of ours calls what is marked as well
                continue
            if old := moved_from(workflow, place, notes):
                decisions.append(moved(workflow, place, old))
                continue
            new, decision = self._one(new, facet, place, what, notes)
            decisions.append(decision)
        text = write_notes(notes)
        if text != facet.tuned and new is not workflow:
            new = facet.with_tuned(new, text)
            decisions.append(noted(workflow, len(notes)))
        return new, decisions

    @cached_property
    def _tuner(self) -> Tuner | None:
        text = self._options.tuner or (FOR_TRIALS if self._options.trials else "")
        return self._ctx.tuner(text) if text else None

    def _one(
        self, workflow: Workflow, facet: Tuning, place: Place, directive: tuple[str, Task | str], notes: dict[str, Note]
    ) -> tuple[Workflow, Decision]:
        """The workflow with one step tuned; `notes` are those of the workflow, and are kept up to date."""
        name = "/".join(place)
        note = notes.get(name)
        tuner = self._tuner
        if note is not None and not stands(workflow, place, note):  # its owner has set something else since
            note = None
        bare = workflow if note is None else without_tuning(workflow, place, note)
        trials = bool(self._options.trials)
        request = read_request(bare, place, directive, facet, self._libraries, trials=trials)
        key = self._key(request)
        if note is not None and note.key == key:
            return workflow, kept(bare, request, "it is tuned already, by the same tuner and for the same task")
        if tuner is None:
            return workflow, kept(bare, request, NO_TUNER)
        try:
            if facet.cached:
                raise Unsupported(CACHED, feature="tune", hint=UNCACHED)
            new, directive_tuned, decision = self._made(bare, request, facet, tuner, key)
        except Unsupported as error:
            raise about(error, bare, place, request.where) from None
        notes.pop(name, None)
        if directive_tuned is not None:
            notes[name] = directive_tuned
        elif note is not None:
            decision = undone(decision, note)
        return new if directive_tuned is not None or note is not None else workflow, decision

    def _made(
        self, workflow: Workflow, request: Request, facet: Tuning, tuner: Tuner, key: str
    ) -> tuple[Workflow, Note | None, Decision]:
        """The workflow with a step tuned that is not by now, and the note to leave there; None where it stays."""
        options = self._options
        if not options.trials:
            done = write_proposal(workflow, request, facet, tuner, self._libraries, key)
            if done.note is None:
                return workflow, None, kept(workflow, request, _why_kept(tuner, done.proposal is None))
            return done.workflow, done.note, written(workflow, request, tuner, done)
        if request.task.space.defaults is None:
            reason = "some of its hyperparameters have no value, so there is no setting for the first trial"
            raise Unsupported(reason, feature="tune{trials}", hint="pass a value for each, or give it a default")
        settings = settings_to_try(tuner, request.task, options.trials)
        if len(settings) < 2:
            reason = f"the tuner {tuner.name} has nothing to try beside the present values"
            return workflow, None, kept(workflow, request, reason)
        trials = fan_out(workflow, request, settings, facet, key, options)
        return trials.workflow, trials.note, tried(workflow, request, tuner, settings, trials.fan, options.parallel)

    def _key(self, request: Request) -> str:
        """What tells apart all that tuning a step depends on."""
        options = self._options
        made_of = [
            msgspec.to_builtins(request.task),
            request.output,
            options.trials,
            options.tuner,
            options.image if options.trials else "",
        ]
        parameters = {name: parameter.name for name, parameter in request.parameters.items()}
        more = {"handed": parameters, "parallel": options.parallel}
        return digest([*made_of, *([{name: one}] for name, one in more.items() if one)])[:KEY_LENGTH]


def _why_kept(tuner: Tuner, nothing: bool) -> str:
    if nothing:
        return f"the tuner {tuner.name} proposes nothing"
    return f"the tuner {tuner.name} predicts no values that are better than the present ones"


def tune(options: Tune, plan: Plan, ctx: Context) -> Plan:
    """Return the plan with the steps tuned that are marked, in it or by the options; see `Tune.run`."""
    task = read_task_file(Path(options.task)) if options.task else None
    check_named(plan.workflows, options.steps)
    tunings = Tunings(options, ctx, plan.libraries)
    for workflow in plan.workflows:
        facet = ctx.adapter(workflow.engine).tuning(workflow, plan)
        if facet is None:
            refuse_named(workflow, options.steps)
            continue
        requests = asked_steps(workflow, facet, options.steps, task)
        if not requests:
            continue
        ctx.progress(f"tuning {len(requests)} steps of {workflow.label}")
        new, decisions = tunings.tuned(workflow, facet, requests)
        if decisions or new is not workflow:
            plan = plan.with_workflow(workflow, new, *decisions)
    return plan
