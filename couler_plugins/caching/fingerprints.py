"""Caching on engines that make a key of each step by themselves: we turn it on or off, and salt what they leave out.

A step is turned on where its owner declared it pure and no rule is against that; it then gets a salt. It is turned off
where a rule says that its result may depend on more than the engine looks at, whether anybody has declared it or not:
such engines cache what nobody has thought about. Everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.calls import Place
from couler_plugins.caching.known import KnownResult
from couler_plugins.caching.outcomes import CACHED, NATIVE, Judgement, decision_on, judgement_on
from couler_plugins.caching.result_keys import keys_of
from couler_plugins.caching.salts import salted, salts_of, unsalted
from couler_plugins.caching.substitution import substitute
from couler_plugins.caching.switches import ORDER, Choice, Terms, choices_of, declarable_verdicts, steps_of
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import FingerprintCaching, Objection
from couler_plugins.hookspecs.verdicts import Verdict
from couler_plugins.ir import Scalar, Step, Value, Workflow, replace_steps
from couler_plugins.plan import Decision

__all__ = ["apply_switches"]


def apply_switches(
    workflow: Workflow, facet: FingerprintCaching, ctx: Context, terms: Terms
) -> tuple[Workflow, list[Decision]]:
    """The workflow with the switches and salts that its steps are to have, and why.

    It is the same object where nothing changes. Salts of an earlier time are taken out first and made anew.
    """
    bare = unsalted(workflow)
    found = substitute(bare, _known(bare, facet, ctx, terms), facet)
    left = found.workflow
    steps, choices = steps_of(left), choices_of(left, facet, ctx, terms)
    could = declarable_verdicts(left, facet, terms) if ctx.explains else {}
    switched = {
        place: facet.switched(steps[place], choice.on)
        for place, choice in choices.items()
        if choice.on is not None and choice.on is not facet.is_on(steps[place])
    }
    salts = {place: choice.salt for place, choice in choices.items() if choice.on}
    new = salted(replace_steps(left, switched) if switched else left, salts, facet.input_for_salt)
    before, after = _salts(workflow), _salts(new)
    changed = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
    changed |= switched.keys()
    decisions = [_gone(workflow, place, affects) for place, affects in found.gone.items()]
    decisions += [
        _decision(
            workflow,
            place,
            steps[place],
            choice,
            _judgement(choice, could.get(place, choice.verdict), on=facet.is_on(steps[place])),
            ctx,
            changed=place in changed,
            known=found.kept.get(place),
        )
        for place, choice in choices.items()
    ]
    return (new if changed or found.gone else workflow), decisions


def _salts(workflow: Workflow) -> dict[Place, Mapping[str, Value]]:
    found = {place: salts_of(step) for place, step in steps_of(workflow).items()}
    return {place: salts for place, salts in found.items() if salts}


def _known(workflow: Workflow, facet: FingerprintCaching, ctx: Context, terms: Terms) -> dict[Place, KnownResult]:
    """The results that are known of steps that would be cached."""
    if not terms.known:
        return {}
    steps, choices = steps_of(workflow), choices_of(workflow, facet, ctx, terms)
    keys = keys_of(steps, {place: choice.verdict for place, choice in choices.items() if choice.on})
    return {place: terms.known[key] for place, key in keys.items() if key in terms.known}


def _gone(workflow: Workflow, place: Place, affects: tuple[str, ...]) -> Decision:
    return Decision(
        optimizer="cache",
        workflow=workflow.label,
        subject="/".join(place),
        action="take it out",
        reason="its result is known, and handed on as constants and imports",
        affects=(*affects, place[0]),
    )


def _judgement(choice: Choice, declared: Verdict, *, on: bool) -> Judgement:
    """What becomes of a step.

    Args:
        choice: what is done to it.
        declared: what would be found about it if owners declared all that they could.
        on: whether its engine caches it as it stands.
    """
    objection = choice.objection
    if objection is None or objection.rule in NATIVE or (choice.on is None and on):
        return CACHED
    undeclared = objection is ORDER and choice.verdict.objections
    decisive = [] if undeclared or objection in choice.verdict.objections else [objection]
    return judgement_on(choice.verdict, declared, decisive)


def _decision(
    workflow: Workflow,
    place: Place,
    step: Step,
    choice: Choice,
    judgement: Judgement,
    ctx: Context,
    *,
    changed: bool,
    known: Objection | None,
) -> Decision:
    facts = choice.verdict.facts
    assert facts is not None
    action = ""
    figures: list[tuple[str, Scalar]] = []
    if choice.on:
        action = "cache" if changed else ""
        said = f"{choice.verdict.declared} says that it is pure"
        reason = said if changed else "it is cached already, its salt is up to date"
        notes = [known.reason] if known is not None else []
        reason = "; ".join(dict.fromkeys((reason, *notes, *facts.material.warnings)))
        if choice.verdict.max_age is not None:
            figures.append(("reused for seconds", choice.verdict.max_age))
    else:
        assert choice.objection is not None
        action = "stop caching" if changed else ""
        reason = choice.objection.advice
        if choice.objection.rule == "not-declared":
            reason = f"nobody declared it pure, and no rule is against it: add {choice.objection.remedy}"
        if judgement.outcome == "cached" and choice.objection.rule not in NATIVE:
            reason = f"its engine caches it by a key of its own; {reason}"
        figures.append(("rule", choice.objection.rule))
    return decision_on(
        workflow,
        "/".join(place),
        ctx,
        step=step,
        judgement=judgement,
        reason=reason,
        action=action,
        figures=figures,
        affects=(facts.operation.name,) if changed else (),
        warnings=choice.verdict.warnings,
        waived=choice.verdict.waived,
    )
