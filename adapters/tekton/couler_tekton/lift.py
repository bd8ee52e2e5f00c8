"""From Tekton's documents to the IR: one workflow for each object.

Pipelines, Tasks and StepActions are libraries that others refer to; runs hold what they run, or refer to it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.engine_kit.lifting import lift_objects
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import Bundle, Call, Callee, Dynamic, External, Graph, Operation, Source, Step, Workflow
from couler_plugins.plan import Plan
from couler_tekton.bodies import names_of, read_operation, read_pipeline, read_run_parameters, read_step_action
from couler_tekton.documents import Object, objects
from couler_tekton.homes import HOMES
from couler_tekton.kinds import KINDS, in_v1, is_older
from couler_tekton.mappings import named, unless_empty
from couler_tekton.split.resolved_pipeline import joined
from couler_tekton.tasks import read_task, task_scope
from couler_tekton.variables import Scope, structure

ENTRY = "run"
"""What the step that a run starts with is called."""

HOLDERS = {"task": ("taskSpec", "taskRef"), "pipeline": ("pipelineSpec", "pipelineRef")}
"""Where something that is called is written, or referred to."""


def lift(bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The workflows of all documents of the bundle.

    Args:
        bundle: the files of the call.
        refuse: is told the number and the error of each file that is not what it claims to be; the workflows of such a
            file are left out, so that it passes through untouched.
    """
    items = (
        (number, partial(lift_object, item, number))
        for number, document in enumerate(bundle.documents)
        for item in objects(document.data)
    )
    return lift_objects(bundle, items, refuse, HOMES, joined)


def lift_object(item: Object, document: int) -> Workflow:
    """The workflow of one object.

    Args:
        item: the object.
        document: the number of its document.

    Raises:
        InvalidInput: it is not what it claims to be.
    """
    if is_older(item.kind, item.data["apiVersion"]):
        item = item._replace(data=in_v1(item.kind, item.data))
    return _Lifter(item, document).workflow()


class _Lifter:
    """Lifts one object; collects the pipelines and tasks found in it, those in their call sites included."""

    def __init__(self, item: Object, document: int) -> None:
        self._item = item
        self._document = document
        self._graphs: list[Graph] = []
        self._operations: list[Operation] = []

    def workflow(self) -> Workflow:
        kind = KINDS[self._item.kind]
        data, path = self._item.data, self._item.path
        metadata = self._mapping(data, "metadata", path)
        spec, where = self._mapping(data, "spec", path), (*path, "spec")
        if kind.runs:
            fields, remainder = self._run(kind.root, spec, where)
        else:
            fields, remainder = {"library": "namespace"}, {}
            self._root(kind.root, spec, where)
        names = {"name": "name", "prefix": "generateName", "namespace": "namespace"}
        names_read = {field: metadata[key] for field, key in names.items() if isinstance(metadata.get(key), str)}
        rest = {
            **without(data, "kind", "apiVersion", "metadata", "spec"),
            "metadata": unless_empty(metadata, *(names[field] for field in names_read)),
            "spec": remainder,
        }
        rest = {key: content for key, content in rest.items() if content or key not in ("metadata", "spec")}
        if data["apiVersion"] != kind.versions[0]:
            rest["apiVersion"] = data["apiVersion"]
        return Workflow(
            engine="tekton",
            kind=self._item.kind,
            graphs=tuple(self._graphs),
            operations=tuple(self._operations),
            native_extra=Scope().rest(rest),
            source=self._source(path),
            **names_read,
            **fields,
        )

    def _run(self, root: str, spec: Mapped, path: Path) -> tuple[Mapped, Mapped]:
        """The fields of a run, and what else its spec says."""
        scope = Scope(run=names_of(spec, path))
        call, remainder = self._callee(spec, path, root, scope, roots=(root,))
        fields = {
            "parameters": read_run_parameters(spec, path, Scope()),
            "entry": Step(name=ENTRY, call=call, source=self._source(path)),
        }
        return fields, unless_empty(remainder, "params")

    def _root(self, root: str, spec: Mapped, path: Path) -> None:
        """What an object that others refer to holds."""
        scope = Scope(alone=root != "pipeline")
        if root == "step":
            scope = scope.declaring(names_of(spec, path))
            self._operations.append(read_step_action(root, spec, path, self._source(path), scope))
        else:
            self._body(root, root, spec, path, scope, embedded=False)

    def _body(self, kind: str, name: str, spec: Mapped, path: Path, outer: Scope, embedded: bool) -> None:
        """A pipeline or a task; `outer` is what parameters mean around it."""
        scope = outer.declaring(names_of(spec, path))._replace(items=frozenset(), passed=frozenset())
        source = self._source(path)
        if kind == "task":
            self._operations.append(read_operation(name, spec, path, source, scope, embedded))
            return
        place = len(self._graphs)
        steps = tuple(
            self._task(name, task, (*path, key, number), scope)
            for key in ("tasks", "finally")
            for number, task in enumerate(named(spec, key, path))
        )
        self._graphs.insert(place, read_pipeline(name, spec, path, source, scope, steps, embedded))

    def _task(self, graph: str, task: Mapped, path: Path, scope: Scope) -> Step:
        call, left = self._callee(task, path, f"{graph}/{task['name']}", scope, passed=names_of(task, path))
        return read_task(task, path, self._source(path), task_scope(task, path, scope), call, left)

    def _callee(
        self,
        holder: Mapped,
        path: Path,
        name: str,
        scope: Scope,
        *,
        passed: frozenset[str] = frozenset(),
        roots: tuple[str, ...] = ("task", "pipeline"),
    ) -> tuple[Callee, Mapped]:
        """What a task or a run calls, and the mapping without what says so."""
        supplied = [key for root in roots for key in HOLDERS[root] if holder.get(key) is not None]
        remainder = without(holder, *supplied)
        for root in roots:
            spec_key, reference_key = HOLDERS[root]
            spec, reference = holder.get(spec_key), holder.get(reference_key)
            if supplied == [spec_key] and isinstance(spec, dict) and not (spec.get("apiVersion") or spec.get("kind")):
                if root == "pipeline" and name != root:  # it runs by itself, with what its task is given
                    scope = Scope(run=passed)
                self._body(root, name, spec, (*path, spec_key), scope, embedded=True)
                return Call(name=name), remainder
            if supplied == [reference_key] and (target := _target(reference)):
                others = without(holder[reference_key], "name", "version")
                workflow, version = target
                return External(workflow=workflow, name=root, kind=root.capitalize(), version=version), {
                    **remainder,
                    **({reference_key: others} if others else {}),
                }
        if not supplied:
            keys = " or ".join(key for root in roots for key in HOLDERS[root][::-1])
            message, hint = f"{name!r} says nothing of what it runs", f"give it a {keys}"
            raise InvalidInput(message, engine="tekton", path=path, hint=hint)
        spelled = {key: holder[key] for key in supplied}
        # What stands in the spec of a custom task is its controller's: Tekton hands it over as it is.
        return Dynamic(
            target=structure(spelled, _whole) if supplied == ["taskSpec"] else scope.structure(spelled)
        ), remainder

    def _source(self, path: Path) -> Source:
        return (self._document, *path)

    def _mapping(self, holder: Mapped, key: str, path: Path) -> Mapped:
        content = holder.get(key)
        if not isinstance(content, dict):
            message, hint = f"this {self._item.kind} has no {key}", "the file may be cut off"
            raise InvalidInput(message, engine="tekton", path=path, hint=hint)
        return content


def _whole(text: str) -> tuple[str, ...]:
    return (text,)


def _target(reference: Any) -> tuple[str, str] | None:
    """Return the name and the version of the Task or Pipeline of the same namespace that this refers to.

    None where it says more. The version is of what a build replaces by a bundle before Tekton sees it; the API has no
    such field.
    """
    match reference:
        case {"name": str(name), **others} if name and "$(" not in name:
            version = others.pop("version", "")
            if isinstance(version, str) and others in ({}, {"kind": "Task"}):
                return name, version
    return None
