"""A workflow with all that it calls: templates of the libraries in the same files become a part of it.

Sources: docs/workflow-templates.md; `JoinWorkflowSpec` in `workflow/util/merge.go`. A template that is called by
`templateRef` brings nothing of its library's spec along; what `workflowTemplateRef` names is the spec of the run,
where the run itself does not say otherwise.
"""

from __future__ import annotations

import json
from typing import Any

from couler_argo.documents import SPEC_PATHS, Manifest, manifests, rest_of
from couler_argo.lift import lift_manifest
from couler_argo.portable.legality import refuse
from couler_argo.references import native
from couler_plugins.documents import FilePlace
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Bundle,
    Call,
    Definitions,
    Dynamic,
    External,
    Graph,
    Operation,
    Port,
    Step,
    Workflow,
    call_sites,
    callables,
    map_steps,
    replace,
    take_name,
)

Place = tuple[str, str]
"""A library by its scope and name, and a template in it."""


def gathered(workflow: Workflow, bundle: Bundle) -> Workflow:
    """Return a workflow with every template that it calls.

    Raises:
        Unsupported: one is not in these files, or is only known at run time.
    """
    entry = workflow.entry
    if entry is not None and isinstance(entry.call, External):
        library = _Libraries(workflow, bundle).find(entry.call, entry.name)
        workflow = _joined(workflow, library, entry.call.name)
    if not any(isinstance(site.step.call, (External, Dynamic)) for site in call_sites(workflow)):
        return workflow
    return _Gathering(workflow, bundle).workflow()


class _Libraries:
    """Looks up what is called from a workflow."""

    def __init__(self, workflow: Workflow, bundle: Bundle) -> None:
        self._namespace = workflow.namespace
        self._bundle = bundle
        self._place = FilePlace() if workflow.source is None else bundle.place_of(int(workflow.source[0]))
        self._found: Definitions[tuple[Manifest, int]] = Definitions(
            lambda item: json.dumps(item[0].data, sort_keys=True, default=str)
        )
        for number, document in enumerate(bundle.documents):
            for manifest in manifests(document.data):
                named = mapping_at(manifest.data, "metadata")
                if manifest.library and isinstance(named.get("name"), str):
                    namespace = named.get("namespace") if isinstance(named.get("namespace"), str) else ""
                    key = (manifest.library, named["name"])
                    place = bundle.place_and_version((number, *manifest.path))
                    self._found.add(key, namespace or "", (manifest, number), *place)

    def find(self, call: External, step: str) -> Workflow:
        """Return the library that a step calls."""
        namespace = self._namespace if call.scope == "namespace" else ""
        candidates = self._found.resolve((call.scope, call.workflow), namespace, self._place, call.version)
        what = f"the {'Cluster' if call.scope == 'cluster' else ''}WorkflowTemplate {call.workflow!r}"
        if not candidates:
            reason, hint = f"calls {what}, which is not in these files", "convert it together with that"
            raise refuse("Step.call", step, reason, hint)
        if len(candidates) > 1:
            places = ", ".join(self._bundle.describe((number, *item.path)) for item, number in candidates)
            reason, hint = f"may call any of {len(candidates)}: {places}", "convert it together with one of them"
            raise refuse("Step.call", step, reason, hint)
        manifest, number = candidates[0]
        return lift_manifest(manifest, number)


class _Gathering:
    def __init__(self, workflow: Workflow, bundle: Bundle) -> None:
        self._workflow = workflow
        self._libraries = _Libraries(workflow, bundle)
        self._lifted: dict[Place, Workflow] = {}
        self._taken = set(callables(workflow))
        self._names: dict[tuple[Place, str], str] = {}
        self._added: list[Graph | Operation] = []
        self._refused: list[Unsupported] = []

    def workflow(self) -> Workflow:
        workflow = map_steps(self._workflow, self._called)
        raise_all(self._refused)
        graphs = [item for item in self._added if isinstance(item, Graph)]
        operations = [item for item in self._added if isinstance(item, Operation)]
        return replace(workflow, graphs=(*workflow.graphs, *graphs), operations=(*workflow.operations, *operations))

    def _called(self, step: Step) -> Step:
        try:
            match step.call:
                case External() as call:
                    place = (call.scope, call.workflow)
                    if place not in self._lifted:
                        self._lifted[place] = self._libraries.find(call, step.name)
                    return replace(step, call=Call(name=self._taken_in(place, call.name, step.name)))
                case Dynamic():
                    hint = "name one template of these files"
                    raise refuse("Step.call", step.name, "calls a template that is only known at run time", hint)
        except Unsupported as error:
            self._refused.append(error)
        return step

    def _taken_in(self, place: Place, name: str, step: str) -> str:
        """Return the name of a template of a library here; it is added where it is not there yet."""
        if (place, name) in self._names:
            return self._names[place, name]
        item = callables(self._lifted[place]).get(name)
        if item is None:
            reason, hint = f"calls {name!r}, which {place[1]!r} does not have", "correct the name, or add it"
            raise refuse("Step.call", step, reason, hint)
        own = self._names[place, name] = take_name(f"{place[1]}-{name}", self._taken)
        if isinstance(item, Graph):
            only = Workflow(engine="argo", kind="Workflow", graphs=(item,))

            def inside(step: Step) -> Step:
                if isinstance(step.call, Call):
                    return replace(step, call=Call(name=self._taken_in(place, step.call.name, step.name)))
                return self._called(step)

            (item,) = map_steps(only, inside).graphs
        self._added.append(replace(item, name=own))
        return own


def _joined(workflow: Workflow, library: Workflow, name: str) -> Workflow:
    """Return a run of a library, with what the run says otherwise."""
    if workflow.graphs or workflow.operations:
        reason = "has templates of its own beside those that it refers to"
        raise refuse("Workflow.entry", workflow.label, reason, "put all templates into one of the two")
    entry = Step(name="entrypoint", call=Call(name=name)) if name else library.entry
    if entry is None:
        raise refuse("Workflow.entry", workflow.label, f"does not say what of {library.name!r} it runs", "say it")
    own = {(port.kind, port.name): port for port in workflow.parameters}
    ports = [_given(port, own.pop((port.kind, port.name), None)) for port in library.parameters]
    path = [str(key) for key in SPEC_PATHS[workflow.kind]]
    rest = rest_of(workflow)
    spec = _merged(mapping_at(rest_of(library), "spec"), mapping_at(rest, *path))
    if spec:
        inner = rest
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = spec
    return replace(
        workflow,
        entry=entry,
        parameters=(*ports, *own.values()),
        handlers=workflow.handlers or library.handlers,
        graphs=library.graphs,
        operations=library.operations,
        native_extra=native(rest) if rest else None,
    )


def _given(port: Port, own: Port | None) -> Port:
    """Return a parameter of a library with the value that a run gives it."""
    if own is None or (own.value is None and own.origin is None):
        return port
    return replace(port, value=own.value, origin=own.origin)


def _merged(below: Any, above: Any) -> Any:
    """Return two structures as one; lists of what has a name are merged by that, as Kubernetes does."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _merged(below[key], above[key]) if key in below else above[key] for key in above}}
    if isinstance(below, list) and isinstance(above, list):
        names = {item.get("name") for item in above if isinstance(item, dict)} - {None}
        if names and all(isinstance(item, dict) and "name" in item for item in (*below, *above)):
            return [*(item for item in below if item["name"] not in names), *above]
    return above
