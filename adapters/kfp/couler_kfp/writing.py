"""One workflow as documents, made from nothing but the IR, and which operations share the label of an executor.

Specs of pipelines: the PipelineSpec and PlatformSpec around components, and checks of what makes a pipeline none.

Names that do not exist are found by `ir.verify`, as for every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from couler_kfp.components import Body, label_of, usual_label, write_graph, write_operation
from couler_kfp.documents import OBJECT, ROOT, Pipeline
from couler_kfp.structures import write_structure
from couler_kfp.support import refuse_unsupported, unsupported
from couler_kfp.tasks import write_task
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, joined, part_at
from couler_plugins.engine_kit.merge import Sources
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Call, Graph, Operation, Source, Step, Workflow, references, take_name

VERSION = "2.1.0"


def check_version(spec: Mapped, path: Path) -> None:
    """Raises `InvalidInput` where the spec is cut off, or of a version that the backend does not take either."""
    if "root" not in spec:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no root", engine="kfp", path=path, hint=hint)
    version = spec.get("schemaVersion")
    if version is None:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no schemaVersion", engine="kfp", path=path, hint=hint)
    if version != VERSION:
        message, hint = f"schemaVersion {version!r} is not supported", f"compile the pipeline for {VERSION}"
        raise InvalidInput(message, engine="kfp", path=(*path, "schemaVersion"), hint=hint)


def check_names(names: Collection[str], path: Path) -> None:
    """Raises `InvalidInput` where two names only differ in case: in Kubernetes they would be one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"{other!r} and {name!r} only differ in case"
            raise InvalidInput(message, engine="kfp", path=(*path, name), hint="give one of them another name")


def check_bound(graphs: Iterable[Graph], operations: Iterable[Operation]) -> None:
    """Raises `Unsupported` where a platform configuration reads outputs of tasks in several graphs.

    An edit of one of these graphs would change what it says in the others.
    """
    bound = {item.name: item for item in operations if item.inline and any(item.step for item in references(item))}
    callers: dict[str, str] = {}
    for graph in graphs:
        for step in graph.steps:
            name = getattr(step.call, "name", "")
            if name in bound and callers.setdefault(name, graph.name) != graph.name:
                message = f"the platform configuration of {name!r} reads what is around it, in two graphs"
                hint = "give each task a component of its own"
                raise Unsupported(message, engine="kfp", path=(step.source or ())[1:], hint=hint)


EXECUTORS = ("deploymentSpec", "executors")


def rest_part(workflow: Workflow, part: str) -> Mapped:
    """What no field expresses of the `spec`, of the `platform` document, or of the `object` around both."""
    rest: Mapped = write_structure(workflow.native_extra).get(part, {}) if workflow.native_extra else {}
    return rest


def write_spec(workflow: Workflow, components: Mapped, bodies: Mapping[str, Body]) -> Mapped:
    """The PipelineSpec.

    Args:
        workflow: the workflow.
        components: all of them, the root included, by name.
        bodies: what they are made of, by label.

    Raises:
        Unsupported: a label is that of an executor that nothing runs.
    """
    rest = rest_part(workflow, "spec")
    if clashes := bodies.keys() & rest.get("deploymentSpec", {}).get("executors", {}).keys():
        raise unsupported("Operation.name", min(clashes), "is the label of an executor that nothing runs", "rename it")
    own: Mapped = {"pipelineInfo": {"name": workflow.name}, "schemaVersion": VERSION}
    own["deploymentSpec"] = {"executors": {label: body.executor for label, body in bodies.items()}}
    inner = {name: component for name, component in components.items() if name != ROOT}
    return {**joined(own, rest), "components": inner, "root": components[ROOT]}


def write_platform(workflow: Workflow, bodies: Mapping[str, Body], names: Iterable[str]) -> Mapped:
    """The PlatformSpec, empty where there is none.

    Args:
        workflow: the workflow.
        bodies: what its operations are made of, by label.
        names: of platforms that are configured, also where that is for no operation.
    """
    configured: dict[str, Mapped] = {name: {} for name in names}
    for label, body in bodies.items():
        for name, content in body.platforms.items():
            configured.setdefault(name, {})[label] = content
    own = {"platforms": {name: {"deploymentSpec": {"executors": items}} for name, items in configured.items()}}
    return joined(own if configured else {}, rest_part(workflow, "platform"))


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
                    labels |= dict.fromkeys(names, take_name(usual_label(names[0]), labels_before))
    return labels


API_VERSION = "pipelines.kubeflow.org/v2beta1"


class Writing:
    """Writes one workflow, from nothing but the IR; `couler_kfp.lower` compares two of these.

    Args:
        workflow: the workflow.
        sources: is told where what is written was read.
        pipeline: where it was read; None for one without an origin.
        before: the writing of what was read there; None for that itself.

    Attributes:
        spec, platform: the PipelineSpec, and the PlatformSpec (empty where there is none).
        bodies: what operations are made of, by label.
        labels: the operation that each executor, by its label, is for.

    Raises:
        Unsupported: KFP cannot say what the workflow is to be.
    """

    def __init__(
        self,
        workflow: Workflow,
        sources: Sources | None = None,
        pipeline: Pipeline | None = None,
        before: Writing | None = None,
    ) -> None:
        refuse_unsupported(workflow)
        self.sources = sources or Sources()
        self._workflow = workflow
        self._pipeline = pipeline
        self._before = before
        self._check_derived()
        self.bodies: dict[str, Body] = {}
        self._bodies: dict[str, Body] = {}
        self._components: dict[str, Mapped] = {}
        items: tuple[Graph | Operation, ...] = (*workflow.graphs, *workflow.operations)
        for item in items:
            if item.name in self._components:
                raise unsupported("Operation.name", item.name, "is the name of two components", "rename one of them")
            self._components[item.name] = self.sources.write(item, self._component)
            if isinstance(item, Operation) and item.name not in self._bodies:
                self._bodies[item.name] = self._native_body(label_of(item))
        self._relabel(before or self)
        for item in items:
            self.sources.note(self._components[item.name], item.source)
        self.bodies.update((body.label, body) for body in self._bodies.values())
        self.labels = {body.label: name for name, body in self._bodies.items()}
        configured = {name for body in before.bodies.values() for name in body.platforms} if before else ()
        self.spec = write_spec(workflow, self._components, self.bodies)
        self.platform = write_platform(workflow, self.bodies, sorted(configured))

    @property
    def document(self) -> Mapped:
        """The document that the pipeline is in."""
        if self._workflow.kind != OBJECT:
            return self.spec
        specs = {"pipelineSpec": self.spec, **({"platformSpec": self.platform} if self.platform else {})}
        head = {"apiVersion": API_VERSION, "kind": OBJECT}
        return joined({**head, "spec": specs}, rest_part(self._workflow, "object"))

    def _check_derived(self) -> None:
        new, old = self._workflow, self._before._workflow if self._before else None
        if old is not None and new.kind != old.kind:
            raise unsupported("Workflow.kind", new.name, f"is a {old.kind}")
        root = next((item for item in (*new.graphs, *new.operations) if item.name == ROOT), None)
        if root is None or new.entry != Step(name=ROOT, call=Call(name=ROOT)):
            raise unsupported("Workflow.entry", new.name, "has to start with its component root, and with nothing else")
        parameters = old.parameters if old else root.inputs
        if new.parameters not in (parameters, root.inputs):
            hint = "change the inputs of the graph root as well"
            raise unsupported("Workflow.parameters", new.name, "is to have other parameters than its root", hint)

    def _component(self, item: Graph | Operation) -> Mapped:
        if isinstance(item, Operation):
            component, self._bodies[item.name] = write_operation(item)
            return component
        tasks: dict[str, Mapped] = {}
        for step in item.steps:
            if step.name in tasks:
                raise unsupported("Step.name", step.name, "is the name of two tasks", "rename one of them")
            tasks[step.name] = self.sources.write(step, write_task)
        self.sources.ordered.add(id(tasks))
        return write_graph(item, tasks)

    def _relabel(self, before: Writing) -> None:
        """Gives operations with other bodies than their label's a label of their own, and says where bodies were."""
        old_labels = {item.source: before._bodies[item.name].label for item in before._workflow.operations}
        unused = rest_part(self._workflow, "spec").get("deploymentSpec", {}).get("executors", {})
        relabelled = labels(self._bodies, before.bodies.get, unused)
        for operation in self._workflow.operations:
            body = self._bodies[operation.name]
            contents = {"": body.executor, **body.platforms}
            places = self._places(old_labels[operation.source]) if operation.source in old_labels else {}
            for name in contents.keys() & places.keys():
                self.sources.note(contents[name], places[name])
            if (label := relabelled.get(operation.name)) is not None:
                self._components[operation.name] = {**self._components[operation.name], "executorLabel": label}
                self._bodies[operation.name] = body._replace(label=label)

    def _native_body(self, label: str) -> Body:
        """What had a label before."""
        contents = {name: part_at(self.sources.documents, place) for name, place in self._places(label).items()}
        return Body(label, contents.pop(""), contents)

    def _places(self, label: str) -> dict[str, Source]:
        """Where the executor of a label was read, under an empty key, and its configurations by platform."""
        if self._pipeline is None:
            return {}
        spec, platform = self._pipeline.spec, self._pipeline.platform
        places: dict[str, Source] = {"": (spec.document, *spec.path, *EXECUTORS, label)}
        if platform is not None:
            root = (platform.document, *platform.path)
            for name, content in part_at(self.sources.documents, root).get("platforms", {}).items():
                if label in content.get("deploymentSpec", {}).get("executors", {}):
                    places[name] = (*root, "platforms", name, *EXECUTORS, label)
        return places
