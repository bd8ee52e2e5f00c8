"""Which step, and which decision, each edit of a manifest belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_argo.manifests import SPEC_PATHS, Manifest, at
from couler_plugins.documents import Edit, Path
from couler_plugins.plan import Decision, TracedEdit

__all__ = ["trace"]


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
