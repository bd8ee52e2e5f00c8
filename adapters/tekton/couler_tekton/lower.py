"""From a plan back to Tekton's documents: changes carried into the originals, each edit traced to its decision.

A workflow as a document is made from nothing but the IR; a change is what is not the same in two of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

from couler_plugins.documents import Edit, Path
from couler_plugins.documents.mappings import Mapped, joined, part_at, without
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.engine_kit.merge import Merge, Sources, shared_nodes, with_part
from couler_plugins.ir import Call, Dynamic, External, Graph, Operation, Step, Workflow, callables, references
from couler_plugins.plan import Lowered, Plan
from couler_tekton.bodies import write_operation, write_pipeline, write_run_parameters
from couler_tekton.feature_gates import features, refuse_beyond, refuse_unseen
from couler_tekton.generating.pipelines import pipeline_run
from couler_tekton.kinds import KINDS, Kind, in_v1beta1, is_older
from couler_tekton.lift import ENTRY, HOLDERS
from couler_tekton.plugin import Options
from couler_tekton.split.nesting import nested
from couler_tekton.tasks import write_task
from couler_tekton.variables import refuse_unsupported, unsupported, write_value

ONCE = "make it a Task or a Pipeline of its own, and refer to that"


class Writing:
    """Writes one workflow.

    Args:
        workflow: the workflow.
        sources: is told where what is written was read.
    """

    def __init__(self, workflow: Workflow, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self._workflow = workflow
        self._by_name = callables(workflow)
        self._left = set(self._by_name)

    def document(self) -> Mapped:
        """The whole object.

        Raises:
            Unsupported: Tekton cannot say what the workflow is to be.
        """
        workflow = self._workflow
        refuse_unsupported(workflow)
        kind = KINDS.get(workflow.kind)
        if kind is None:
            raise unsupported("Workflow.kind", workflow.label, f"is a {workflow.kind}", "make it one of Tekton's kinds")
        if workflow.library != ("" if kind.runs else "namespace"):
            hint = "a run is none, and everything else is one"
            raise unsupported("Workflow.library", workflow.label, f"is a {workflow.kind}, and no such library", hint)
        names = {"name": workflow.name, "generateName": workflow.prefix, "namespace": workflow.namespace}
        spec = self._run(kind) if kind.runs else self._root(kind)
        if self._left:
            raise unsupported("Call.name", min(self._left), "is called by nothing in this object, its only place", ONCE)
        rest = write_value(workflow.native_extra) if workflow.native_extra else {}
        if kind.runs and isinstance(rest.get("spec"), dict):  # what it said of the kind of another callee
            rest["spec"] = without(rest["spec"], *(set(HOLDERS[kind.root]) - spec.keys()))
        metadata = {key: name for key, name in names.items() if name}
        head = {"apiVersion": rest.get("apiVersion", kind.versions[0]), "kind": workflow.kind}
        written = {**head, **joined({"metadata": metadata, "spec": spec, **head}, rest)}
        return in_v1beta1(workflow.kind, written) if is_older(workflow.kind, written["apiVersion"]) else written

    def _root(self, kind: Kind) -> Mapped:
        workflow = self._workflow
        if workflow.parameters or workflow.entry is not None:
            raise unsupported("Workflow.entry", workflow.label, f"is a {workflow.kind}, and is not run")
        item = self._by_name.get(kind.root)
        if item is None or isinstance(item, Graph) is not (kind.root == "pipeline"):
            raise unsupported("Graph.name", workflow.label, f"has no {kind.root!r}, which is all that it can hold")
        return self._body(item, embedded=False, action=kind.root == "step")

    def _run(self, kind: Kind) -> Mapped:
        workflow, entry = self._workflow, self._workflow.entry
        if entry is None or entry != Step(name=ENTRY, call=entry.call):
            raise unsupported("Workflow.entry", workflow.label, "has to start with one call, and with nothing else")
        spec = self._call(entry)
        if not spec.keys() <= set(HOLDERS[kind.root]):
            raise unsupported("Workflow.entry", workflow.label, f"is a {workflow.kind}, and has to run a {kind.root}")
        parameters = write_run_parameters(workflow.parameters)
        return {**spec, **({"params": parameters} if parameters else {})}

    def _body(self, item: Graph | Operation, embedded: bool, action: bool = False) -> Mapped:
        if item.name not in self._left:
            raise unsupported("Call.name", item.name, "is called twice, and can be written at one place only", ONCE)
        self._left.remove(item.name)
        if isinstance(item, Operation):
            written: Mapped = self.sources.write(item, lambda item: write_operation(item, embedded, action))
            return written
        self._refuse_nested(item)
        tasks: dict[str, Mapped] = {}
        for step in item.steps:
            if step.name in tasks:
                raise unsupported("Step.name", step.name, "is the name of two tasks", "rename one of them")
            tasks[step.name] = self.sources.note(write_task(step, self._call(step)), step.source)
        return write_pipeline(item, tasks, embedded)

    def _call(self, step: Step) -> Mapped:
        match step.call:
            case Call(name=name):
                item = self._by_name.get(name)
                if item is None:
                    raise unsupported("Step.call", step.name, f"calls {name!r}, which is not there")
                key, _ = HOLDERS["pipeline" if isinstance(item, Graph) else "task"]
                return {key: self._body(item, embedded=True)}
            case External(workflow=workflow, name=name, scope="namespace", kind=kind, version=version) if (
                name in HOLDERS and kind == name.capitalize()
            ):
                return {HOLDERS[name][1]: {"name": workflow, **({"version": version} if version else {})}}
            case Dynamic(target=target):
                written = write_value(target)
                if isinstance(written, dict) and written.keys() <= {key for keys in HOLDERS.values() for key in keys}:
                    return written
        raise unsupported("Step.call", step.name, "calls what Tekton cannot refer to", "make it a Task or a Pipeline")

    def _refuse_nested(self, graph: Graph) -> None:
        """Refuses what a pipeline in a pipeline cannot do: hand out results, or use workspaces that nobody gives it.

        Source: `docs/pipelines-in-pipelines.md` (limitations).
        """
        nested = {step.name: self._by_name.get(getattr(step.call, "name", "")) for step in graph.steps}
        inner = {name: item for name, item in nested.items() if isinstance(item, Graph)}
        for reference in references(graph) if inner else ():
            if reference.to == "output" and reference.step in inner:
                reason = "is a pipeline in a pipeline, and these hand out no results"
                raise unsupported("Graph.outputs", reference.step, reason, "write them to a workspace")
        for item in inner.values():
            declared = [entry.get("name") for entry in _workspaces(item)]  # of which one may be no text
            for step in item.steps:
                for entry in _workspaces(step):
                    if (name := entry.get("workspace") or entry.get("name")) not in declared:
                        reason = f"uses the workspace {name!r}, which the pipeline around it does not declare"
                        raise unsupported("Graph.native_extra", step.name, reason, "declare it there, and pass it on")


def _workspaces(node: Graph | Step) -> list[Mapped]:
    rest = write_value(node.native_extra) if node.native_extra else {}
    workspaces = rest.get("workspaces")
    return [item for item in workspaces if isinstance(item, dict)] if isinstance(workspaces, list) else []


def _names_of(edit: Edit, sides: tuple[Any, Any], depth: int) -> list[str]:
    """The task or pipeline that an edit belongs to, and those around it.

    Args:
        edit: the difference.
        sides: the object that it is in, before and after.
        depth: how long the path of the object in its document is.
    """
    path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
    around = _subject((path or ())[depth:], sides[side]).split("/")
    return ["/".join(around[:end]) for end in range(len(around), 0, -1)]


def _subject(path: Path, data: Any) -> str:
    """The pipeline or task that a path leads into, or `pipeline/task`; empty for anything else of the object."""
    kind = KINDS[data["kind"]]
    if path[:2] == ("spec", "taskRunSpecs"):
        items = data["spec"]["taskRunSpecs"]
        return f"{kind.root}/{items[int(path[2]) if len(path) > 2 else 0].get('pipelineTaskName', '')}"
    inside = path[:1] == ("spec",) and (not kind.runs or path[1:2] == (f"{kind.root}Spec",))
    names = [kind.root] if inside else []
    list_key: object = None
    for key in path if inside else ():
        data = data[key]
        if list_key in ("tasks", "finally") and isinstance(data, dict):
            names.append(str(data.get("name", "")))
        list_key = key
    return "/".join(names)


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan.

    Args:
        plan: workflows with an origin become their document again, the others a document of their own each.
        options: the API fields of the cluster, the image for containers of other engines that say none, and whether
            parts of what was split are written as pipelines in a pipeline.

    Raises:
        Unsupported: a workflow without an origin has something that Tekton cannot say.
    """
    return _Lowering(plan, options).lowered()


class _Lowering(Lowering):
    """Lowers to objects for a cluster with some API fields."""

    def __init__(self, plan: Plan, options: Options) -> None:
        super().__init__(plan, always=options.parts == "nested")
        self._nesting = options.parts == "nested"
        self._options = options
        self._api = options.api

    def generate(self, workflow: Workflow) -> Iterator[Any]:
        label = workflow.label
        if workflow.engine != "tekton":
            workflow, notes = pipeline_run(workflow, self._options.image, self._options.store, self._options.kubectl)
            self.decisions += notes
        document = Writing(workflow).document()
        refuse_unseen(self._api, self._seen, document, label)
        yield document

    @cached_property
    def _seen(self) -> frozenset[str]:
        """The features that objects of these files have, which their cluster then allows in new ones, too."""
        documents = self.plan.bundle.documents
        return frozenset(
            feature.name
            for source in (original.source for original in self.plan.originals if original.source is not None)
            for feature in features(part_at(documents[int(source[0])].data, source[1:]))
        )

    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        if self._nesting:
            workflow, notes = nested(workflow, self.plan)
            self.decisions += notes
        if workflow.kind != original.kind:
            raise unsupported("Workflow.kind", workflow.label, f"is a {original.kind}, and stays one")
        whole, path = self.data(document), (original.source or ())[1:]
        native, documents = part_at(whole, path), {document: whole}
        shared = set() if is_older(original.kind, native["apiVersion"]) else shared_nodes(original, workflow)
        before, after = (Writing(item, Sources(documents, shared)) for item in (original, workflow))
        merge = Merge(before.sources, after.sources)
        result = merge.merged(native, before.document(), after.document(), (document, *path))
        refuse_beyond(self._api, native, result, workflow.label)
        decisions = self.plan.decisions_about(document, original.label, workflow.label)
        # An object around one task has no other decisions than those about that task.
        last = decisions[-1][0] if decisions and KINDS[original.kind].root == "task" else None
        names_of = partial(_names_of, sides=(native, result), depth=len(path))
        self.record(document, with_part(whole, path, result), merge.origins, names_of, decisions, last)
