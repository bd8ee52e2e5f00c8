"""Which steps change nothing outside of their outputs, by their owners' word, and what says otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from couler_plugins.caching.key_models.analyzed import AnalyzedCache
from couler_plugins.caching.key_models.fingerprint import FingerprintKeys
from couler_plugins.caching.key_models.worker import WorkerKeys
from couler_plugins.hookspecs.caching import EngineCache, Material, Objection
from couler_plugins.ir import (
    ANY_STEP,
    Call,
    Dynamic,
    External,
    Graph,
    GraphView,
    Libraries,
    Literal,
    Need,
    Operation,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    callee_of,
    conjuncts,
    needed,
)
from couler_plugins.ir.ends import EMPTY, quiet_ends
from couler_plugins.ir.recursion import recursive

SUCCESS = frozenset({"daemoned", "skipped", "succeeded"})
"""Outcomes that a step waits for where it asks for no failure."""
BARRIER = ("daemoned", "skipped", "succeeded")
"""What a stage asks of the one before it."""
SHARED = frozenset(
    {
        *("defaults", "file-lists", "isolated-workspace", "kind", "own-place", "patched", "place", "pod"),
        *("context", "effect", "no-result", "outputs", "unknown-context", "volume", "workspace"),
    }
)
"""Rules of caching that speak of effects, of places that others may see, or of reading more than arguments."""


class Obstacle(NamedTuple):
    """What keeps a step from running in another order.

    Attributes:
        reason: why, in half a sentence.
        remedy: what its owner would write, and where, to declare it pure; empty where something else is in the way.
        undeclared: what would have to be declared, by its label; none where that does not help.
    """

    reason: str
    remedy: str = ""
    undeclared: tuple[str, ...] = ()


class Place(NamedTuple):
    """What a step does at a place outside.

    Attributes:
        url: where; None where only the run knows.
        writes: whether it writes there.
    """

    url: str | None
    writes: bool


class Purity:
    """What owners say of the steps of one workflow.

    Args:
        workflow: the workflow.
        cache: what its engine's cache knows of declarations; None where its steps cannot be cached.
        libraries: what calls of other workflows mean.
        of_others: returns what owners say of another workflow.
    """

    def __init__(
        self,
        workflow: Workflow,
        cache: EngineCache[Any, Any] | None,
        libraries: Libraries,
        of_others: Callable[[Workflow], Purity],
    ) -> None:
        self._workflow = workflow
        self._by_name = callables(workflow)
        self._recursive = recursive(workflow)
        self._cache = cache
        self._libraries = libraries
        self._of_others = of_others
        self._open: set[str] = set()
        self._obstacles: dict[tuple[str, str], Obstacle | None] = {}
        self._materials: dict[str, Material] = {}

    def obstacle(self, graph: Graph, step: Step) -> Obstacle | None:
        """Return what speaks against the purity of a step; None where its owner says that it is pure."""
        place = (graph.name, step.name)
        if place not in self._obstacles:
            self._obstacles[place] = self._find_obstacle(graph, step)
        return self._obstacles[place]

    def places(self, graph: Graph, step: Step) -> Iterator[Place]:
        """Return what a step that is pure, or would be if that were declared, does at places outside."""
        if (obstacle := self.obstacle(graph, step)) is not None and not obstacle.undeclared:
            return
        owner, callee = self._callee(graph, step)
        if isinstance(callee, Graph):
            yield from (Place(None, one.writes) for inner in callee.steps for one in owner.places(callee, inner))
        elif callee is not None:
            material, operation = owner._material(callee), callee
            passed = {item.name: item.value for item in step.arguments}
            defaults = {port.name: port.value or port.default for port in operation.inputs}
            for name, words in material.places.items():
                value = passed.get(name, defaults.get(name))
                url = value.value if isinstance(value, Literal) and isinstance(value.value, str) else None
                yield Place(url, "out" in words.split(","))
            yield from (Place("workspace:", "out" in words.split(",")) for words in material.workspaces.values())

    def _callee(self, graph: Graph, step: Step) -> tuple[Purity, Graph | Operation | None]:
        """Return what a step calls, and what knows of it; None where that is not read here, or not clear."""
        own = callee_of(step, self._by_name)
        if isinstance(own, Graph):
            return self, own
        if (operation := self._operations.get((graph.name, step.name))) is not None or own is not None:
            return self, operation or own
        if isinstance(step.call, External):
            libraries = self._libraries.candidates(self._workflow, step.call)
            if len(libraries) == 1:
                name = step.call.name or getattr(getattr(libraries[0].entry, "call", None), "name", "")
                return self._of_others(libraries[0]), callables(libraries[0]).get(name)
        return self, None

    def _find_obstacle(self, graph: Graph, step: Step) -> Obstacle | None:
        if step.handlers:
            return Obstacle("it has a hook, which may do anything")
        owner, callee = self._callee(graph, step)
        if callee is None:
            return Obstacle(_unseen(step))
        if isinstance(callee, Graph):
            return owner._of_graph(callee)
        return owner._of_operation(graph if owner is self else None, step, callee)

    def _of_operation(self, graph: Graph | None, step: Step, operation: Operation) -> Obstacle | None:
        if (reason := _effect(operation)) or self._cache is None:
            return Obstacle(reason or "its engine keeps no declarations of purity")
        folders = self._material(operation).workspaces
        objections = self._objections(graph, step, operation)
        shared = next((item for item in objections if item.rule in SHARED and item.seen not in folders), None)
        if shared is not None:
            return Obstacle(shared.reason)
        if self._cache.declared_pure(graph, step, operation):
            return None
        label = f"{graph.name}/{step.name}" if graph and isinstance(self._cache, WorkerKeys) else operation.name
        return Obstacle("nobody declares it pure", self._remedy(graph, step, operation), (label,))

    def _of_graph(self, callee: Graph) -> Obstacle | None:
        if callee.name in self._recursive or callee.name in self._open:
            return Obstacle(f"{callee.name!r} calls itself")
        if callee.locks is not None:
            return Obstacle(f"{callee.name!r} takes a lock")
        self._open.add(callee.name)  # workflows may call each other
        inner = ((step, self.obstacle(callee, step)) for step in callee.steps)
        against = [(step, one) for step, one in inner if one is not None]
        self._open.discard(callee.name)
        if not against:
            return None
        step, first = next((item for item in against if not item[1].undeclared), against[0])
        undeclared = tuple(dict.fromkeys(label for _, one in against for label in one.undeclared))
        reason = f"of {callee.name}/{step.name} in it: {first.reason}"
        return Obstacle(reason, first.remedy, undeclared if first.undeclared else ())

    @cached_property
    def _operations(self) -> Mapping[tuple[str, str], Operation]:
        """What calls run, also of other objects in the files, by graph and step: as `cache` reads it."""
        bare = self._cache.bare if self._cache is not None else None
        by_name = callables(bare) if bare is not None else {}
        return {
            (site.graph.name, site.step.name): callee
            for site in (call_sites(bare) if bare is not None else ())
            if site.graph is not None and isinstance(callee := callee_of(site.step, by_name), Operation)
        }

    @cached_property
    def _requests(self) -> Mapping[tuple[str, str], Any]:
        assert isinstance(self._cache, WorkerKeys)
        return self._cache.requests(assume_pure=False, explains=True)

    def _objections(self, graph: Graph | None, step: Step, operation: Operation) -> tuple[Objection, ...]:
        if isinstance(self._cache, WorkerKeys):
            assert graph is not None  # its workflows are no libraries
            objections: tuple[Objection, ...] = self._requests[graph.name, step.name].objections
            return objections
        return self._material(operation).objections

    def _material(self, operation: Operation) -> Material:
        if operation.name not in self._materials:
            cache = self._cache if isinstance(self._cache, AnalyzedCache) else None
            material = Material(content=None) if cache is None else cache.material(operation, result=False)
            self._materials[operation.name] = material
        return self._materials[operation.name]

    def _remedy(self, graph: Graph | None, step: Step, operation: Operation) -> str:
        if isinstance(self._cache, (AnalyzedCache, FingerprintKeys)):
            return self._cache.how_to_declare(operation)
        objections = self._objections(graph, step, operation)
        return next((item.remedy for item in objections if item.rule == "not-declared"), "")


def _unseen(step: Step) -> str:
    match step.call:
        case External():
            return f"it calls {step.call.description}, which is not read here"
        case Dynamic():
            return "what it calls is only known at run time"
        case Call():
            return f"it calls {step.call.name!r}, which is not there"


def _effect(operation: Operation) -> str:
    """Return why an operation has effects, whatever its owner says; empty where it need not have any."""
    if operation.daemon:
        return "it keeps running beside the steps after it"
    if operation.locks is not None:
        return "it takes a lock"
    exported = next((output.name for output in operation.outputs if output.exported is not None), "")
    return f"its output {exported!r} is read by the whole run" if exported else ""


def usual_outcomes(graph: Graph) -> tuple[str, ...]:
    """Return the outcomes that most steps of a graph ask of those before them."""
    if graph.stages is not None:
        return BARRIER
    parts = (part for step in graph.steps for part in conjuncts(step.needs))
    counted = Counter(part.outcomes for part in parts if isinstance(part, Need) and SUCCESS.issuperset(part.outcomes))
    return counted.most_common(1)[0][0] if counted else ("succeeded",)


def fixed_steps(view: GraphView) -> dict[str, str]:
    """Return the steps whose place in the order says more than that others have succeeded, each with the reason."""
    graph = view.graph
    usual = usual_outcomes(graph)
    accepted = {*usual, EMPTY} if "skipped" in usual else set(usual)
    ends = quiet_ends(view)
    names = {step.name for step in graph.steps}
    reasons: dict[str, str] = {}
    for region in graph.regions:
        if region.loop is not None:
            reasons |= dict.fromkeys(region.steps, f"it runs in the loop of {region.name!r}")
    for step, read in zip(graph.steps, view.references, strict=True):
        unusual = [part for part in conjuncts(step.needs) if not (isinstance(part, Need) and part.outcomes == usual)]
        for need in (need for part in unusual for need in needed(part)):
            reasons.setdefault(need.step, f"{step.name!r} asks how it ends")
        if unusual:
            reasons[step.name] = "it asks for more than the success of what is before it"
        if step.role != "normal":
            reasons[step.name] = f"other steps have it as their {step.role}"
        if step.tolerates:
            reasons[step.name] = "its failure is tolerated"
        elif not accepted.issuperset(ends[step.name]):
            reasons[step.name] = "it may be skipped, and what is behind it with it"
        for reference in read:
            if (reason := _reading(reference, names)) and reference.step != step.name:
                reasons[step.name] = reason
    return reasons


def _reading(reference: Reference, names: set[str]) -> str:
    if reference.step == ANY_STEP:
        return "it chooses at run time which step it reads"
    if reference.to == "status" and reference.step in names:
        return f"it reads how {reference.step!r} went"
    return f"it reads {reference.name!r}, an output of the whole run" if reference.to == "global" else ""
