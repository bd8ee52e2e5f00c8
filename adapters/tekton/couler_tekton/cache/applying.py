"""Puts our steps into the tasks that are cached, and takes them out of all others.

What is written in its place is changed there. A Task that others may refer to stays as it is where it is called in the
same files: these calls get a copy, under a name with a hash of what it holds, so that none finds another one's. So do
steps that refer to a StepAction.
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.calls import calls_of
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.hookspecs.caching import CacheChange
from couler_plugins.ir import Literal, Operation, Step, Workflow, replace
from couler_tekton.cache.actions import copy_of, pointed
from couler_tekton.cache.declared import CACHED_FROM, annotations_of, entries, mapping_at, rest_of
from couler_tekton.cache.resolving import TASK, Tasks, is_task_call
from couler_tekton.cache.wrapping import WrapSettings, unwrapped, with_steps
from couler_tekton.extracted import holder, named
from couler_tekton.variables import scope_in

SHARE = 20
"""The store may take a twentieth of a task's time before its steps, and as much after them."""
USUAL = 3600  # seconds; `default-timeout-minutes` as Tekton is installed
Place = tuple[str, str]


class Applying:
    """Changes one object.

    Args:
        workflow: the object.
        tasks: the Tasks that it may refer to.
        bare: the object as its calls were judged.
        wrapper: what our steps are told; None where nothing is cached.
    """

    def __init__(self, workflow: Workflow, tasks: Tasks, bare: Workflow, wrapper: Wrapper | None) -> None:
        self._workflow = workflow
        self._tasks = tasks
        self._own = {item.name: item for item in workflow.operations}
        self._calls = calls_of(bare)
        self._wrapper = wrapper
        self._made: dict[str, Workflow] = {}

    def applied(self, verdicts: Mapping[Place, Verdict]) -> CacheChange:
        """The object with these calls cached."""
        if self._workflow.kind == "Task":
            return self._task(verdicts)
        workflow = self._workflow
        wrapped: dict[str, Operation] = {}
        targets: dict[Place, str] = {}
        for place, verdict in verdicts.items():
            assert verdict.facts is not None
            name = verdict.facts.operation.name
            if name in self._own:
                wrapped[name] = self._with_steps(self._own[name], place, verdict)
            else:
                targets[place] = self._copy(_task_name(name), place, verdict)
        operations = tuple(wrapped.get(item.name) or self._tasks.bare(workflow, item) for item in workflow.operations)
        differ = {new.name for new, old in zip(operations, workflow.operations, strict=True) if new != old}
        directed = {place: self._directed(step, targets.get(place)) for place, step in calls_of(workflow).items()}
        changed = {place for place, step in calls_of(workflow).items() if directed[place] is not step}
        changed |= {place for place, step in self._calls.items() if getattr(step.call, "name", "") in differ}
        if not changed:
            return CacheChange(workflow=workflow)
        graphs = tuple(
            replace(graph, steps=tuple(directed[graph.name, step.name] for step in graph.steps))
            for graph in workflow.graphs
        )
        entry = workflow.entry and directed["", workflow.entry.name]
        new = replace(workflow, operations=operations, graphs=graphs, entry=entry)
        return CacheChange(workflow=new, copies=tuple(self._made.values()), changed=frozenset(changed))

    def _task(self, verdicts: Mapping[Place, Verdict]) -> CacheChange:
        workflow = self._workflow
        (operation,) = workflow.operations
        place = "", operation.name
        verdict = verdicts.get(place)
        bare = self._tasks.bare(workflow, operation)
        changed = bare if verdict is None else self._with_steps(operation, place, verdict)
        if changed == operation or CACHED_FROM in annotations_of(workflow):
            return CacheChange(workflow=workflow)
        new = replace(workflow, operations=(changed,))
        return CacheChange(workflow=new, copies=tuple(self._made.values()), changed=frozenset({place}))

    def _copy(self, name: str, place: Place, verdict: Verdict) -> str:
        """The name of a copy of a Task that is cached; it is made if there is none."""
        (task,) = self._tasks.candidates(self._workflow, name)
        (operation,) = task.operations
        changed = self._with_steps(operation, place, verdict)
        metadata = mapping_at(rest_of(task), "metadata")
        metadata = {**metadata, "annotations": {**mapping_at(metadata, "annotations"), CACHED_FROM: name}}
        rest = scope_in(changed).rest({**rest_of(changed), "metadata": metadata})
        bare = holder(replace(changed, native_extra=rest), task.namespace)
        copy = replace(bare, name=named(name, bare))
        if not self._tasks.candidates(self._workflow, copy.name):
            self._made[copy.name] = copy
        return copy.name

    def _directed(self, step: Step, target: str | None) -> Step:
        """The call of a Task, or of its cached copy."""
        call = step.call
        if not is_task_call(call):
            return step
        name = target or self._tasks.original(self._workflow, call.workflow)
        return step if name == call.workflow else replace(step, call=replace(call, workflow=name))

    def _with_steps(self, operation: Operation, place: Place, verdict: Verdict) -> Operation:
        assert verdict.facts is not None
        assert self._wrapper is not None
        step = self._calls.get(place)
        judged = verdict.facts.operation
        family = self._workflow.name or self._workflow.prefix.rstrip("-")
        label = step.name if step is not None else family
        if judged.name not in self._own:  # equal copies of one Task are one, whoever calls them
            family = label = _task_name(judged.name)
        settings = WrapSettings(
            wrapper=self._wrapper,
            spec=verdict.facts.spec,
            lineage=tuple(str(value.value) for value in verdict.lineages if isinstance(value, Literal)),
            max_age=verdict.max_age,
            limit=self._limit(step),
            family=family,
            step=label,
            root=self._is_root(operation),
        )
        return pointed(with_steps(unwrapped(operation), judged, settings), self._action)

    def _action(self, name: str) -> str:
        """The name of the copy of a StepAction; it is made if there is none. Resolvers find theirs by a digest."""
        action = self._tasks.action(self._workflow, name)
        assert action is not None  # else its task would not be cached
        copy = copy_of(action)
        if copy is not action and self._tasks.action(self._workflow, copy.name) is not action:
            self._made[copy.name] = copy
        return copy.name

    def _limit(self, step: Step | None) -> int:
        """How many seconds the store may take before the steps, and after them."""
        assert self._wrapper is not None
        timeout = step.timeout if step is not None else None
        text = timeout.value if isinstance(timeout, Literal) else None
        if text is None and self._workflow.kind == "TaskRun":
            text = mapping_at(rest_of(self._workflow), "spec").get("timeout")
        timeout_seconds = go_seconds(text) if isinstance(text, str) else None
        return min(self._wrapper.timeout, max(1, int((timeout_seconds or USUAL) / SHARE)))

    def _is_root(self, operation: Operation) -> bool:
        """Whether all containers of the pod are told to run as root, ours as well."""
        spec = mapping_at(rest_of(self._workflow), "spec")
        holders = [mapping_at(spec, "podTemplate"), mapping_at(spec, "taskRunTemplate", "podTemplate")]
        holders += [mapping_at(item, "podTemplate") for item in entries(spec, "taskRunSpecs")]
        holders.append(mapping_at(rest_of(operation), "stepTemplate"))
        return any(mapping_at(one, "securityContext").get("runAsUser") == 0 for one in holders)


def _task_name(operation: str) -> str:
    """The Task that an operation was taken from."""
    return operation.removeprefix(TASK.format(""))
