"""Caching on engines that make a key of each step by themselves: we turn it on or off, and salt what they leave out.

A step is turned on where its owner declared it pure and no rule is against that; it then gets a salt. It is turned off
where a rule says that its result may depend on more than the engine looks at, whether anybody has declared it or not:
such engines cache what nobody has thought about. Everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.declarations import ASSUMED
from couler_plugins.caching.epochs import Epoch
from couler_plugins.caching.salts import passable, salt_of, salted, salts_of, unsalted
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import FingerprintCaching, Objection
from couler_plugins.ir import Graph, GraphView, Scalar, Step, Value, Workflow, references, replace_steps
from couler_plugins.plan import Decision

__all__ = ["Terms", "apply_switches"]

ORDER = Objection("order", "it comes after steps of which none of its arguments tells")
NO_EPOCH = Objection("no-epoch", "its result is good for a time only, which the engine does not count: add epoch=…")
LEFT_OFF = Objection("switched-off", "its caching is switched off, and nobody has declared it pure")
MADE_ANEW = frozenset({"reimport"})
"""Rules about steps that hand on another artifact in every run, without being cached or not."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the user says of how to cache.

    Attributes:
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
        epoch: the time that periods are counted from; None where nothing is kept for a time only.
        min_seconds: steps that past runs say to take less are not worth a lookup.
    """

    assume_pure: bool = False
    circular: bool = False
    epoch: Epoch | None = None
    min_seconds: float = 0.0


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a step: on with a salt, off for a reason, or left as it is for one."""

    on: bool | None
    salt: tuple[Value, ...] = ()
    objection: Objection | None = None
    verdict: Verdict


def apply_switches(
    workflow: Workflow, facet: FingerprintCaching, ctx: Context, terms: Terms
) -> tuple[Workflow, list[Decision]]:
    """The workflow with the switches and salts that its steps are to have, and why.

    It is the same object where nothing changes. Salts of an earlier time are taken out first and made anew.
    """
    bare = unsalted(workflow)
    steps = {(graph.name, step.name): step for graph in bare.graphs for step in graph.steps}
    choices = _choices(bare, facet, ctx, terms, steps)
    switched = {
        place: facet.switched(steps[place], choice.on)
        for place, choice in choices.items()
        if choice.on is not None and choice.on is not facet.is_on(steps[place])
    }
    salts = {place: choice.salt for place, choice in choices.items() if choice.on}
    new = salted(replace_steps(bare, switched) if switched else bare, salts, facet.input_for_salt)
    before = {(graph.name, step.name): salts_of(step) for graph in workflow.graphs for step in graph.steps}
    after = {(graph.name, step.name): salts_of(step) for graph in new.graphs for step in graph.steps}
    changed = {place for place in before if before[place] != after[place]} | switched.keys()
    decisions = [
        _decision(workflow, place, choice, facet, ctx, changed=place in changed) for place, choice in choices.items()
    ]
    return (new if changed else workflow), decisions


def _choices(
    workflow: Workflow, facet: FingerprintCaching, ctx: Context, terms: Terms, steps: Mapping[Place, Step]
) -> dict[Place, _Choice]:
    declared = _verdicts(workflow, facet, terms, assume_pure=terms.assume_pure)
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


def _verdicts(
    workflow: Workflow, facet: FingerprintCaching, terms: Terms, *, assume_pure: bool
) -> Mapping[Place, Verdict]:
    analysis = Analysis(workflow, facet, assume_pure=assume_pure, circular=terms.circular, fingerprints=True)
    return analysis.verdicts


def _choice(step: Step, verdict: Verdict, assumed: Verdict, facet: FingerprintCaching, terms: Terms) -> _Choice:
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
        return _Choice(on=None, objection=own, verdict=verdict)
    if (refusal := _refusal(assumed)) is not None:
        return _Choice(on=False, objection=refusal, verdict=assumed)
    if verdict.objection is not None:
        untold = bool(assumed.handed)  # which no salt of an undeclared step would cover
        return _Choice(on=False if untold else None, objection=ORDER if untold else verdict.objection, verdict=verdict)
    if verdict.declared == ASSUMED and not facet.is_on(step):
        return _Choice(on=None, objection=LEFT_OFF, verdict=verdict)
    period = None
    if verdict.max_age is not None:
        if terms.epoch is None:
            return _Choice(on=False, objection=NO_EPOCH, verdict=verdict)
        period = terms.epoch.period(verdict.max_age)
    return _Choice(on=True, salt=salt_of(verdict, period), verdict=verdict)


def _refusal(assumed: Verdict) -> Objection | None:
    """The rule against reusing what a step makes, whoever declares it pure; None where there is none."""
    found = assumed.objection
    if found is None:
        return None if passable(assumed) else ORDER
    return found if found.against == "reuse" and found.rule != "unreachable" else None


def _drop_cheap(
    workflow: Workflow,
    graph: Graph,
    choices: dict[Place, _Choice],
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
            choices[graph.name, step.name] = _Choice(
                on=False, objection=Objection("cheap", reason), verdict=choice.verdict
            )


def _drop_vain(graph: Graph, choices: dict[Place, _Choice], facet: FingerprintCaching) -> None:
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
            choice = _Choice(on=False, objection=Objection("never-hits", reason), verdict=choice.verdict)
            choices[graph.name, name] = choice
        facts = choice.verdict.facts
        rule = facts.objection.rule if facts is not None and facts.objection is not None else ""
        if rule in MADE_ANEW or not (choice.on or _may_hit(choice, steps[name], facet)):
            anew.add(name)


def _may_hit(choice: _Choice, step: Step, facet: FingerprintCaching) -> bool:
    """Whether the engine will look the step up."""
    return choice.on is True or (choice.on is None and facet.is_on(step))


def _decision(
    workflow: Workflow,
    place: Place,
    choice: _Choice,
    facet: FingerprintCaching,
    ctx: Context,
    *,
    changed: bool,
) -> Decision:
    facts = choice.verdict.facts
    assert facts is not None
    action = ""
    figures: list[tuple[str, Scalar]] = []
    if choice.on:
        action = "cache" if changed else ""
        said = f"{choice.verdict.declared} says that it is pure"
        reason = said if changed else "it is cached already, its salt is up to date"
        reason = "; ".join(dict.fromkeys((reason, *facts.material.warnings)))
        if choice.verdict.max_age is not None:
            figures.append(("reused for seconds", choice.verdict.max_age))
    else:
        assert choice.objection is not None
        action = "stop caching" if changed else ""
        reason = choice.objection.reason
        if choice.objection.rule == "not-declared":
            reason = f"left to the engine; to be sure of it, add {facet.how_to_declare(facts.operation)}"
        figures.append(("rule", choice.objection.rule))
    seconds = ctx.profile(workflow, "/".join(place)).seconds
    if seconds is not None:
        figures.append(("seconds saved by a hit", round(seconds, 3)))
    return Decision(
        optimizer="cache",
        workflow=workflow.label,
        subject="/".join(place),
        action=action,
        reason=reason,
        figures=tuple(figures),
        affects=(facts.operation.name,) if changed else (),
    )
