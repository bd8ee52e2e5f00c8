"""Which steps an engine that makes keys by itself is to cache: on, off, or as its owner left it, and why.

A rule against a step is a warning unless its owner says `never` or `always`, or the user says `strict`: such an engine
caches steps by default, and its users rely on that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import msgspec

from couler_plugins.caching.calls import Place, passable, salt_of, steps_of
from couler_plugins.caching.declarations import ASSUMED
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import (
    Graph,
    GraphView,
    Operation,
    Step,
    Value,
    Workflow,
    references,
)

ORDER = Objection("order", "it runs after steps whose results are not among its arguments")
NO_EPOCH = Objection(
    "no-epoch",
    "its result has a time limit (ttl), which the engine does not support",
    remedy="-p 'cache{epoch=…}'",
)
LEFT_OFF = Objection("switched-off", "its caching is switched off, and it is not declared pure")
OWNERS_WORD = frozenset({"never", "always"})
"""Rules that switch a step off whatever the user says: its owner wants it to run every time."""
IMPORTER, REIMPORT = "importer", "reimport"
"""Rules about steps that hand on what is there already: it is the same in every run, or another one in each."""


BY_CONTENT = frozenset({"unversioned-input", "never-hits"})
"""Rules against an engine's own key that a key of the contents of artifacts does not have."""


class Switches(Protocol):
    """The switches of an engine that its steps have for its cache."""

    def is_on(self, step: Step) -> bool:
        """Return whether the engine caches this step as it stands."""

    def switched(self, step: Step, on: bool) -> Step:
        """Return the step with its switch there; turned off, all that its owner said of caching it is gone."""

    def owners(self, step: Step, operation: Operation) -> Objection | None:
        """Return why the switch is its owner's own word, that nobody else touches; None where it is not."""


class Toggle(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a step: on with a salt, off for a reason, or left as it is for one."""

    on: bool | None
    salt: tuple[Value, ...] = ()
    objection: Objection | None = None
    verdict: Verdict


def toggles_of(
    workflow: Workflow,
    verdicts: Mapping[Place, Verdict],
    assumed: Mapping[Place, Verdict],
    facet: Switches,
    settings: CacheSettings,
) -> dict[Place, Toggle]:
    """Return what becomes of each step that calls an operation, in the order of the source.

    Args:
        workflow: the workflow, without any salt.
        verdicts: what was found about each call.
        assumed: what would be found if all were declared pure unless their owners say otherwise.
        facet: what its engine knows.
        settings: what the user says.
    """
    steps = steps_of(workflow)
    toggles = {
        place: _toggle(steps[place], verdict, assumed[place], facet, settings)
        for place, verdict in verdicts.items()
        if place in steps  # the call that a run starts with can be passed nothing
    }
    for graph in workflow.graphs:
        _drop_cheap(workflow, graph, toggles, facet, settings)
        _drop_vain(graph, toggles, facet, settings)
    return toggles


def content_toggles(
    workflow: Workflow,
    toggles: Mapping[Place, Toggle],
    verdicts: Mapping[Place, Verdict],
    facet: Switches,
    covers: Callable[[Operation], bool],
    salted: Collection[Place],
) -> dict[Place, Toggle]:
    """Return what becomes of steps that a wrapper can look up by the contents of artifacts, and their engine cannot.

    Args:
        workflow: the workflow, without any salt.
        toggles: what becomes of each step without a wrapper.
        verdicts: what was found about each call, where contents are in its key.
        facet: what its engine knows.
        covers: tells whether the command of an operation can be wrapped.
        salted: the steps that have a salt already: what is off among them was turned off here before.
    """
    steps, changed = steps_of(workflow), {}
    for place, toggle in toggles.items():
        verdict = verdicts[place]
        assert verdict.facts is not None
        barred = toggle.objection is not None and toggle.objection.rule in BY_CONTENT
        pure = verdict.objection is None and verdict.max_age is None and passable(verdict)
        said = verdict.declared != ASSUMED or facet.is_on(steps[place]) or place in salted
        if barred and pure and said and covers(verdict.facts.operation):
            changed[place] = Toggle(on=False, salt=salt_of(verdict, None), verdict=verdict)
    return changed


def _toggle(step: Step, verdict: Verdict, assumed: Verdict, facet: Switches, settings: CacheSettings) -> Toggle:
    """What becomes of a step by itself.

    Args:
        step: the step.
        verdict: what was found about it.
        assumed: what would be found if it, and all others, were declared pure unless their owners say otherwise.
        facet: what its engine knows.
        settings: what the user says.
    """
    assert verdict.facts is not None
    if (own := facet.owners(step, verdict.facts.operation)) is not None:
        return Toggle(on=None, objection=own, verdict=verdict)
    if (refusal := _refusal(assumed)) is not None:
        off = settings.strict or refusal.rule in OWNERS_WORD
        return Toggle(on=False if off else None, objection=refusal, verdict=assumed)
    if verdict.objection is not None:
        untold = bool(assumed.lineages)  # which no salt of an undeclared step would cover
        objection = ORDER if untold else verdict.objection
        return Toggle(on=False if untold and settings.strict else None, objection=objection, verdict=verdict)
    if verdict.declared == ASSUMED and not facet.is_on(step):
        return Toggle(on=None, objection=LEFT_OFF, verdict=verdict)
    period = None
    if verdict.max_age is not None:
        if settings.epoch is None:
            return Toggle(on=False if settings.strict else None, objection=NO_EPOCH, verdict=verdict)
        period = settings.epoch.period(verdict.max_age)
    return Toggle(on=True, salt=salt_of(verdict, period), verdict=verdict)


def _refusal(assumed: Verdict) -> Objection | None:
    """The rule against reusing what a step makes, whoever declares it pure; None where there is none."""
    objection = assumed.objection
    if objection is None:
        return None if passable(assumed) else ORDER
    return objection if objection.against == "reuse" and objection.rule != "unreachable" else None


def _drop_cheap(
    workflow: Workflow,
    graph: Graph,
    toggles: dict[Place, Toggle],
    facet: Switches,
    settings: CacheSettings,
) -> None:
    """Turns steps off that take next to nothing, unless their artifacts are read: made anew, these would be others.

    Without `strict`, such a step is only not turned on; the same holds for `_drop_vain`.
    """
    read = {item.step for item in references(graph) if item.to == "output" and item.kind == "artifact"}
    for step in graph.steps:
        toggle = toggles.get((graph.name, step.name))
        if toggle is None or step.name in read or not _may_drop(toggle, step, facet, settings):
            continue
        seconds = settings.ctx.profile(workflow, f"{graph.name}/{step.name}").seconds
        if seconds is not None and seconds < settings.min_seconds:
            reason = f"it takes {seconds:.3g} s, and a look-up of its result would save nothing"
            toggles[graph.name, step.name] = Toggle(
                on=False, objection=Objection("cheap", reason), verdict=toggle.verdict
            )


def _drop_vain(graph: Graph, toggles: dict[Place, Toggle], facet: Switches, settings: CacheSettings) -> None:
    """Turns steps off that read an artifact which every run makes anew: they would be looked up in vain."""
    steps = {step.name: step for step in graph.steps}
    anew: set[str] = set()
    for name in GraphView(graph).order():
        toggle = toggles.get((graph.name, name))
        if toggle is None:
            continue
        artifacts = (item.value for item in steps[name].arguments if item.kind == "artifact")
        from_anew = sorted({item.step for value in artifacts for item in references(value)} & anew)
        if from_anew and _may_drop(toggle, steps[name], facet, settings):
            reason = f"it reads an artifact of {from_anew[0]!r}, which every run makes again"
            toggle = Toggle(on=False, objection=Objection("never-hits", reason), verdict=toggle.verdict)
            toggles[graph.name, name] = toggle
        if _makes_anew(toggle, steps[name], facet):
            anew.add(name)


def _makes_anew(toggle: Toggle, step: Step, facet: Switches) -> bool:
    """Whether what a step hands on is another artifact in every run."""
    if toggle.objection is not None and toggle.objection.rule == IMPORTER:
        facts = toggle.verdict.facts
        return facts is not None and facts.objection is not None and facts.objection.rule == REIMPORT
    return not _may_hit(toggle, step, facet)


def _may_drop(toggle: Toggle, step: Step, facet: Switches, settings: CacheSettings) -> bool:
    """Whether a step that the engine will look up is turned off, or not turned on, where that would save nothing."""
    return _may_hit(toggle, step, facet) and (settings.strict or not facet.is_on(step))


def _may_hit(toggle: Toggle, step: Step, facet: Switches) -> bool:
    """Whether the engine will look the step up."""
    return toggle.on is True or (toggle.on is None and facet.is_on(step))
