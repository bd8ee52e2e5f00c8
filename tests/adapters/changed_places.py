"""Judges a pass that sets attributes of steps: what else its changes touch in the documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from adapters.subjects import Subject
from couler_plugins.documents import SourceFile, read
from couler_plugins.plan import Plan

__all__ = ["check_places", "comments"]


def check_places(subject: Subject, plan: Plan, new: Plan, places: Mapping[str, str]) -> None:
    """Check that the new plan is written, changes only such places, each for a decision, and breaks no file.

    Args:
        subject: the adapter.
        plan: what was lifted.
        new: the plan after the pass.
        places: by engine, the end of a path in a document as a regular expression, told without its adapter.
    """
    lowered, _ = subject.lowered(new)
    assert not lowered.refused
    for edit in lowered.edits:
        place = "/".join(map(str, edit.edit.after or edit.edit.before or ()))
        assert re.search(rf"(^|/)({places[subject.engine]})$", place), place
        assert edit.decision is not None
        assert lowered.decisions[edit.decision].action
    if subject.engine == "airflow":
        return
    written = subject.adapter.dump(lowered)
    files = [read(written.texts.get(number, file.text), file.name) for number, file in enumerate(plan.bundle.files)]
    for old, file in zip(plan.bundle.files, files, strict=True):
        if not written.decisions:  # else it says that it could not keep the formatting
            assert comments(old.text) == comments(file.text)
    assert not _lint(subject, files) - _lint(subject, plan.bundle.files)


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def _lint(subject: Subject, files: Sequence[SourceFile]) -> Counter[tuple[str, str]]:
    return Counter((item.code, item.message) for item in subject.adapter.lint(subject.adapter.load(files)))
