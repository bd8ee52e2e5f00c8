"""From a plan back to Argo manifests, with every edit traced to the decision behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from couler_argo.legalize import adapted
from couler_argo.manifests import SPEC_PATHS, Manifest, at
from couler_argo.origins import Origins, with_at
from couler_argo.patching import lower_workflow
from couler_argo.plugin import Options
from couler_argo.versions import check_version, respell
from couler_plugins.documents import Edit, Path, diff
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import Source, Workflow
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision, Lowered, Plan, TracedEdit

__all__ = ["lower", "trace"]


# Which step, and which decision, each edit of a manifest belongs to.


def trace(
    edits: Sequence[Edit],
    document: int,
    old: Any,
    new: Any,
    manifest: Manifest,
    decisions: Sequence[tuple[int, Decision]],
) -> list[TracedEdit]:
    """The edits with their subjects and decisions.

    Args:
        edits: the difference between two versions of a document.
        document: its number in the bundle.
        old, new: its data before and after.
        manifest: the workflow in it that the edits belong to.
        decisions: the decisions on that workflow, each with its position among all.
    """
    positions: dict[str, int] = {}
    for position, decision in decisions:
        for subject in (decision.subject, *decision.affects):
            positions[subject] = position
    traced = []
    for edit in edits:
        subject = _subject(edit.before, old, manifest) if edit.after is None else _subject(edit.after, new, manifest)
        names = (subject, subject.split("/")[0] or _called(edit.after, new, manifest), "")
        existing = next((positions[name] for name in names if name in positions), None)
        traced.append(TracedEdit(document=document, edit=edit, subject=subject, decision=existing))
    return traced


def _subject(path: Path | None, data: Any, manifest: Manifest) -> str:
    """The template, or `template/step`, that a path leads into; empty for anything else of the workflow."""
    place = (*manifest.path, *SPEC_PATHS[manifest.kind], "templates")
    if path is None or path[: len(place)] != place or len(path) == len(place):
        return ""
    template = at(data, path[: len(place) + 1])
    match path[len(place) + 1 :]:
        case ["dag", "tasks", int(number), *_]:
            return f"{template['name']}/{template['dag']['tasks'][number]['name']}"
        case ["steps", int(group), int(number), *_]:
            return f"{template['name']}/{template['steps'][group][number]['name']}"
    return str(template["name"])


def _called(path: Path | None, data: Any, manifest: Manifest) -> str:
    """The template that the workflow itself calls at a path; empty where it calls none there."""
    match path[len(manifest.path) + len(SPEC_PATHS[manifest.kind]) :] if path is not None else ():
        case ["entrypoint" | "onExit"] | ["hooks", _, "template"]:
            return str(at(data, path or ()))
    return ""


def lower(plan: Plan, options: Options) -> Lowered:
    """The documents of a plan.

    Args:
        plan: workflows with an origin become their document again, the others a document of their own each.
        options: the Argo version to write for, and the image of commands that come without one.

    Raises:
        InvalidInput: the version is none that we know, or what comes beside the workflows has the name of a document.
        Unsupported: a workflow without an origin has something that Argo cannot say.
    """
    if options.version:
        check_version(options.version)
    return _Lowerer(plan, options.version, options.image).lowered()


class _Lowerer:
    """Lowers the workflows of a plan, one after another; one that cannot be written refuses its file."""

    def __init__(self, plan: Plan, version: str, image: str) -> None:
        self._plan = plan
        self._version = version
        self._image = image
        self._originals: dict[Source, Workflow] = {
            original.source: original for original in plan.originals if original.source is not None
        }
        self._decisions = list(plan.decisions)
        self._changed: dict[int, Any] = {}
        self._edits: list[TracedEdit] = []
        self._added: list[Any] = []
        self._refused: dict[int, Exception] = {}

    def lowered(self) -> Lowered:
        bundle = self._plan.bundle
        for workflow in self._plan.workflows:
            original = self._originals.get(workflow.source) if workflow.source is not None else None
            if original is None or original.source is None:
                own = workflow if workflow.engine == "argo" else adapted(workflow, self._image)
                added = lower_workflow(own, None, None, Origins())
                if self._version:
                    added, _ = self._respelled(added, Manifest(own.kind, (), added), workflow.label)
                self._added.append(added)
                continue
            document = int(original.source[0])
            file = bundle.file_numbers[document]
            try:
                self._lower(workflow, original, document)
            except CoulerError as error:
                error.file = error.file or bundle.files[file].name
                self._refused[file] = error
        _refuse_taken(self._plan.side, bundle)
        refused = {number for number, file in enumerate(bundle.file_numbers) if file in self._refused}
        return Lowered(
            bundle=bundle,
            changed={number: data for number, data in self._changed.items() if number not in refused},
            added=(*self._added, *self._plan.side),
            edits=tuple(edit for edit in self._edits if edit.document not in refused),
            decisions=tuple(self._decisions),
            refused=self._refused,
        )

    def _lower(self, workflow: Workflow, original: Workflow, document: int) -> None:
        before = self._changed.get(document, self._plan.bundle.documents[document].data)
        origins = Origins()
        after = lower_workflow(workflow, original, before, origins)
        manifest = self._manifest(after, original)
        if self._version:
            after, manifest = self._respelled(after, manifest, original.label)
        if after is before:
            return
        edits = diff(before, after, origins.paths)
        if edits:
            plan = replace(self._plan, decisions=tuple(self._decisions))
            decisions = plan.decisions_about(document, original.label, workflow.label)
            self._edits.extend(trace(edits, document, before, after, manifest, decisions))
            self._changed[document] = after

    def _manifest(self, data: Any, original: Workflow) -> Manifest:
        path = (original.source or ())[1:]
        return Manifest(original.kind, path, at(data, path))

    def _respelled(self, data: Any, manifest: Manifest, label: str) -> tuple[Any, Manifest]:
        mapping, changes = respell(manifest, self._version)
        for change in changes:
            self._decisions.append(
                Decision(
                    optimizer="argo",
                    workflow=label,
                    subject=change.subject,
                    action=f"write {change.after} instead of {change.before}",
                    reason=f"Argo {self._version} does not know {change.before}",
                )
            )
        return with_at(data, manifest.path, mapping), manifest._replace(data=mapping)


def _refuse_taken(side: Iterable[Any], bundle: Bundle) -> None:
    """Refuses documents that would overwrite others of the bundle once they are applied.

    Raises:
        InvalidInput: one would.
    """
    wanted = {_identity(document): document for document in side}
    for document in bundle.documents if wanted else ():
        if _identity(document.data) in wanted:
            kind, _, name = _identity(document.data)
            reason = f"there is a {kind} {name!r} already, and one of that name comes with the parts"
            raise InvalidInput(reason, engine="argo", file=document.file, hint="rename it, or the workflow")


def _identity(data: Any) -> tuple[str, str, str]:
    match data:
        case {"kind": kind, "metadata": {"name": name, "namespace": namespace}}:
            return str(kind), str(namespace), str(name)
        case {"kind": kind, "metadata": {"name": name}}:
            return str(kind), "", str(name)
    return "", "", ""
