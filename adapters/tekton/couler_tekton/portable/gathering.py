"""A run with all that it refers to: Tasks and Pipelines of the same files become a part of it, one for each call."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.documents import FilePlace
from couler_plugins.ir import (
    Bundle,
    Call,
    Definitions,
    Dynamic,
    External,
    Graph,
    Native,
    Operation,
    Step,
    Workflow,
    callables,
    replace,
    take_name,
)
from couler_tekton.cache.declared import mapping_at, rest_of
from couler_tekton.documents import Entry, definitions, objects
from couler_tekton.kinds import V1, V1BETA1
from couler_tekton.lift import lift_object
from couler_tekton.portable.values import refuse
from couler_tekton.variables import scope_in, write_value

MAX_DEPTH = 50


def is_called(workflow: Workflow, bundle: Bundle) -> bool:
    """Whether something in the bundle refers to a Task, a Pipeline or a StepAction."""
    key = {"Task": "taskRef", "Pipeline": "pipelineRef", "StepAction": "ref"}[workflow.kind]
    return (key, workflow.name) in bundle.index(_references)


def _references(bundle: Bundle) -> frozenset[tuple[str, str]]:
    """Return the names in all objects, each with the key of the mapping that it stands in."""
    return frozenset(
        pair for document in bundle.documents for item in objects(document.data) for pair in _names(item.data)
    )


def _names(data: object) -> Iterator[tuple[str, str]]:
    if isinstance(data, list):
        for item in data:
            yield from _names(item)
    elif isinstance(data, dict):
        for key, item in data.items():
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                yield key, item["name"]
            yield from _names(item)


def _definitions(bundle: Bundle) -> Definitions[Entry]:
    """Return all objects by kind and name."""
    entries = (Entry(item, number) for number, one in enumerate(bundle.documents) for item in objects(one.data))
    return definitions(entries, bundle)


def gather(workflow: Workflow, bundle: Bundle) -> tuple[Workflow, dict[str, Operation]]:
    """The workflow with every Task and Pipeline that it calls, and the StepActions that these refer to, by name.

    Raises:
        Unsupported: one is not there, or is looked up elsewhere.
    """
    gathering = _Gathering(workflow, bundle)
    whole = gathering.workflow()
    return whole, gathering.actions(whole)


class _Gathering:
    def __init__(self, workflow: Workflow, bundle: Bundle) -> None:
        self._workflow = workflow
        self._bundle = bundle
        self._place = FilePlace() if workflow.source is None else bundle.place_of(int(workflow.source[0]))
        self._objects = bundle.index(_definitions)
        self._taken = set(callables(workflow))
        self._graphs: list[Graph] = []
        self._operations: list[Operation] = list(workflow.operations)

    def workflow(self) -> Workflow:
        entry = self._workflow.entry
        assert entry is not None
        entry = self._called(entry, ())
        for graph in self._workflow.graphs:
            self._add(graph, ())
        return replace(self._workflow, entry=entry, graphs=tuple(self._graphs), operations=tuple(self._operations))

    def _add(self, graph: Graph, around: tuple[str, ...]) -> None:
        self._graphs.append(replace(graph, steps=tuple(self._called(step, around) for step in graph.steps)))

    def _called(self, step: Step, around: tuple[str, ...]) -> Step:
        """The step, calling something in the workflow."""
        match step.call:
            case Call():
                return step
            case Dynamic(target=target) if (named := _spelled_otherwise(target)) is not None:
                return self._called(replace(step, call=named), around)
            case External(workflow=name, name=root) as call if root in ("task", "pipeline"):
                if name in around or len(around) > MAX_DEPTH:
                    raise refuse("Step.call", step.name, f"calls {name!r}, which calls itself")
                library = self._library(call, step)
                return replace(step, call=Call(name=self._taken_in(library, root, (*around, name))))
        hint = "put the Task or the Pipeline beside it into the same files"
        raise refuse("Step.call", step.name, "calls what is looked up elsewhere", hint)

    def _library(self, call: External, step: Step) -> Workflow:
        """The Task or Pipeline that a step calls, looked up from where the workflow stands."""
        what, name = call.name.capitalize(), call.workflow
        objects = self._objects.resolve((what, name), self._workflow.namespace, self._place, call.version)
        if len(objects) == 1:
            return lift_object(objects[0].item, objects[0].document)
        if objects:
            places = ", ".join(self._bundle.describe(one.source) for one in objects)
            reason = f"may call any of {len(objects)}: {places}"
            raise refuse("Step.call", step.name, reason, "convert it together with one of them")
        hint = f"convert it together with the {what}"
        raise refuse("Step.call", step.name, f"calls the {what} {name!r}, which is not in these files", hint)

    def actions(self, whole: Workflow) -> dict[str, Operation]:
        """The StepActions that steps refer to; those that are not there, or are looked up elsewhere, are not."""
        references = (rest_of(item).get("ref") for operation in whole.operations for item in operation.containers)
        names = {item["name"] for item in references if isinstance(item, dict) and item.keys() == {"name"}}
        candidates = {
            name: self._objects.resolve(("StepAction", name), whole.namespace, self._place, "") for name in names
        }
        return {
            name: lift_object(items[0].item, items[0].document).operations[0]
            for name, items in candidates.items()
            if len(items) == 1
        }

    def _taken_in(self, library: Workflow, root: str, around: tuple[str, ...]) -> str:
        """Adds what is in a library, under names that are free; gives that of its root."""
        names: dict[str, str] = {}
        for item in (*library.graphs, *library.operations):
            wanted = library.name if item.name == root else f"{library.name}/{item.name.split('/', 1)[-1]}"
            names[item.name] = take_name(wanted, self._taken)

        def renamed(step: Step) -> Step:
            return replace(step, call=Call(name=names[step.call.name])) if isinstance(step.call, Call) else step

        self._operations += [replace(_said(library, item), name=names[item.name]) for item in library.operations]
        for graph in library.graphs:
            steps = tuple(map(renamed, graph.steps))
            self._add(replace(graph, name=names[graph.name], steps=steps), around)
        return names[root]


def _spelled_otherwise(target: Native) -> External | None:
    """Return a call of a Task by a reference that says its kind in another way, or its API version."""
    holder = mapping_at(write_value(target), "taskRef")
    rest = {key: content for key, content in holder.items() if key != "name"}
    is_task = str(rest.pop("kind", "Task")).lower() == "task" and rest.pop("apiVersion", V1) in (V1, V1BETA1)
    if not is_task or rest or not isinstance(holder.get("name"), str) or "$(" in holder["name"]:
        return None
    return External(workflow=holder["name"], name="task", kind="Task")


def _said(library: Workflow, operation: Operation) -> Operation:
    """What a Task runs, with the Task's labels and annotations: its pods have them, and owners say there what to do."""
    metadata = mapping_at(rest_of(library), "metadata")
    said = {key: content for key in ("labels", "annotations") if (content := mapping_at(metadata, key))}
    if library.kind != "Task" or not said:
        return operation
    return replace(operation, native_extra=scope_in(operation).rest({**rest_of(operation), "metadata": said}))
