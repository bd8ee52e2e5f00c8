"""Runs that fail anywhere: what is done is not done again, and what comes out is what a whole run gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.judge import judge, kinds
from adapters.subjects import ARGO, KFP, TEKTON, Subject, lift_file, lift_source, lower_and_write
from adapters.test_optimizing_laws import runs_here
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

Files = Callable[[str], list[Path]]
Look = Callable[[Path, Subject, range], Iterator[Point]]
SMALL, WHOLE, MOST = 25, 200, 60
"""How many points the default suite has and the slow one, and by how many seeds they are looked for."""
NOWHERE = ArchiveSource(place="", max_bytes=1)


def symbolic(path: Path, subject: Subject, seeds: range) -> Iterator[Point]:
    """The points of the workflows in a file, in symbols."""
    for workflow in lift_file(subject, path).workflows:
        yield from points(workflow, seeds)


def gathered(subjects: Sequence[Subject], wanted: int, files: Files, look: Look) -> list[Point]:
    """So many points, of one seed after the other; they are the same each time."""
    every = (
        point
        for seed in range(1, MOST)
        for subject in subjects
        for path in files(subject.engine)
        for point in look(path, subject, range(seed, seed + 1))
        if point.done
    )
    return list(islice(every, wanted))


@pytest.mark.parametrize(
    ("wanted", "files"), [(SMALL, own_files), pytest.param(WHOLE, corpus_paths, marks=pytest.mark.slow)]
)
def test_results_are_those_of_a_whole_run(wanted: int, files: Files) -> None:
    found = gathered([ARGO, TEKTON, KFP], wanted, files, symbolic)
    assert len(found) == wanted
    for point in found:
        point.check()


@pytest.mark.parametrize(
    ("wanted", "files"), [(SMALL, own_files), pytest.param(WHOLE, corpus_paths, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("subject", [ARGO, TEKTON], ids=["argo", "tekton"])
def test_so_they_are_from_documents_to_documents(subject: Subject, wanted: int, files: Files) -> None:
    found = gathered([subject], wanted, files, of_documents)
    assert len(found) == wanted
    for point in found:
        point.check(drops=subject is TEKTON)


def test_no_point_is_without_work_that_is_done() -> None:
    done = [len(point.done) for point in gathered([ARGO, TEKTON, KFP], SMALL, own_files, symbolic)]
    assert min(done) >= 1
    assert sum(done) > SMALL


def of_documents(path: Path, subject: Subject, seeds: range) -> Iterator[Point]:
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
        documents: tuple[Any, ...] = (status,)
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
    except InvalidInput:  # all of it is done, or it has one step
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
