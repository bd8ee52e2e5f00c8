"""From a plan back to Argo manifests, with every edit traced to the decision behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from couler_argo.documents import SPEC_PATHS, Manifest
from couler_argo.plugin import Options
from couler_argo.versions import check_version, respell
from couler_argo.writing import merge_workflow, write_workflow
from couler_plugins.documents import Edit, Path
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.engine_kit.merge import part_at, with_part
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Workflow
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision, Lowered, Plan


def _names_of(edit: Edit, old: Any, new: Any, manifest: Manifest) -> tuple[str, ...]:
    """The step or template that an edit belongs to, and the template around it or the one that is called there."""
    subject = _subject(edit.before, old, manifest) if edit.after is None else _subject(edit.after, new, manifest)
    return subject, subject.split("/")[0] or _called(edit.after, new, manifest)


def _subject(path: Path | None, data: Any, manifest: Manifest) -> str:
    """The template, or `template/step`, that a path leads into; empty for anything else of the workflow."""
    place = (*manifest.path, *SPEC_PATHS[manifest.kind], "templates")
    if path is None or path[: len(place)] != place or len(path) == len(place):
        return ""
    template = part_at(data, path[: len(place) + 1])
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
            return str(part_at(data, path or ()))
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
    lowered = _Lowering(plan, options.version, options.image).lowered()
    _refuse_taken(plan.side, plan.bundle)
    return lowered


class _Lowering(Lowering):
    """Lowers to manifests for one version of Argo."""

    def __init__(self, plan: Plan, version: str, image: str) -> None:
        super().__init__(plan, always=True)
        self._version = version
        self._image = image

    def generate(self, workflow: Workflow) -> Iterator[Any]:
        if workflow.engine != "argo":
            from couler_argo.portable import adapted

            workflow = adapted(workflow, self._image)
        added = write_workflow(workflow)
        yield self._respelled(added, Manifest(workflow.kind, (), added), workflow.label)[0]

    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        before, path = self.data(document), (original.source or ())[1:]
        merged, origins = merge_workflow(workflow, original, document, before)
        after, manifest = self._respelled(merged, Manifest(original.kind, path, part_at(merged, path)), original.label)
        decisions = replace(self.plan, decisions=tuple(self.decisions)).decisions_about(
            document, original.label, workflow.label
        )
        names_of = partial(_names_of, old=before, new=after, manifest=manifest)
        self.record(document, after, origins, names_of, decisions)

    def _respelled(self, data: Any, manifest: Manifest, label: str) -> tuple[Any, Manifest]:
        if not self._version:
            return data, manifest
        mapping, changes = respell(manifest, self._version)
        for change in changes:
            self.decisions.append(
                Decision(
                    optimizer="argo",
                    workflow=label,
                    subject=change.subject,
                    action=f"write {change.after} instead of {change.before}",
                    reason=f"Argo {self._version} does not know {change.before}",
                )
            )
        return with_part(data, manifest.path, mapping), manifest._replace(data=mapping)


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
