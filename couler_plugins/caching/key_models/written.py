"""The engine keeps results under keys that we write into the manifest; a wrapper keeps what the engine cannot."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache, partial

from msgspec.structs import replace

from couler_plugins.caching.calls import Place, calls_of, directive_of, is_private, stripped, with_calls
from couler_plugins.caching.choice import choose
from couler_plugins.caching.decisions import NAME, decision_of, judgement_on
from couler_plugins.caching.key_models.analyzed import WRAPPING, AnalyzedCache
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.libraries import cached_library
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import WORKSPACE, Wrapper, wrapped
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.caching import CacheChange, Material, Objection, Shards, SourcePlace
from couler_plugins.ir import Argument, Call, Directive, Operation, Step, Workflow, callables
from couler_plugins.plan import Decision

RISK = 1e-6
"""How likely one run may be to fill a shard beyond its room, were each of its results as large as it may be."""
TILTS = tuple(1.2**power for power in range(4, 36))
"""Where Chernoff's bound is taken, in multiples of 1/room."""


class ShardFill:
    """Admits results as long as every shard almost surely has room for those that fall to it.

    A hash gives each result to each shard with the same chance. By Chernoff's bound, for each `t > 0`, the chance that
    a shard gets more than `room` bytes is at most `exp(-t * room)` times the product, over all results, of
    `1 + (exp(t * bytes) - 1) / number`. The smallest over `TILTS`, for all shards together, is held below RISK.

    Args:
        number: of shards.
        room: bytes that one of them has for the results of one run.
    """

    def __init__(self, number: int, room: int) -> None:
        self._number, self._room = number, room
        self._bytes = 0
        self._exponents = [math.log(number) - tilt for tilt in TILTS]

    def admits(self, count: int, size: int) -> bool:
        """Whether so many results of at most this size fit as well; if they do, they count from now on."""
        if size > self._room:
            return False
        shares = _shares(size / self._room, self._number)
        total = self._bytes + count * size
        exponents = [old + count * share for old, share in zip(self._exponents, shares, strict=True)]
        if total > self._room and min(exponents) > math.log(RISK):
            return False
        self._bytes, self._exponents = total, exponents
        return True


@lru_cache(1024)
def _shares(size: float, number: int) -> list[float]:
    """What a result of this size, in parts of the room, adds to each exponent."""
    return [math.log1p(math.expm1(tilt * size) / number) for tilt in TILTS]


Cached = tuple[tuple[Directive, ...], tuple[Argument, ...]]
"""How a call is cached: the request that holds for it, and the lineage that it hands over."""

NOT_ASKED = Objection("not-asked", "the engine's own cache is not asked for", "storage")


FULL = Objection("full", "one run could fill more than half of a shard of the engine's cache", "storage")


class WrittenKeys(AnalyzedCache):
    """The cache of one workflow of an engine that keeps results under keys that we write down for it."""

    key_model = "written"
    options = WRAPPING | {"capacity", "policy"}
    fingerprints = False

    shards: Shards | None = None
    """The shards of the engine's own cache; None where it has no limit."""

    needs_rights: Objection | None = None
    """Why a stock install of the engine may not keep results in its own cache; None where it may."""

    hit_note = ""
    """What owners should know of hits of the engine's own cache whose artifacts are gone; empty for nothing."""

    @abstractmethod
    def without_traces(self, workflow: Workflow) -> Workflow:
        """Return the workflow without what earlier caching left behind where its owner has edited it since."""

    @abstractmethod
    def how_to_bound(self, operation: Operation) -> str:
        """Return what the owner would paste where, to say how many results a loop over the operation gives at most."""

    @abstractmethod
    def wrapper_objection(self, operation: Operation, material: Material) -> Objection | None:
        """Return why a wrapper cannot keep what the engine's own cache cannot; None where it can."""

    @abstractmethod
    def wrapper_note(self, operation: Operation, options: Mapping[str, str]) -> str:
        """Return what a wrapper changes beside its command, in half a sentence; empty where that is nothing.

        Args:
            operation: the operation.
            options: what the wrapper is told.
        """

    def wrapper_options(self, operation: Operation, material: Material) -> Mapping[str, str]:
        """Return what a wrapper is told of an operation beside what all are told."""
        return {}

    @cached_property
    def bare(self) -> Workflow:
        """The workflow without anything that caching adds."""
        return stripped(self.without_traces(self.workflow))

    def unkept(self, settings: CacheSettings) -> Objection | None:
        """Return why the engine's own cache keeps nothing; None where it is asked, or needs no rights."""
        if settings.via in ("memoize", "both"):
            return None
        return self.needs_rights or (NOT_ASKED if settings.via == "wrapper" else None)

    def looked_up(self, settings: CacheSettings, *, declared: bool = False) -> Mapping[Place, Verdict]:
        """Return what is found about each call, by lineage, and by content where commands are wrapped."""
        verdicts = super().looked_up(settings, declared=declared)
        if settings.wrapper is None:
            return verdicts
        others = self.verdicts_of(self.analysis(settings, declared=declared, by_content=True))
        return {place: replace(verdict, by_content=others[place]) for place, verdict in verdicts.items()}

    def _outside(self, settings: CacheSettings, operation: Operation, *, declared: bool = False) -> Verdict:
        """Return what is found about calls of a library's operation from other workflows."""
        verdict = self.analysis(settings, declared=declared).from_outside(operation)
        if settings.wrapper is None:
            return verdict
        other = self.analysis(settings, declared=declared, by_content=True).from_outside(operation)
        return self._wrapped({("", ""): replace(verdict, by_content=other)}, settings.wrapper)["", ""]

    def _wrapped(self, verdicts: Mapping[Place, Verdict], wrapper: Wrapper) -> Mapping[Place, Verdict]:
        return wrapped(verdicts, self.wrapper_objection, wrapper, self.wrapper_options)

    def admit(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return the verdicts with what stands against keeping the results: shards, wrappers, and the capacity."""
        admitted = self._in_shards(verdicts)
        if settings.wrapper is not None:
            if settings.wrapper.store.startswith(WORKSPACE):
                message = (
                    f"pods of this engine have no workspaces, and cannot reach the store {settings.wrapper.store!r:.80}"
                )
                hint = "store=s3://bucket/cache"
                raise Unsupported(message, engine=self.workflow.engine, feature="cache{store}", hint=hint)
            admitted = self._wrapped(admitted, settings.wrapper)
        if settings.limit is not None:
            admitted = choose(self.bare, admitted, self, settings.ctx, settings.limit)
        return admitted

    def _in_shards(self, verdicts: Mapping[Place, Verdict]) -> Mapping[Place, Verdict]:
        """Return the verdicts, those refused whose results could fill more than half of a shard; the first stay."""
        fill = None if self.shards is None else ShardFill(self.shards.number, self.shards.bytes // 2)
        admitted = dict(verdicts)
        for place, verdict in verdicts.items():
            facts = verdict.facts
            if fill is None or verdict.objections or facts is None:
                continue
            if verdict.entries is None:
                reason, where = "the number of its results is unknown", SourcePlace.of(facts.operation.source)
                refusal = Objection("uncounted", reason, "storage", self.how_to_bound(facts.operation), place=where)
            elif fill.admits(verdict.entries, facts.material.entry_bytes):
                continue
            else:
                refusal = FULL
            admitted[place] = replace(verdict, objections=(refusal,))
        return admitted

    def apply(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> CacheChange:
        """Return the workflow with everything cached that may be, every key computed anew, and why."""
        old = self.workflow
        outside: dict[str, Verdict] = {}
        if old.library:
            copies = {item.name for item in old.operations if any(map(is_private, item.directives))}
            new, outside = cached_library(self.bare, partial(self._outside, settings), verdicts, copies)
        else:
            directives = {place: directive_of(verdict) for place, verdict in verdicts.items() if not verdict.objections}
            new = with_calls(self.bare, verdicts, directives, {})
        judged = [item for item in (*verdicts.values(), *outside.values()) if not item.objections]
        cached = [item.facts.operation for item in judged if item.facts is not None]
        new = self.with_record(new, self.recorded(cached))
        new = old if new == old else new
        decisions = list(self._on_calls(new, verdicts, settings))
        others = dict(self._on_operations(new, outside, settings))
        inside = {_operation(verdict) for verdict in verdicts.values()}
        decisions += [decision for name, decision in others.items() if name not in inside]
        return CacheChange(workflow=new, decisions=decisions, outside=others)

    def _on_calls(
        self, new: Workflow, verdicts: Mapping[Place, Verdict], settings: CacheSettings
    ) -> Iterator[Decision]:
        before, after, steps = _cached(self.workflow), _cached(new), calls_of(self.workflow)
        called = {place: step.call.name for place, step in calls_of(new).items() if isinstance(step.call, Call)}
        declarable = self.declarable(verdicts, settings)
        if new is not self.workflow:
            count = sum(1 for directives, _ in after.values() if directives)
            reason = "`couler lint` warns if a cached step is edited afterwards"
            if self.hit_note and any(map(_keeps_references, verdicts.values())):
                reason = f"{reason}; {self.hit_note}"
            figures = (("steps cached", count), ("steps", len(after)))
            yield Decision(optimizer=NAME, workflow=self.workflow.label, action=NAME, reason=reason, figures=figures)
        for place, verdict in verdicts.items():
            changed = before.get(place) != after.get(place)
            names = [_operation(verdict), called.get(place, "")] if changed else []
            subject = "/".join(place) if place[0] else _operation(verdict)
            yield self._decision(subject, steps[place], verdict, declarable[place], settings, changed, names)

    def _on_operations(
        self, new: Workflow, outside: Mapping[str, Verdict], settings: CacheSettings
    ) -> Iterator[tuple[str, Decision]]:
        """Decide on calls of a library's operations from other workflows."""
        was, now = ({item.name: item.directives for item in workflow.operations} for workflow in (self.workflow, new))
        for name, verdict in outside.items():
            assert verdict.facts is not None
            declarable = self._outside(settings, verdict.facts.operation, declared=True)
            changed = was.get(name) != now.get(name)
            yield name, self._decision(name, None, verdict, declarable, settings, changed, [])

    def _decision(
        self,
        subject: str,
        step: Step | None,
        verdict: Verdict,
        declarable: Verdict,
        settings: CacheSettings,
        changed: bool,
        affects: list[str],
    ) -> Decision:
        figures = [("results per run", verdict.entries), ("values from earlier steps", len(verdict.lineages))]
        return decision_of(
            verdict,
            self.workflow,
            subject,
            settings.ctx,
            step=step,
            judgement=judgement_on(verdict, declarable),
            changed=changed,
            unchanged="it is cached already, its key is up to date",
            notes=self._notes(verdict),
            figures=[(name, count) for name, count in figures if count],
            affects=affects,
        )

    def _notes(self, verdict: Verdict) -> Iterator[str]:
        """Yield what the owner should know of how it is cached."""
        yield verdict.choice
        if verdict.wrapper and verdict.facts is not None:
            yield "its command is wrapped, since the engine's own cache cannot keep its results"
            yield self.wrapper_note(verdict.facts.operation, dict(verdict.wrapper))


def _operation(verdict: Verdict) -> str:
    return verdict.facts.operation.name if verdict.facts is not None else ""


def _keeps_references(verdict: Verdict) -> bool:
    """Tell whether the engine's own cache keeps a result, and of its artifacts only where they are."""
    if verdict.objections or verdict.wrapper or verdict.facts is None:
        return False
    return any(output.kind == "artifact" for output in verdict.facts.operation.outputs)


def _cached(workflow: Workflow) -> dict[Place, Cached]:
    """Return how each call of an operation is cached; without requests where it is not."""
    by_name = callables(workflow)
    cached: dict[Place, Cached] = {}
    for place, step in calls_of(workflow).items():
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Operation):
            directives = tuple(item for item in (*step.directives, *callee.directives) if item.kind == NAME)
            lineages = tuple(argument for argument in step.arguments if argument.name.startswith(LINEAGE))
            cached[place] = directives, lineages
    return cached
