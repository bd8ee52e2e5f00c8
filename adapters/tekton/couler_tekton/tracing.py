"""Which task, pipeline or step, and which decision, each edit of a document belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.documents import Edit, Path
from couler_plugins.plan import Decision, TracedEdit
from couler_tekton.kinds import KINDS

__all__ = ["trace"]


def trace(
    edits: Sequence[Edit],
    document: int,
    sides: tuple[Any, Any],
    depth: int,
    decisions: Sequence[tuple[int, Decision]],
) -> list[TracedEdit]:
    """The edits with their subjects and decisions.

    Args:
        edits: the difference between two versions of a document.
        document: its number in the bundle.
        sides: the object in it, before and after.
        depth: how long the path of the object in its document is.
        decisions: the decisions on that object, each with its position among all.
    """
    positions: dict[str, int] = {}
    for position, decision in decisions:
        for subject in (decision.subject, *decision.affects):
            positions[subject] = position
    # An object around one task has no other decisions than those about that task.
    last = decisions[-1][0] if decisions and KINDS[sides[0]["kind"]].root == "task" else None
    traced = []
    for edit in edits:
        path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
        subject = _subject((path or ())[depth:], sides[side])
        around = subject.split("/")
        names = ["/".join(around[:end]) for end in range(len(around), 0, -1)]
        existing = next((positions[name] for name in (*names, "") if name in positions), last)
        traced.append(TracedEdit(document=document, edit=edit, subject=subject, decision=existing))
    return traced


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
