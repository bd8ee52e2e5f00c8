"""The laws of every adapter, over the whole corpus of its engine (see `adapters.subjects` for how to add one)."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.subjects import Subject, each_file, lift_file, lower_and_write, regenerate
from couler_plugins.ir import Call, call_sites, references, without_origin
from documents.judge import exactly

every_file = pytest.mark.parametrize(("subject", "path"), each_file())


@every_file
def test_lifting_and_lowering_changes_nothing(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    lowered, written = lower_and_write(subject, plan)
    assert not lowered.changed
    assert not lowered.edits
    assert not lowered.refused
    assert not lowered.added
    assert not written.texts
    assert not written.added


@every_file
def test_everything_that_is_there_is_lifted(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    templates = sum(len(workflow.graphs) + len(workflow.operations) for workflow in plan.workflows)
    sites = sum(1 for workflow in plan.workflows for _ in call_sites(workflow))
    found = sum(1 for workflow in plan.workflows for _ in references(workflow))
    expected = [subject.counted(document.data) for document in plan.bundle.documents]
    assert (templates, sites, found) == tuple(map(sum, zip(*expected, strict=True)))


@every_file
def test_what_is_generated_is_the_same(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    workflows = [without_origin(workflow) for workflow in plan.workflows]
    for workflow, (document, again) in zip(plan.workflows, regenerate(subject, workflows), strict=True):
        assert again == workflow
        assert workflow.source is not None
        original = plan.bundle.documents[int(workflow.source[0])].data
        for key in workflow.source[1:]:
            original = original[key]
        assert exactly(subject.normal(document), subject.normal(original))
