"""Results that are kept beside the engine's own records: one analysis says what may be, or pods do it by value.

What a step depends on is in its key by value: its parameters, and the files that its owner declares, by their content.
What it merely comes after has to have a key that is known now; that is a constant in what its pod is told.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec.structs import replace

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.decisions import NAME, decision_of, judgement_on
from couler_plugins.caching.declarations import ALLOW, CACHE, VERSION, allow_text
from couler_plugins.caching.rows import RowsFromSettings
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.waivers import ORDER
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.hookspecs.caching import CacheChange, EngineCache, Knowledge, Objection
from couler_plugins.ir import Literal, Operation, Workflow, call_sites
from couler_plugins.plan import Decision

WRAPPING = frozenset({"via", *Wrapper.__struct_fields__}) - {"program"}
"""The options of an engine whose commands can be wrapped, by containers of our own."""


class AnalyzedCache(RowsFromSettings, EngineCache[Verdict, CacheSettings], Knowledge):
    """The cache of one workflow, whose calls are analysed once.

    Args:
        workflow: the workflow.
    """

    fingerprints: ClassVar[bool]
    """Whether all values that a call is given are in its key; see `Analysis`."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._analyses: dict[tuple[bool, bool], Analysis] = {}

    @abstractmethod
    def how_to_annotate(self, operation: Operation, key: str, text: str) -> str:
        """Return what the owner would paste where, to annotate an operation."""

    def how_to_say(self, operation: Operation, key: str, text: str = "…") -> str:
        """Return what the owner would write where: in the row of the settings that names it, or as an annotation."""
        return self.declared.remedy(operation, key, text) or self.how_to_annotate(operation, key, text)

    def how_to_declare(self, operation: Operation) -> str:
        """Return the annotation that declares an operation pure."""
        return self.how_to_say(operation, CACHE, "pure")

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        """Return the annotation that waives what these words stand for."""
        return self.how_to_say(operation, ALLOW, allow_text(words))

    def how_to_version(self, operation: Operation) -> str:
        """Return the annotation that declares a version."""
        return self.how_to_say(operation, VERSION)

    @abstractmethod
    def with_record(self, workflow: Workflow, text: str | None) -> Workflow:
        """Return the workflow with the rows of the settings that its keys depend on; None takes them away."""

    def unkept(self, settings: CacheSettings) -> Objection | None:
        """Return why the engine's own cache keeps nothing, whatever the operation; None where it may."""
        return None

    def analysis(self, settings: CacheSettings, *, declared: bool = False, by_content: bool = False) -> Analysis:
        """Return the analysis of the bare workflow.

        Args:
            settings: what the user says.
            declared: whether all that owners could declare counts as declared, to tell what that would change.
            by_content: whether commands are wrapped that can be, so that keys cover the contents of their artifacts.
        """
        if (declared, by_content) not in self._analyses:
            self._analyses[declared, by_content] = Analysis(
                self.bare,
                self,
                assume_pure=settings.assume_pure,
                # Where values are all that counts, a circle is one of names only: a pipeline may be called as its task.
                circular=settings.circular and not self.fingerprints,
                fingerprints=self.fingerprints,
                declared=declared,
                unkept=self.unkept(settings),
                by_content=by_content,
                like=next(iter(self._analyses.values()), None),
            )
        return self._analyses[declared, by_content]

    def verdicts_of(self, analysis: Analysis) -> Mapping[Place, Verdict]:
        """Return what an analysis finds about each call."""
        return analysis.verdicts

    def looked_up(self, settings: CacheSettings, *, declared: bool = False) -> Mapping[Place, Verdict]:
        """Return what is found about each call; see `analysis`."""
        return self.verdicts_of(self.analysis(settings, declared=declared))

    def verdicts(self, settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return what is found about each call, whatever keeps the results."""
        return self.looked_up(settings)

    def declarable(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return the verdicts if owners declared all that they could; as they are where nobody is told."""
        if not settings.ctx.explains:
            return verdicts
        verdicts_declared = self.looked_up(settings, declared=True)
        return {**verdicts, **self.admit(verdicts_declared, replace(settings, limit=None))}


NO_STORE = Objection(
    "no-store",
    "its engine keeps no results",
    "storage",
    "-p 'cache{via=wrapper,store=s3://bucket/cache,image=…}'",
)
LATE = Objection(
    "lineage", "the steps before it are only known at run time, and none of its parameters has their results", "storage"
)
CALLED_HERE = "called-here"
"""The rule about an operation whose callers in these files are cached instead of it."""


class ByValueKeys(AnalyzedCache):
    """The cache of one workflow whose pods make keys of all parameters by value and of declared files by content.

    `bare` has all in it that the workflow calls, as far as that is known.
    """

    key_model = "by-value"
    options = WRAPPING
    fingerprints = True

    @abstractmethod
    def call_objection(self, place: Place) -> Objection | None:
        """Return why the engine forbids that a call is cached, whatever it calls; None where it does not."""

    @abstractmethod
    def store_objection(self, operation: Operation, wrapper: Wrapper) -> Objection | None:
        """Return why its results cannot be kept in this store; None where they can."""

    @abstractmethod
    def wrapped(self, verdicts: Mapping[Place, Verdict], wrapper: Wrapper | None) -> CacheChange:
        """Return the workflow with these calls cached, and all others not.

        Args:
            verdicts: those on calls that are cached, by graph and step; of a library of one operation, by its name.
            wrapper: what the pods are told; None where nothing is cached.
        """

    def verdicts_of(self, analysis: Analysis) -> Mapping[Place, Verdict]:
        """Return what an analysis finds about each call; for a library of operations, about each of these."""
        verdicts = dict(analysis.verdicts)
        if self.bare.library and not self.bare.graphs:
            verdicts.update((("", item.name), analysis.from_outside(item)) for item in self.bare.operations)
        for place, verdict in verdicts.items():
            if (refusal := self.call_objection(place)) is not None:
                objections = (refusal, *verdict.objections)
                verdicts[place] = replace(verdict, objections=objections, declarable=False)
        return verdicts

    def admit(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return the verdicts with what stands against a store of ours, where nothing stands against reuse."""
        return {place: self._admitted(verdict, settings.wrapper) for place, verdict in verdicts.items()}

    def _admitted(self, verdict: Verdict, wrapper: Wrapper | None) -> Verdict:
        if any(not item.remedy and item.rule != CALLED_HERE for item in verdict.objections):
            return verdict
        assert verdict.facts is not None
        objection = NO_STORE if wrapper is None else self.store_objection(verdict.facts.operation, wrapper)
        if not all(isinstance(value, Literal) for value in verdict.lineages):
            words = sorted({*verdict.waived, ORDER})
            objection = replace(LATE, remedy=self.how_to_allow(verdict.facts.operation, words))
        return verdict if objection is None else replace(verdict, objections=(*verdict.objections, objection))

    def apply(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> CacheChange:
        """Return the workflow with everything cached that may be, what is new beside it, and why."""
        declarable = self.declarable(verdicts, settings)
        cached = {place: verdict for place, verdict in verdicts.items() if not verdict.objections}
        new = self.wrapped(cached, settings.wrapper)
        text = self.recorded(verdict.facts.operation for verdict in cached.values() if verdict.facts is not None)
        recorded = self.with_record(new.workflow, text)
        sites = {
            ("" if site.graph is None else site.graph.name, site.step.name): site for site in call_sites(self.workflow)
        }
        decisions = []
        if recorded is not new.workflow and not new.changed:
            reason = "`couler lint` compares keys with the rows of the settings that they cover"
            decisions.append(
                Decision(optimizer=NAME, workflow=self.workflow.label, action="record rows", reason=reason)
            )
        for place, verdict in verdicts.items():
            assert verdict.facts is not None
            site = sites.get(place)
            decisions.append(
                decision_of(
                    verdict,
                    self.workflow,
                    verdict.facts.operation.name if site is None else site.label,
                    settings.ctx,
                    step=None if site is None else site.step,
                    judgement=judgement_on(_uncalled(verdict), _uncalled(declarable[place])),
                    changed=place in new.changed,
                )
            )
        return replace(new, workflow=recorded, decisions=decisions)


def _uncalled(verdict: Verdict) -> Verdict:
    """Return the verdict as if nothing here called the operation."""
    objections = tuple(item for item in verdict.objections if item.rule != CALLED_HERE)
    return replace(verdict, objections=objections)
