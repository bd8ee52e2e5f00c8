"""What Tekton knows of a task that decides whether its result may be reused, for the optimizer `cache`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from couler_plugins.caching.declarations import ALLOW, CACHE, allow_text, said_in
from couler_plugins.caching.key_models.by_value import ByValueKeys
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import WORKSPACE, Wrapper
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import CacheChange, Material, Objection
from couler_plugins.hookspecs.declarations import Said
from couler_plugins.ir import Argument, Graph, Operation, Step, Workflow, call_sites
from couler_plugins.plan import Plan
from couler_tekton.cache.applying import Applying
from couler_tekton.cache.declared import (
    CACHED_FROM,
    MAX_OUTPUT,
    STORE,
    VERSION,
    annotations_of,
    entries,
    rest_of,
    to_annotate,
)
from couler_tekton.cache.material import material
from couler_tekton.cache.resolving import Tasks, resolved
from couler_tekton.split.detect_split import whole_of

__all__ = ["TektonCache", "caches"]

IN_WORKSPACE = re.compile(rf"{WORKSPACE}{STORE}(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


def caches(plan: Plan) -> Callable[[Workflow], TektonCache]:
    """Return what makes the cache of each object of a plan, which may refer to others."""
    tasks = Tasks(plan)
    return lambda workflow: TektonCache(workflow, tasks)


class TektonCache(ByValueKeys):
    """The cache of one object: a store that its pods use.

    Args:
        workflow: the object.
        tasks: the Tasks that it may refer to.
    """

    def __init__(self, workflow: Workflow, tasks: Tasks) -> None:
        super().__init__(workflow)
        self._tasks = tasks
        self._annotations = annotations_of(workflow)

    @property
    def part_of(self) -> str:
        """What the annotation of a part says; the Pipeline itself, where parts were taken out of it."""
        return whole_of(self.workflow)

    @cached_property
    def bare(self) -> Workflow:
        """The object without what caching added; see `couler_tekton.cache.resolving`."""
        return resolved(self.workflow, self._tasks)

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """What the annotations say, those for the task first, then its own, then those of the Pipeline or run."""
        whole = self.workflow.source
        said = [Said(f"the annotation {key}, which names no task,", "never") for key in self._lost]
        if step.name:
            where = f"the annotation for {step.name!r}"
            said += said_in(where, self._annotations, f".{step.name}", itself=True, source=whole)
        where = f"the annotation of the task {operation.name.removeprefix('task:')!r}"
        said += said_in(where, annotations_of(operation), itself=True, source=operation.source)
        if (kind := self.workflow.kind) != "Task":  # a TaskRun runs one task, and nothing around it
            where = f"the annotation of the {kind}"
            said += said_in(where, self._annotations, itself=kind == "TaskRun", source=whole)
        return said

    @cached_property
    def _lost(self) -> list[str]:
        """Annotations that forbid caching a task which is not there: who wrote one meant something by it."""
        steps = {f"{CACHE}.{site.step.name}" for site in call_sites(self.workflow)}
        return [
            key
            for key, text in sorted(self._annotations.items())
            if key.startswith(f"{CACHE}.") and key not in steps and text == "never"
        ]

    def own_declaration(self, operation: Operation) -> str | None:
        """What the annotation of the task says."""
        return annotations_of(operation).get(CACHE)

    def how_to_declare(self, operation: Operation) -> str:
        """The annotation to paste."""
        return to_annotate(CACHE, "pure", self._holder(operation))

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        """The annotation to paste."""
        return to_annotate(ALLOW, allow_text(words), self._holder(operation))

    def _holder(self, operation: Operation) -> str:
        own = operation.name.startswith("task:") or self.workflow.kind == "Task"
        return "its Task" if own else "its taskSpec"

    def how_to_version(self, operation: Operation) -> str:
        """The annotation to paste."""
        return to_annotate(VERSION)

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What a task is; see `couler_tekton.cache.material`."""
        return material(operation, self.workflow, self._annotations.get(MAX_OUTPUT))

    def items(self, step: Step) -> int | None:
        """Nothing is counted: a store holds any number of results."""
        return 1 if step.loop is None else None

    def place_objection(self, argument: Argument) -> Objection | None:
        """Tekton's tasks are given parameters only."""
        return Objection("unknown-reference", f"its argument {argument.name!r} comes from a place that is not known")

    def call_objection(self, place: tuple[str, str]) -> Objection | None:
        """Why a call is not cached, whatever it calls."""
        if CACHED_FROM in self._annotations:
            return Objection("copy", f"it is the cached copy of {self._annotations[CACHED_FROM]!r}", "storage")
        if self.workflow.kind == "Task" and self._tasks.is_called(self.workflow):
            return Objection(
                "called-here", "those who call it in these files get a copy each that is cached", "storage"
            )
        if any(place[1] in graph.finalizers for graph in self.workflow.graphs if graph.name == place[0]):
            return Objection("finally", "it runs at the end, for its effect")
        return None

    def store_objection(self, operation: Operation, wrapper: Wrapper) -> Objection | None:
        """Why a store in a workspace is not to be had in this task.

        Raises:
            InvalidInput: no task would find it.
        """
        for name, text in (("store", wrapper.store), ("image", wrapper.image)):
            if "$(" in text:
                hint = "say it as it is, and give the pipeline to cache once for each"
                raise InvalidInput(f"the {name} of the cache reads a variable of a task", engine="tekton", hint=hint)
        if not wrapper.store.startswith(WORKSPACE):
            return None
        if not IN_WORKSPACE.fullmatch(wrapper.store):
            hint = f"declare a workspace {STORE!r} in the tasks, and say store={WORKSPACE}{STORE}/folder"
            raise InvalidInput(f"{wrapper.store!r:.80} is no store that a task finds", engine="tekton", hint=hint)
        if STORE not in {item.get("name") for item in entries(rest_of(operation), "workspaces")}:
            return Objection("no-workspace", f"it declares no workspace {STORE!r}, where the store is", "storage")
        return None

    def wrapped(self, verdicts: Mapping[tuple[str, str], Verdict], wrapper: Wrapper | None) -> CacheChange:
        """The object with these calls cached; see `couler_tekton.cache.applying`."""
        return Applying(self.workflow, self._tasks, self.bare, wrapper).applied(verdicts)
