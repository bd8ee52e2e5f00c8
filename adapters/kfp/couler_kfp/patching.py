"""One workflow back into its documents: what is unchanged stays verbatim, what changed is patched key by key.

It also says which operations share the label of an executor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from couler_kfp.components import Body, label_of, usual_label, write_graph, write_operation
from couler_kfp.mappings import Mapped, joined, patched
from couler_kfp.pipelines import OBJECT, ROOT, Pipeline, Place
from couler_kfp.specs import rest_part, write_platform, write_spec
from couler_kfp.support import refuse_unsupported, unsupported
from couler_kfp.tasks import write_task
from couler_plugins.documents import Path
from couler_plugins.ir import Call, Graph, Node, Operation, Source, Step, Workflow, replace

__all__ = ["Writing", "labels"]


# Labels of executors: operations share one for as long as it is the same for all of them.


def labels(
    bodies: Mapping[str, Body], native: Callable[[str], Body | None], unused: Collection[str] = ()
) -> dict[str, str]:
    """The labels of operations whose executor, or platform configuration, has to be another one than their body says.

    Args:
        bodies: what each operation is made of, by its name.
        native: what had a label before; None for a new one.
        unused: labels of executors that nothing runs.
    """
    labels_before = {*unused, *(body.label for body in bodies.values())}
    groups: dict[str, list[tuple[Body, list[str]]]] = {}
    for name, body in bodies.items():
        alike = groups.setdefault(body.label, [])
        names = next((names for other, names in alike if other == body), None)
        if names is None:
            alike.append((body, [name]))
        else:
            names.append(name)
    labels: dict[str, str] = {}
    for label, alike in groups.items():
        if len(alike) > 1:
            stays = native(label)
            keeper = next((names for body, names in alike if body == stays), alike[0][1])
            for _, names in alike:
                if names is not keeper:
                    fresh = _free(usual_label(names[0]), labels_before)
                    labels_before.add(fresh)
                    labels.update(dict.fromkeys(names, fresh))
    return labels


def _free(label: str, labels: set[str]) -> str:
    number, free = 1, label
    while free in labels:
        number += 1
        free = f"{label}-{number}"
    return free


API_VERSION = "pipelines.kubeflow.org/v2beta1"


class Writing:
    """Lowers one workflow.

    Args:
        new: the workflow as it is to be.
        old: the workflow as it was lifted; None for one without an origin.
        documents: the documents that hold the original, by number.
        pipeline: where it is in them.

    Attributes:
        labels: the operation that each executor, by its label, is for; set by `patched`, too.
        appended: the PlatformSpec, where the original has none and its file is to get one; set by `patched`.
    """

    def __init__(
        self, new: Workflow, old: Workflow | None, documents: Mapping[int, Any], pipeline: Pipeline | None
    ) -> None:
        self._new = new
        self._old = old
        self._documents = documents
        self._pipeline = pipeline
        self._nodes: dict[Source, Node] = {}
        items: tuple[Graph | Operation, ...] = (*old.graphs, *old.operations) if old is not None else ()
        for item in items:
            self._note(item)
            for step in item.steps if isinstance(item, Graph) else ():
                self._note(step)
        self._origins: list[tuple[int, Any, Path]] = []
        self.labels: dict[str, str] = {}
        self.appended: Mapped = {}

    def _note(self, node: Graph | Operation | Step) -> None:
        if node.source is not None:
            self._nodes[node.source] = node

    def origins(self, document: int) -> dict[int, Path]:
        """Where, in a document, each object was that a lowered one was made from, by the `id` of that."""
        return {id(data): path for number, data, path in self._origins if number == document}

    def generated(self) -> list[Mapped]:
        """The documents of the workflow, made from nothing but the IR."""
        spec, platform = self._written(self._new)
        if self._new.kind == "PipelineVersion":
            specs = {"pipelineSpec": spec, **({"platformSpec": platform} if platform else {})}
            head = {"apiVersion": API_VERSION, "kind": self._new.kind}
            return [joined({**head, "spec": specs}, rest_part(self._new, "object"))]
        return [spec, platform] if platform else [spec]

    def patched(self) -> dict[int, Any]:
        """The original documents with what changed, by number."""
        pipeline, old = self._pipeline, self._old
        assert pipeline is not None
        assert old is not None
        if self._new.kind != old.kind:
            raise unsupported("Workflow.kind", self._new.name, f"is a {old.kind}")
        spec, platform = self._written(self._new)
        result = dict(self._documents)
        holder = pipeline.holder
        around = patched(self._at(holder), rest_part(old, "object"), rest_part(self._new, "object"))
        self._put(result, holder, around)
        if pipeline.kind == OBJECT and platform:
            self._put(result, Place(holder.document, (*holder.path, "spec", "platformSpec")), platform)
        elif pipeline.platform is not None:
            self._put(result, pipeline.platform, platform)
        else:
            self.appended = platform
        self._put(result, pipeline.spec, spec)
        return result

    def _put(self, documents: dict[int, Any], place: Place, content: Any) -> None:
        documents[place.document] = _with_at(documents[place.document], place.path, content)

    def _written(self, new: Workflow) -> tuple[Mapped, Mapped]:
        """The PipelineSpec and the PlatformSpec (empty where there is none)."""
        refuse_unsupported(new)
        self._check_derived(new)
        components: dict[str, Mapped] = {}
        bodies: dict[str, Body] = {}
        items: tuple[Graph | Operation, ...] = (*new.graphs, *new.operations)
        for item in items:
            if item.name in components:
                raise unsupported("Operation.name", item.name, "is the name of two components", "rename one of them")
            if isinstance(item, Graph):
                components[item.name] = self._graph(item)
            else:
                components[item.name], bodies[item.name] = self._operation(item)
        spec, platform = (self._pipeline.spec, self._pipeline.platform) if self._pipeline else (None, None)
        unused = rest_part(new, "spec").get("deploymentSpec", {}).get("executors", {})
        relabelled = labels(bodies, self._body_at, unused)
        for operation in new.operations:
            if (label := relabelled.get(operation.name)) is not None:
                component = {**components[operation.name], "executorLabel": label}
                components[operation.name] = self._from(component, operation.source)
                bodies[operation.name] = bodies[operation.name]._replace(label=label)
        labelled = {body.label: body for body in bodies.values()}
        self.labels = {body.label: name for name, body in bodies.items()}
        return (
            write_spec(new, self._old, self._at(spec) if spec else None, components, labelled),
            write_platform(new, self._old, self._at(platform) if platform else None, labelled),
        )

    def _check_derived(self, new: Workflow) -> None:
        root = next((item for item in (*new.graphs, *new.operations) if item.name == ROOT), None)
        call = None if new.entry is None else new.entry.call
        if root is None or call != Call(name=ROOT) or new.entry != Step(name=ROOT, call=Call(name=ROOT)):
            raise unsupported("Workflow.entry", new.name, "has to start with its component root, and with nothing else")
        parameters = self._old.parameters if self._old else root.inputs
        if new.parameters not in (parameters, root.inputs):
            hint = "change the inputs of the graph root as well"
            raise unsupported("Workflow.parameters", new.name, "is to have other parameters than its root", hint)

    def _graph(self, graph: Graph) -> Mapped:
        old = self._nodes.get(graph.source) if graph.source is not None else None
        tasks: dict[str, Mapped] = {}
        for step in graph.steps:
            if step.name in tasks:
                raise unsupported("Step.name", step.name, "is the name of two tasks", "rename one of them")
            tasks[step.name] = self._task(step)
        if not isinstance(old, Graph):
            return write_graph(graph, tasks)
        native = self._native(old)
        tasks_before = native["dag"].get("tasks", {})
        same = tasks_before.keys() == tasks.keys() and all(tasks_before[name] is tasks[name] for name in tasks)
        component = native
        if graph is not old:
            bare, bare_old = (write_graph(replace(item, steps=()), {}) for item in (graph, old))
            component = patched(native, bare_old, bare)
        if not same:
            component = {**component, "dag": {**component["dag"], "tasks": tasks}}
        return self._from(component, graph.source)

    def _task(self, step: Step) -> Mapped:
        old = self._nodes.get(step.source) if step.source is not None else None
        if not isinstance(old, Step):
            return write_task(step)
        native = self._native(old)
        return native if step is old else self._from(patched(native, write_task(old), write_task(step)), step.source)

    def _operation(self, operation: Operation) -> tuple[Mapped, Body]:
        old = self._nodes.get(operation.source) if operation.source is not None else None
        if not isinstance(old, Operation):
            return write_operation(operation)
        native, body = self._native(old), self._native_body(label_of(old))
        if operation is old:
            return native, body
        component, new_body = write_operation(operation)
        old_component, old_body = write_operation(old)
        executor = patched(body.executor, old_body.executor, new_body.executor)
        platforms = patched(body.platforms, old_body.platforms, new_body.platforms)
        component = self._from(patched(native, old_component, component), operation.source)
        self._moved(body, executor, platforms)
        return component, Body(new_body.label, executor, platforms)

    def _moved(self, old: Body, executor: Mapped, platforms: Mapped) -> None:
        """Remembers where the executor was, and its configurations: their label may be another one."""
        assert self._pipeline is not None
        spec, platform = self._pipeline.spec, self._pipeline.platform
        self._from(executor, (spec.document, *spec.path, "deploymentSpec", "executors", old.label))
        for name, content in platforms.items() if platform is not None else ():
            assert platform is not None
            path = (*platform.path, "platforms", name, "deploymentSpec", "executors", old.label)
            self._from(content, (platform.document, *path))

    def _native(self, node: Node) -> Mapped:
        """What a node was lifted from."""
        source: Source = getattr(node, "source", None) or ()
        data = self._documents[int(source[0])]
        for key in source[1:]:
            data = data[key]
        content: Mapped = data
        return content

    def _body_at(self, label: str) -> Body | None:
        """What had a label before."""
        if self._pipeline is None:
            return None
        executors = self._at(self._pipeline.spec).get("deploymentSpec", {}).get("executors", {})
        return self._native_body(label) if label in executors else None

    def _native_body(self, label: str) -> Body:
        assert self._pipeline is not None
        executor: Mapped = self._at(self._pipeline.spec)["deploymentSpec"]["executors"][label]
        platforms = {
            name: content["deploymentSpec"]["executors"][label]
            for name, content in self._at(self._pipeline.platform).get("platforms", {}).items()
            if label in content.get("deploymentSpec", {}).get("executors", {})
        }
        return Body(label, executor, platforms)

    def _at(self, place: Place | None) -> Mapped:
        if place is None:
            return {}
        data = self._documents[place.document]
        for key in place.path:
            data = data[key]
        content: Mapped = data
        return content

    def _from(self, lowered: Mapped, source: Source | None) -> Mapped:
        if source is not None:
            self._origins.append((int(source[0]), lowered, source[1:]))
        return lowered


def _with_at(data: Any, path: Path, content: Any) -> Any:
    if not path:
        return content
    current = data.get(path[0])
    inner = _with_at(current, path[1:], content)
    return data if inner is current else {**data, path[0]: inner}
