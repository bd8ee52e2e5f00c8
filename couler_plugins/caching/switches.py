"""Which steps an engine that makes keys by itself is to cache: on, off, or as its owner left it, and why."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.declarations import ASSUMED
from couler_plugins.caching.epochs import Epoch
from couler_plugins.caching.known import KnownResult
from couler_plugins.caching.salts import passable, salt_of
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import FingerprintCaching, Objection
from couler_plugins.hookspecs.verdicts import Verdict
from couler_plugins.ir import Graph, GraphView, Step, Value, Workflow, references

__all__ = ["ORDER", "Choice", "Terms", "choices_of", "declarable_verdicts", "declared_verdicts", "steps_of"]

ORDER = Objection("order", "it comes after steps of which none of its arguments tells")
NO_EPOCH = Objection(
    "no-epoch",
    "its result is good for a time only, which the engine does not count",
    remedy="-p 'cache{epoch=…}'",
)
LEFT_OFF = Objection("switched-off", "its caching is switched off, and nobody has declared it pure")
IMPORTER, REIMPORT = "importer", "reimport"
"""Rules about steps that hand on what is there already: it is the same in every run, or another one in each."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says of how to cache.

    Attributes:
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
        epoch: the time that periods are counted from; None where nothing is kept for a time only.
        min_seconds: steps that past runs say to take less are not worth a lookup.
        known: results that need not be computed again, by key.
    """

    assume_pure: bool = False
    circular: bool = False
    epoch: Epoch | None = None
    min_seconds: float = 0.0
    known: Mapping[str, KnownResult] = {}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a step: on with a salt, off for a reason, or left as it is for one."""

    on: bool | None
    salt: tuple[Value, ...] = ()
    objection: Objection | None = None
    verdict: Verdict


def choices_of(workflow: Workflow, facet: FingerprintCaching, ctx: Context, terms: Terms) -> dict[Place, Choice]:
    """What becomes of each step that calls an operation, in the order of the source.

    Args:
        workflow: the workflow, without any salt.
        facet: what its engine knows.
        ctx: whose profiles say which steps are cheap.
        terms: what the user says.
    """
    steps = steps_of(workflow)
    declared = declared_verdicts(workflow, facet, terms)
    assumed = declared if terms.assume_pure else _verdicts(workflow, facet, terms, assume_pure=True)
    choices = {
        place: _choice(steps[place], verdict, assumed[place], facet, terms)
        for place, verdict in declared.items()
        if place in steps  # the call that a run starts with can be passed nothing
    }
    for graph in workflow.graphs:
        _drop_cheap(workflow, graph, choices, facet, ctx, terms)
        _drop_vain(graph, choices, facet)
    return choices


def steps_of(workflow: Workflow) -> dict[Place, Step]:
    """The steps of all graphs."""
    return {(graph.name, step.name): step for graph in workflow.graphs for step in graph.steps}


def declared_verdicts(workflow: Workflow, facet: FingerprintCaching, terms: Terms) -> Mapping[Place, Verdict]:
    """What is found about each call, as far as owners (or the user) declared the steps pure."""
    return _verdicts(workflow, facet, terms, assume_pure=terms.assume_pure)


def declarable_verdicts(workflow: Workflow, facet: FingerprintCaching, terms: Terms) -> Mapping[Place, Verdict]:
    """What would be found about each call if owners declared all that they could."""
    return Analysis(workflow, facet, circular=terms.circular, fingerprints=True, declared=True).verdicts


def _verdicts(
    workflow: Workflow, facet: FingerprintCaching, terms: Terms, *, assume_pure: bool
) -> Mapping[Place, Verdict]:
    analysis = Analysis(workflow, facet, assume_pure=assume_pure, circular=terms.circular, fingerprints=True)
    return analysis.verdicts


def _choice(step: Step, verdict: Verdict, assumed: Verdict, facet: FingerprintCaching, terms: Terms) -> Choice:
    """What becomes of a step by itself.

    Args:
        step: the step.
        verdict: what was found about it.
        assumed: what would be found if it, and all others, were declared pure unless their owners say otherwise.
        facet: what its engine knows.
        terms: what the user says.
    """
    assert verdict.facts is not None
    if (own := facet.owners(step, verdict.facts.operation)) is not None:
        return Choice(on=None, objection=own, verdict=verdict)
    if (refusal := _refusal(assumed)) is not None:
        return Choice(on=False, objection=refusal, verdict=assumed)
    if verdict.objection is not None:
        untold = bool(assumed.handed)  # which no salt of an undeclared step would cover
        return Choice(on=False if untold else None, objection=ORDER if untold else verdict.objection, verdict=verdict)
    if verdict.declared == ASSUMED and not facet.is_on(step):
        return Choice(on=None, objection=LEFT_OFF, verdict=verdict)
    period = None
    if verdict.max_age is not None:
        if terms.epoch is None:
            return Choice(on=False, objection=NO_EPOCH, verdict=verdict)
        period = terms.epoch.period(verdict.max_age)
    return Choice(on=True, salt=salt_of(verdict, period), verdict=verdict)


def _refusal(assumed: Verdict) -> Objection | None:
    """The rule against reusing what a step makes, whoever declares it pure; None where there is none."""
    found = assumed.objection
    if found is None:
        return None if passable(assumed) else ORDER
    return found if found.against == "reuse" and found.rule != "unreachable" else None


def _drop_cheap(
    workflow: Workflow,
    graph: Graph,
    choices: dict[Place, Choice],
    facet: FingerprintCaching,
    ctx: Context,
    terms: Terms,
) -> None:
    """Turns steps off that take next to nothing, unless their artifacts are read: made anew, these would be others."""
    read = {item.step for item in references(graph) if item.to == "output" and item.kind == "artifact"}
    for step in graph.steps:
        choice = choices.get((graph.name, step.name))
        if choice is None or step.name in read or not _may_hit(choice, step, facet):
            continue
        seconds = ctx.profile(workflow, f"{graph.name}/{step.name}").seconds
        if seconds is not None and seconds < terms.min_seconds:
            reason = f"it takes {seconds:.3g} s, and looking its result up is not worth that"
            choices[graph.name, step.name] = Choice(
                on=False, objection=Objection("cheap", reason), verdict=choice.verdict
            )


def _drop_vain(graph: Graph, choices: dict[Place, Choice], facet: FingerprintCaching) -> None:
    """Turns steps off that read an artifact which every run makes anew: they would be looked up in vain."""
    steps = {step.name: step for step in graph.steps}
    anew: set[str] = set()
    for name in GraphView(graph).order():
        choice = choices.get((graph.name, name))
        if choice is None:
            continue
        artifacts = (item.value for item in steps[name].arguments if item.kind == "artifact")
        from_anew = sorted({item.step for value in artifacts for item in references(value)} & anew)
        if from_anew and _may_hit(choice, steps[name], facet):
            reason = f"it reads an artifact of {from_anew[0]!r}, which every run makes anew"
            choice = Choice(on=False, objection=Objection("never-hits", reason), verdict=choice.verdict)
            choices[graph.name, name] = choice
        if _makes_anew(choice, steps[name], facet):
            anew.add(name)


def _makes_anew(choice: Choice, step: Step, facet: FingerprintCaching) -> bool:
    """Whether what a step hands on is another artifact in every run."""
    if choice.objection is not None and choice.objection.rule == IMPORTER:
        facts = choice.verdict.facts
        return facts is not None and facts.objection is not None and facts.objection.rule == REIMPORT
    return not _may_hit(choice, step, facet)


def _may_hit(choice: Choice, step: Step, facet: FingerprintCaching) -> bool:
    """Whether the engine will look the step up."""
    return choice.on is True or (choice.on is None and facet.is_on(step))
