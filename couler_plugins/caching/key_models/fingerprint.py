"""The engine makes a key of each step by itself: we salt what the key leaves out, and warn where we cannot.

A step is turned on where its owner declared it pure and no rule is against that; it then gets a salt. Where a rule says
that its result may depend on more than the engine looks at, it stays as its owner has it, with a warning; if the user
says `strict`, it is turned off. Its owner may say `never`, which turns it off in any case.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.cache_toggles import BY_CONTENT, ORDER, Switches, Toggle, content_toggles, toggles_of
from couler_plugins.caching.calls import Place, result_key, salted, salts_of, steps_of, unsalted
from couler_plugins.caching.decisions import (
    CACHED,
    NAME,
    NATIVE,
    UPSTREAM,
    Judgement,
    called_by,
    decision_of,
    judgement_on,
    ordered,
)
from couler_plugins.caching.declarations import ASSUMED
from couler_plugins.caching.key_models.analyzed import WRAPPING
from couler_plugins.caching.known import KnownResult
from couler_plugins.caching.rows import RowsFromSettings
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.substitution import Importers, Substituted, substitute
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import Wrapper, note_of
from couler_plugins.hookspecs.caching import CacheChange, EngineCache, Knowledge, Objection
from couler_plugins.ir import Operation, Port, Step, Workflow, replace_steps
from couler_plugins.plan import Decision

OF_SALTS = frozenset({"not-declared", "unknown-producer", "several-callers", "too-many-values", "unreachable"})
"""Rules that say only why a step gets no salt: no warning for an owner who did not ask for one."""


class FingerprintKeys(RowsFromSettings, EngineCache[Verdict, CacheSettings], Knowledge, Switches, Importers):
    """The cache of one workflow of an engine that makes a fingerprint of each step, and so a key, by itself.

    The fingerprint covers all that a step is given: parameters by value, artifacts by an identity that is another one
    whenever they are made anew. What else a result depends on has to reach it as an input: the salt. Each step has a
    switch, which the engine's own tools turn on for whatever nobody has thought about.

    Args:
        workflow: the workflow.
    """

    key_model = "fingerprint"
    options = WRAPPING - {"security"} | {"program", "epoch", "min_seconds", "strict", "known"}

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._substituted: Substituted | None = None

    @abstractmethod
    def input_for_salt(self, name: str) -> Port:
        """Return an input that a step need not be given, for an operation to take a text that it never reads."""

    @abstractmethod
    def how_to_forbid(self, operation: Operation) -> str:
        """Return what the owner would paste where, so that an operation is never cached."""

    @abstractmethod
    def wrapper_objection(self, operation: Operation) -> Objection | None:
        """Return why the command of an operation cannot be wrapped; None where it can."""

    @abstractmethod
    def wrapped(self, workflow: Workflow, names: Collection[str], wrapper: Wrapper) -> Workflow:
        """Return the workflow with the commands of these operations wrapped: of a step with a salt they look it up."""

    def covers_contents(self, operation: Operation) -> bool:
        """Return whether its command can be wrapped: the key of a wrapper covers contents."""
        return self.wrapper_objection(operation) is None

    @cached_property
    def bare(self) -> Workflow:
        """The workflow without any salt or wrapper."""
        return unsalted(self.workflow)

    def verdicts(self, settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return what is found about each call that is left once the steps with known results are gone."""
        return self._verdicts(self._left(settings).workflow, settings)

    def admit(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> Mapping[Place, Toggle]:
        """Return what becomes of each step: turned on with a salt, turned off, or left as it is.

        A step that the engine cannot look up by the contents of its artifacts is turned off where a wrapper can.
        """
        workflow = self._left(settings).workflow
        toggles = self._toggles(workflow, verdicts, settings)
        if settings.wrapper is None:
            return toggles
        analysed = self._verdicts(workflow, settings, by_content=True)
        before = {place for place, step in steps_of(self.workflow).items() if salts_of(step)}
        return {**toggles, **content_toggles(workflow, toggles, analysed, self, self.covers_contents, before)}

    def apply(self, verdicts: Mapping[Place, Toggle], settings: CacheSettings) -> CacheChange:
        """Return the workflow with the switches and salts that its steps are to have, and why."""
        without = self._left(settings)
        steps = steps_of(without.workflow)
        declarable = self._verdicts(without.workflow, settings, declared=True) if settings.ctx.explains else {}
        switched = {
            place: self.switched(steps[place], toggle.on)
            for place, toggle in verdicts.items()
            if toggle.on is not None and toggle.on is not self.is_on(steps[place])
        }
        salts = {place: toggle.salt for place, toggle in verdicts.items() if toggle.salt}
        rest = replace_steps(without.workflow, switched) if switched else without.workflow
        unwrappable: dict[Place, Objection | None] = {}
        if settings.wrapper is not None:
            operations = {item.name: item for item in rest.operations}
            unwrappable = {
                place: self.wrapper_objection(operations[called_by(steps[place])])
                for place, toggle in verdicts.items()
                if toggle.salt or (toggle.objection is not None and toggle.objection.rule in BY_CONTENT)
            }
            names = {called_by(steps[place]) for place in salts if unwrappable[place] is None}
            rest = self.wrapped(rest, names, settings.wrapper)
        new = salted(rest, salts, self.input_for_salt)
        before, after = _written(self.workflow), _written(new)
        changed = {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}
        changed = (changed & steps.keys()) | switched.keys()
        decisions = [self._gone(place, affects) for place, affects in without.gone.items()]
        for place, toggle in verdicts.items():
            judgement = _judgement(toggle, declarable.get(place, toggle.verdict), on=self.is_on(steps[place]))
            objection = without.kept.get(place)
            notes = [] if objection is None or toggle.objection is not None else [objection.reason]
            if place in unwrappable:
                notes.append(note_of(unwrappable[place], off=toggle.on is False))
            decisions.append(self._decision(place, steps[place], toggle, judgement, settings, place in changed, notes))
        return CacheChange(workflow=new if changed or without.gone else self.workflow, decisions=decisions)

    def result_keys(self, *, assume_pure: bool = False) -> dict[Place, str]:
        """Return the keys of results that are known before a run: of pure steps that depend on constants alone.

        Args:
            assume_pure: whether a step of which nothing is said counts as declared pure.
        """
        return self._keys(Analysis(self.bare, self, assume_pure=assume_pure, fingerprints=True).verdicts)

    def _keys(self, verdicts: Mapping[Place, Verdict]) -> dict[Place, str]:
        """Return the keys of what steps make, of those that have one; in each graph, the first steps come first."""
        steps = steps_of(self.bare)
        keys: dict[Place, str] = {}
        for place, verdict in verdicts.items():
            if place in steps and (key := result_key(place[0], steps[place], verdict, keys)) is not None:
                keys[place] = key
        return keys

    def _verdicts(
        self,
        workflow: Workflow,
        settings: CacheSettings,
        *,
        assume_pure: bool = False,
        declared: bool = False,
        by_content: bool = False,
    ) -> Mapping[Place, Verdict]:
        pure, circular = settings.assume_pure or assume_pure, settings.circular
        analysis = Analysis(
            workflow,
            self,
            assume_pure=pure,
            circular=circular,
            fingerprints=True,
            declared=declared,
            by_content=by_content,
        )
        return analysis.verdicts

    def _toggles(
        self, workflow: Workflow, verdicts: Mapping[Place, Verdict], settings: CacheSettings
    ) -> dict[Place, Toggle]:
        assumed = verdicts if settings.assume_pure else self._verdicts(workflow, settings, assume_pure=True)
        return toggles_of(workflow, verdicts, assumed, self, settings)

    def _left(self, settings: CacheSettings) -> Substituted:
        """The workflow without the steps whose results are known."""
        if self._substituted is None:
            self._substituted = substitute(self.bare, self._known(settings), self)
        return self._substituted

    def _known(self, settings: CacheSettings) -> dict[Place, KnownResult]:
        """The results that are known of steps that would be cached."""
        if not settings.results:
            return {}
        toggles = self._toggles(self.bare, self._verdicts(self.bare, settings), settings)
        keys = self._keys({place: item.verdict for place, item in toggles.items() if item.on})
        return {place: settings.results[key] for place, key in keys.items() if key in settings.results}

    def _gone(self, place: Place, affects: tuple[str, ...]) -> Decision:
        return Decision(
            optimizer=NAME,
            workflow=self.workflow.label,
            subject="/".join(place),
            action="take it out",
            reason="its result is recorded in `known`, and replaces it as constants and imports",
            affects=(*affects, place[0]),
        )

    def _decision(
        self,
        place: Place,
        step: Step,
        toggle: Toggle,
        judgement: Judgement,
        settings: CacheSettings,
        changed: bool,
        notes: list[str],
    ) -> Decision:
        verdict, objection, advice = toggle.verdict, toggle.objection, ""
        assert verdict.facts is not None
        warnings = verdict.warnings
        if objection is not None:
            advice = "; ".join([objection.advice, *notes])
            if objection.rule == "not-declared":
                advice = f"nobody declared it pure, and no rule is against it: add {objection.remedy}"
            if judgement.outcome == "cached" and objection.rule not in NATIVE:
                warnings += self._doubts(toggle, objection, verdict.facts.operation)
                if not _is_undeclared(verdict):
                    advice = "it gets no salt"
                elif warnings or objection.rule != "not-declared":
                    advice = "nobody declared it pure"
                advice = "; ".join(["its engine caches it by a key of its own", advice, *notes])
        decision = decision_of(
            msgspec.structs.replace(verdict, objections=() if objection is None else (objection,), warnings=warnings),
            self.workflow,
            "/".join(place),
            settings.ctx,
            step=step,
            judgement=judgement,
            changed=changed,
            unchanged="it is cached already, its salt is up to date",
            advice=advice,
            notes=notes,
            affects=(verdict.facts.operation.name,) if changed else (),
        )
        stays = toggle.on is None  # what changes then is an old salt
        return msgspec.structs.replace(decision, action="remove the salt") if changed and stays else decision

    def _doubts(self, toggle: Toggle, objection: Objection, operation: Operation) -> tuple[Objection, ...]:
        """Return what the owner of a step is warned of that its engine caches and that gets no salt.

        Args:
            toggle: what becomes of it.
            objection: why it gets no salt.
            operation: what it calls.
        """
        undeclared = _is_undeclared(toggle.verdict)
        remedies = {**dict.fromkeys(OF_SALTS, ""), "unknown-declaration": "one of these"}
        if toggle.verdict.objections:
            remedies[ORDER.rule] = f"{self.how_to_declare(operation)}, and {UPSTREAM}" if undeclared else UPSTREAM
        never = self.how_to_forbid(operation)
        return tuple(
            msgspec.structs.replace(item, remedy=item.remedy or remedies.get(item.rule, never))
            for item in ordered([*toggle.verdict.objections, objection])
            if not undeclared or item.rule not in OF_SALTS
        )


def _is_undeclared(verdict: Verdict) -> bool:
    """Return whether the owner of a step says nothing of it that declares it pure."""
    return verdict.declared in ("", ASSUMED)


def _written(workflow: Workflow) -> dict[Place, Any]:
    """Return what caching writes of each step that has any of it: its salts, and what it calls as that runs."""
    runs = {item.name: (item.containers, item.native_extra) for item in workflow.operations}
    return {place: (salts_of(step), runs.get(called_by(step))) for place, step in steps_of(workflow).items()}


def _judgement(toggle: Toggle, declarable: Verdict, *, on: bool) -> Judgement:
    """Return what becomes of a step.

    Args:
        toggle: what is done to it.
        declarable: what would be found about it if owners declared all that they could.
        on: whether its engine caches it as it stands.
    """
    objection = toggle.objection
    if objection is None or objection.rule in NATIVE or (toggle.on is None and on):
        return CACHED
    undeclared = objection is ORDER and toggle.verdict.objections
    decisive = [] if undeclared or objection in toggle.verdict.objections else [objection]
    return judgement_on(toggle.verdict, declarable, decisive)
