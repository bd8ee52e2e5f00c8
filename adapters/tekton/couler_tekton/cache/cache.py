"""What Tekton knows of a task that decides whether its result may be reused, for the optimizer `cache`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import calls_of
from couler_plugins.caching.dataplane.lookups import Values, key_of
from couler_plugins.caching.decisions import decision_on, judge
from couler_plugins.caching.declarations import CACHE, VERSION, said_in
from couler_plugins.caching.key_models.analyzed import ByValueKeys
from couler_plugins.caching.rows import DECLARED
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import WORKSPACE, Wrapper
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import CacheChange, Material, Objection, Said
from couler_plugins.ir import (
    Graph,
    Literal,
    Operation,
    Step,
    Workflow,
    call_sites,
    calls_by_callee,
    leaf_call_sites,
    replace,
)
from couler_plugins.plan import Plan
from couler_tekton.cache.applying import Applying
from couler_tekton.cache.declared import (
    CACHED_FROM,
    MAX_OUTPUT,
    STORE,
    annotations_of,
    entries,
    mapping_at,
    rest_of,
    to_annotate,
    with_annotations,
    without_account,
)
from couler_tekton.cache.material import material
from couler_tekton.cache.objections import resolver_objection
from couler_tekton.cache.resolving import TASK, Tasks, resolved
from couler_tekton.cache.wrapping import constant_values
from couler_tekton.split.resolved_pipeline import whole_of
from couler_tekton.variables import Scope

OF_THE_RUN = ("taskRunTemplate", "podTemplate", "serviceAccountName", "taskRunSpecs", "sidecarSpecs")
"""What a run says of its pods that their results may depend on."""
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
        self.part_of = whole_of(workflow)

    @cached_property
    def bare(self) -> Workflow:
        """The object without what caching added; see `couler_tekton.cache.resolving`."""
        return resolved(self.workflow, self._tasks, self.declared_in)

    def action(self, name: str) -> Workflow | None:
        """The StepAction that a step of the object means by a name."""
        return self._tasks.action(self.workflow, name)

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """What the annotations say, those for the task first, then its own, then those of the Pipeline or run."""
        whole = self.workflow.source
        said = [Said(f"the annotation {key}, which names no task,", "never") for key in self._lost]
        if step.name:
            where = f"the annotation for {step.name!r}"
            own = said_in(where, self._annotations, f".{step.name}", itself=True, source=whole)
            is_inside = graph is not None and "/" in graph.name  # another pipeline may have a task of that name, too
            said += [one for one in own if not is_inside or one.cache == "never"]
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

    def task_name(self, operation: Operation) -> str:
        """The name of the Task, or of the task that embeds it."""
        if self.workflow.kind == "Task":
            return self.workflow.name
        return operation.name.removeprefix(TASK.format("")).rpartition("/")[2]

    def own_declaration(self, operation: Operation) -> str | None:
        """What the annotation of the task says."""
        return annotations_of(operation).get(CACHE)

    def how_to_annotate(self, operation: Operation, key: str, text: str) -> str:
        """The annotation to paste into the Task, or into its spec in a pipeline."""
        own = operation.name.startswith("task:") or self.workflow.kind == "Task"
        return to_annotate(key, text, "its Task" if own else "its taskSpec")

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What a task is; see `couler_tekton.cache.material`."""
        bound = self._annotations.get(MAX_OUTPUT)
        said = self._said_of_pods(operation)
        around = {} if not said else said[0] if len(said) == 1 else without_account(said[0])
        alike = all(without_account(one) == around for one in said)
        if self.workflow.kind != "Task" and VERSION in self._annotations:
            around = {**around, VERSION: self._annotations[VERSION]}
        content = material(operation, around, bound, partial(self.how_to_say, operation))
        objections = list(content.objections)
        if len(said) > 1 and alike:
            reason = "its runs in these files use several service accounts, and it has one key"
            objections.append(Objection("secret", reason, seen="serviceAccountName"))
        elif len(said) > 1:
            reason = "its runs in these files, or its calls, do not say the same of its pods, and it has one key"
            objections.insert(0, Objection("several-runs", reason))
        elif "$(" in str(said):
            objections.insert(0, Objection("propagated", "what its run says of its pods reads a variable"))
        versioned = self.workflow.kind == "TaskRun" and VERSION in self._annotations  # it runs this task alone
        return msgspec.structs.replace(content, inputs=content.inputs or versioned, objections=tuple(objections))

    @cached_property
    def _runs(self) -> list[Workflow]:
        """What runs the object in these files, or is it."""
        return self._tasks.runs(self.workflow)

    @cached_property
    def _callers(self) -> dict[str, set[str]]:
        """The names of the steps that call each task."""
        return {name: {site.step.name for site in sites} for name, sites in calls_by_callee(self.bare).items()}

    def _said_of_pods(self, operation: Operation) -> list[Mapped]:
        """What runs say of the pods of a task, each text once; mostly there is one, or no run in these files."""
        callers = self._callers.get(operation.name, ())
        said: list[Mapped] = []
        for run in self._runs:
            spec = mapping_at(rest_of(run), "spec")
            around = {key: spec[key] for key in OF_THE_RUN if spec.get(key)}
            for name in sorted(callers) or [""]:
                own = [item for item in entries(around, "taskRunSpecs") if item.get("pipelineTaskName") == name]
                own = [without(item, "pipelineTaskName") for item in own]
                one = without(around, "taskRunSpecs") | ({"taskRunSpecs": own} if own else {})
                said += [] if one in said else [one]
        return said

    def with_record(self, workflow: Workflow, text: str | None) -> Workflow:
        """The object with the rows of the settings that its keys depend on; None takes them away."""
        data = rest_of(workflow)
        said = mapping_at(data, "metadata", "annotations")
        if said.get(DECLARED) == text:
            return workflow
        said = without(said, DECLARED) | ({DECLARED: text} if text else {})
        return replace(workflow, native_extra=Scope().rest(with_annotations(data, said)))

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

    def apply(self, verdicts: Mapping[tuple[str, str], Verdict], settings: CacheSettings) -> CacheChange:
        """The object with everything cached that may be; calls through resolvers have a reason of their own."""
        change = super().apply(verdicts, settings)
        resolved_elsewhere = [
            decision_on(
                self.workflow,
                site.label,
                settings.ctx,
                step=site.step,
                judgement=judge([objection]),
                objection=objection,
                reasons=[objection.reason],
            )
            for site in leaf_call_sites(self.workflow)
            if (objection := resolver_objection(site.step)) is not None
        ]
        return msgspec.structs.replace(change, decisions=[*change.decisions, *resolved_elsewhere])

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

    def result_keys(self, *, assume_pure: bool = False) -> Mapping[tuple[str, str], str]:
        """The keys of tasks with constant parameters and no files, in an object that says its namespace."""
        analysis = Analysis(self.bare, self, assume_pure=assume_pure, fingerprints=True)
        steps = calls_of(self.bare)
        keys: dict[tuple[str, str], str] = {}
        for place, verdict in self.verdicts_of(analysis).items() if self.workflow.namespace else ():
            if verdict.objection is None and verdict.facts is not None and place in steps:
                lineage = [value.value for value in verdict.lineages if isinstance(value, Literal)]
                values = constant_values(verdict.facts.operation, steps[place], self.workflow.namespace, lineage)
                if values is not None and len(lineage) == len(verdict.lineages):
                    with contextlib.suppress(InvalidInput):  # one has a `$` in it
                        keys[place] = key_of(Values(spec=verdict.facts.spec, texts=values, contents={}))
        return keys

    def wrapped(self, verdicts: Mapping[tuple[str, str], Verdict], wrapper: Wrapper | None) -> CacheChange:
        """The object with these calls cached; see `couler_tekton.cache.applying`."""
        return Applying(self.workflow, self._tasks, self.bare, wrapper).applied(verdicts)
