"""Which task or component, and which decision, each edit of a document belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from couler_kfp.pipelines import Pipeline
from couler_plugins.documents import Edit, Path
from couler_plugins.plan import Decision, TracedEdit

__all__ = ["trace"]


def trace(
    edits: Sequence[Edit],
    document: int,
    pipeline: Pipeline,
    sides: tuple[Mapping[str, str], Mapping[str, str]],
    decisions: Sequence[tuple[int, Decision]],
) -> list[TracedEdit]:
    """The edits with their subjects and decisions.

    Args:
        edits: the difference between two versions of a document.
        document: its number in the bundle.
        pipeline: the pipeline that it belongs to.
        sides: the operation that each executor is for, by its label, before and after.
        decisions: the decisions on that workflow, each with its position among all.
    """
    positions: dict[str, int] = {}
    for position, decision in decisions:
        for subject in (decision.subject, *decision.affects):
            positions[subject] = position
    traced = []
    for edit in edits:
        path, side = (edit.before, 0) if edit.after is None else (edit.after, 1)
        subject = _subject(path or (), pipeline, sides[side]) or _configured(edit.new, sides[side])
        component = subject.split("/")[0]
        existing = next((positions[name] for name in (subject, component, "") if name in positions), None)
        traced.append(TracedEdit(document=document, edit=edit, subject=subject, decision=existing))
    return traced


def _subject(path: Path, pipeline: Pipeline, labels: Mapping[str, str]) -> str:
    """The component, or `component/task`, that a path leads into; empty for anything else of the pipeline."""
    spec = pipeline.spec.path
    within = path[len(spec) :] if path[: len(spec)] == spec else path
    match within:
        case ["root", *rest]:
            return _in_component("root", rest)
        case ["components", str(name), *rest]:
            return _in_component(name, rest)
    if "executors" in within:
        label = [*within, ""][within.index("executors") + 1]
        return labels.get(str(label), "")
    return ""


def _configured(content: Any, labels: Mapping[str, str]) -> str:
    """The first component that new platform configuration is for."""
    for key in ("platforms", "kubernetes", "deploymentSpec", "executors"):
        content = content.get(key, content) if isinstance(content, dict) else {}
    return next((labels[label] for label in content if label in labels), "")


def _in_component(name: str, path: list[str | int]) -> str:
    match path:
        case ["dag", "tasks", str(task), *_]:
            return f"{name}/{task}"
    return name
