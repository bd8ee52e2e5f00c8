"""From a plan back to Argo manifests, with every edit traced to the decision behind it.

Spellings that differ between Argo 3 and Argo 4, rewritten where a target version is asked for.

Source: docs/upgrading.md (4.0 removed `synchronization.mutex`, `synchronization.semaphore` and CronWorkflow's
`schedule`, which 3.6 had deprecated in favour of lists: 3.6 and 3.7 know both spellings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from couler_argo.documents import SPEC_PATHS, Manifest
from couler_argo.plugin import Options
from couler_argo.writing import merge_workflow, write_workflow
from couler_plugins.documents import Edit, Path
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.engine_kit.lowering import Lowering
from couler_plugins.engine_kit.merge import with_part
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Workflow
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Decision, Lowered, Plan

LISTS_SINCE, LISTS_ONLY_SINCE = (3, 6), (4, 0)
SINGULAR = {"mutexes": "mutex", "semaphores": "semaphore"}


class Respelled(NamedTuple):
    """One change of spelling: where (a template, or empty for the workflow), from which key to which."""

    subject: str
    before: str
    after: str


def respell(manifest: Manifest, version: str) -> tuple[Mapped, list[Respelled]]:
    """The object in the spelling of a version of Argo.

    Args:
        manifest: the object; it is not changed.
        version: `3.5`, `4.1`, …: its first two numbers count.

    Returns:
        The object (the same one where nothing changed) and what was changed.

    Raises:
        InvalidInput: the version is none that we know.
        Unsupported: Argo before 3.6 cannot say it (several mutexes of one template).
    """
    changes: list[Respelled] = []
    numbers = check_version(version)
    if LISTS_SINCE <= numbers < LISTS_ONLY_SINCE:
        return manifest.data, changes
    rename = _to_lists if numbers >= LISTS_ONLY_SINCE else _to_single
    data = manifest.data

    def within(holder: Mapped, subject: str) -> Mapped:
        locks = holder.get("synchronization")
        if not isinstance(locks, dict):
            return holder
        renamed = rename(locks, SINGULAR, subject, changes)
        return holder if renamed is locks else {**holder, "synchronization": renamed}

    def within_spec(spec: Mapped) -> Mapped:
        spec = within(spec, "")
        templates = spec.get("templates")
        if not isinstance(templates, list):
            return spec
        after = [within(item, str(item.get("name", ""))) if isinstance(item, dict) else item for item in templates]
        same = all(one is two for one, two in zip(after, templates, strict=True))
        return spec if same else {**spec, "templates": after}

    spec = data["spec"]
    if manifest.kind == "CronWorkflow":
        spec = rename(spec, {"schedules": "schedule"}, "", changes)
        inner = within_spec(part_at(data, SPEC_PATHS[manifest.kind]))
        spec = spec if inner is spec["workflowSpec"] else {**spec, "workflowSpec": inner}
    else:
        spec = within_spec(spec)
    return (data if spec is data["spec"] else {**data, "spec": spec}), changes


def check_version(version: str) -> tuple[int, int]:
    """The first two numbers of a version.

    Raises:
        InvalidInput: it is none that we know.
    """
    match = re.fullmatch(r"v?(3|4)(?:\.(\d+|x))?(?:\.(?:\d+|x))?", version)
    if match is None:
        raise InvalidInput(f"argo{{version={version}}}: no such version", hint="give 3.5, 3.7, 4.1, …")
    return int(match[1]), int(match[2]) if (match[2] or "x") != "x" else 0  # of a whole series, what all of it knows


def _to_lists(mapping: Mapped, names: dict[str, str], subject: str, changes: list[Respelled]) -> Mapped:
    """`mapping` with what stands alone put into a list, behind what the list holds already."""
    single = {one: many for many, one in names.items() if mapping.get(one)}
    if not single:
        return mapping
    if "schedule" in single and mapping.get("schedules"):
        raise Unsupported(
            "schedule and schedules are both given", engine="argo", feature="schedules", hint="leave schedules only"
        )
    changes.extend(Respelled(subject, one, many) for one, many in single.items())
    lists = {many: [*(mapping.get(many) or []), mapping[one]] for one, many in single.items()}
    return {single.get(key, key): lists.get(single.get(key, key), content) for key, content in mapping.items()}


def _to_single(mapping: Mapped, names: dict[str, str], subject: str, changes: list[Respelled]) -> Mapped:
    lists = dict(_filled(mapping, names))
    for many, content in lists.items():
        if len(content) > 1 or mapping.get(names[many]):
            raise Unsupported(
                f"Argo before 3.6 takes one {names[many]} here, not several",
                engine="argo",
                step=subject,
                feature=many,
                hint="target a later version, or keep one of them",
            )
    changes.extend(Respelled(subject, many, names[many]) for many in lists)
    if not lists:
        return mapping
    return {
        names[key] if key in lists else key: lists[key][0] if key in lists else content
        for key, content in mapping.items()
    }


def _filled(mapping: Mapped, names: dict[str, str]) -> Iterator[tuple[str, list[Any]]]:
    for many in names:
        content = mapping.get(many)
        if isinstance(content, list) and content:
            yield many, content


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
            from couler_argo.portable.adapted import adapted

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
