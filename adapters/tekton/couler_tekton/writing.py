"""A workflow as a document, made from nothing but the IR; `couler_tekton.lower` compares two of these."""

from __future__ import annotations

from couler_plugins.documents.mappings import Mapped, joined, without
from couler_plugins.engine_kit.merge import Sources
from couler_plugins.ir import Call, Dynamic, External, Graph, Operation, Step, Workflow, callables, references
from couler_tekton.bodies import write_operation, write_pipeline
from couler_tekton.kinds import KINDS, Kind
from couler_tekton.lift import ENTRY, HOLDERS
from couler_tekton.ports import write_run_parameters
from couler_tekton.support import refuse_unsupported, unsupported
from couler_tekton.tasks import write_task
from couler_tekton.variables import write_value
from couler_tekton.versions import in_v1beta1, is_older

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
