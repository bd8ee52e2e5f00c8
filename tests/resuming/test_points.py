"""Runs that fail anywhere: what is done is not done again, and what comes out is what a whole run gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.judge import judge, kinds
from adapters.subjects import ARGO, TEKTON, Subject, lift_file, lift_source, lower_and_write
from adapters.test_optimizing_laws import entry_of, runs_here
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import RunSource
from couler_plugins.ir import Workflow, replace
from couler_plugins.resuming.optimizer import Resume
from ir.interpreter import MissingValueError
from optimizers.running import CONTEXT
from resuming.points import Point, Recorder, points, ran
from resuming.statuses import argo, tekton
from support import corpus_paths, own_files

NOWHERE = ArchiveSource(place="", max_bytes=1)
ENGINES = [ARGO, TEKTON]


def of_documents(subject: Subject, path: Path, seeds: range) -> Iterator[Point]:
    """The points of the runs in a file, from their documents to documents, by way of a status that has been made up."""
    plan = lift_file(subject, path)
    for workflow in plan.workflows:
        if workflow.entry is None or workflow.library or not runs_here(workflow):
            continue
        source = workflow.source or (0,)
        document = plan.bundle.documents[int(source[0])].data
        for key in source[1:]:
            document = document[key]
        if document["kind"] not in ("Workflow", "PipelineRun"):
            continue
        for seed in seeds:
            try:
                found = of_document(subject, document, workflow, seed)
            except MissingValueError:
                break
            if found is not None:
                yield found


def of_document(subject: Subject, document: Any, workflow: Workflow, seed: int) -> Point | None:
    assert workflow.entry is not None
    first = Recorder(named(workflow), seed)
    ran(first, named(workflow))
    if subject is ARGO:
        status, tokens = argo(document, workflow, first)
        documents = (status,)
    else:
        runs, tokens = tekton(document, first)
        documents = tuple(runs)
    past = subject.adapter.resume(RunSource(run="run-1", documents=documents, archive=NOWHERE))
    assert past is not None
    plan = lift_source(subject, read(json.dumps(past.document), "run.json"))
    (original,) = plan.workflows
    resume = Resume(past, original)
    try:
        resumed = resume.run(plan, CONTEXT)
    except InvalidInput as error:
        assert "are done" in error.message or "has no graph" in error.message, error.message
        return None
    lowered, written = lower_and_write(subject, resumed)
    assert not lowered.refused, lowered.refused
    (new,) = lift_source(subject, read(written.texts[0], "run.json")).workflows
    if subject is ARGO:
        new_problems = kinds(judge(lowered.documents)) - kinds(judge([past.document]))
        assert not new_problems, judge(lowered.documents)
    second, whole = Recorder(named(new), 0, tokens), Recorder(named(workflow), 0, tokens)
    ran(second, named(new))
    ran(whole, named(workflow))
    return Point(resume.verdicts, first, second, whole, new)


def named(workflow: Workflow) -> Workflow:
    return replace(workflow, entry=replace(workflow.entry, name="entry")) if workflow.entry else workflow
