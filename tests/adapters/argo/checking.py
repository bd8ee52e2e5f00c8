"""What has to hold after every edit of an Argo workflow, judged without the adapter's help."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from adapters.argo.closure import closed
from adapters.argo.crd import violations
from adapters.argo.edits import Edited
from adapters.argo.judge import Problem, judge
from adapters.argo.objects import objects, spec_of, tasks_of
from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow
from couler_plugins.plan import Lowered, Plan
from couler_plugins.testing.comparing import differences
from documents.judge import apply, comments, exactly

__all__ = ["check", "refusal_of"]

REDUMPED = ("anchors.yaml", "flow-style.yaml")
"""Files that may be written anew as a whole."""


def refusal_of(error: Exception) -> str:
    """The reason of a refusal without the names in it, for counting."""
    assert isinstance(error, Unsupported), repr(error)
    assert error.engine == "argo"
    return re.sub(r"'[^']*'", "…", error.message)


def check(plan: Plan, workflow: Workflow, edit: Edited) -> str:
    """Lowers a plan with one edited workflow and judges the result.

    Returns:
        Why the edit was refused; empty where it was carried out.
    """
    if isinstance(edit.result, Unsupported):
        return refusal_of(edit.result)
    lowered, written = lower_and_write(ARGO, plan.with_workflow(workflow, edit.result))
    for error in lowered.refused.values():
        return refusal_of(error)
    (file,) = plan.bundle.files
    before = [document.data for document in file.documents]
    after = [lowered.changed.get(number, data) for number, data in enumerate(before)]
    text = written.texts.get(0, file.text)
    anew = [decision.reason for decision in written.decisions]
    assert all("twice" in reason or file.name in REDUMPED for reason in anew), anew
    _check_edits(lowered, before, after)
    dangling = _new(judge(after), _judged(file))
    assert not dangling, (edit.what, dangling)
    for number, data in enumerate(after):
        assert not violations(data).keys() - _violations(file, number).keys(), edit.what  # a clone has them twice
    again = read(text, file.name)
    assert all(exactly(document.data, data) for document, data in zip(again.documents, after, strict=True))
    lost = _comments(file) - comments(text)
    assert not lost or anew, (edit.what, lost)
    lifted = lift_source(ARGO, again)
    position = [item is workflow for item in plan.workflows].index(True)
    copied = edit.kind == "directive once" or (edit.kind == "directive" and workflow.library)
    if not copied:  # a private copy has a name that the workflow did not have
        found = list(differences(closed(lifted.workflows[position]), closed(edit.result)))
        assert not found, (edit.what, found)
    assert not lower_and_write(ARGO, lifted)[0].changed
    return ""


def _check_edits(lowered: Lowered, before: list[Any], after: list[Any]) -> None:
    """Edits make the documents what they are, none is redundant, and each has the right subject."""
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        traced = [item for item in lowered.edits if item.document == number]
        edits = [item.edit for item in traced]
        assert exactly(apply(old, edits), new)
        assert (not edits) is exactly(old, new)
        assert len(edits) == len({(edit.before, edit.after) for edit in edits})
        for edit in edits:
            assert edit.op != "replace" or not exactly(edit.old, edit.new)
        known = _subjects(old) | _subjects(new)
        for item in traced:
            assert item.subject in known
            path = item.edit.after if item.edit.after is not None else item.edit.before
            assert item.subject == _subject_at(new if item.edit.after is not None else old, path or ())


def _subjects(data: Any) -> set[str]:
    found = {""}
    for item in objects(data):
        for template in spec_of(item).get("templates") or []:
            found.add(template["name"])
            found.update(f"{template['name']}/{task['name']}" for task in tasks_of(template))
    return found


def _subject_at(data: Any, path: tuple[str | int, ...]) -> str:
    """The outermost template and step on the way to a path."""
    names: list[str] = []
    templates = False
    for key in path:
        data = data[key]
        if isinstance(key, int) and isinstance(data, dict) and templates and len(names) < 2:
            names.append(data["name"]) if "name" in data else None
        templates = templates or key == "templates"
        if key in ("inputs", "outputs", "container", "script", "arguments", "sidecars", "initContainers", "hooks"):
            break
    return "/".join(names)


def _new(problems: list[Problem], known: list[Problem]) -> list[Problem]:
    """Problems of kinds that there were not as many of."""
    more = Counter(problem.kind for problem in problems) - Counter(problem.kind for problem in known)
    return [problem for problem in problems if problem.kind in more]


_CACHES: dict[int, tuple[SourceFile, list[Problem], Counter[str], list[Counter[str]]]] = {}


def _facts(file: SourceFile) -> tuple[SourceFile, list[Problem], Counter[str], list[Counter[str]]]:
    """What the judges say of the original; a file is kept with it, so that its id stays its own."""
    if id(file) not in _CACHES:
        data = [document.data for document in file.documents]
        if len(_CACHES) > 500:
            _CACHES.clear()
        _CACHES[id(file)] = (file, judge(data), comments(file.text), [violations(item) for item in data])
    return _CACHES[id(file)]


def _judged(file: SourceFile) -> list[Problem]:
    return _facts(file)[1]


def _comments(file: SourceFile) -> Counter[str]:
    return _facts(file)[2]


def _violations(file: SourceFile, number: int) -> Counter[str]:
    return _facts(file)[3][number]
