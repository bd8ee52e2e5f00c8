"""Realistic programs build the same with and without us, apart from what the optimizers say that they changed."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from adapters.argo.crd import violations
from adapters.argo.hera.programs import PROGRAMS
from adapters.argo.judge import judge
from couler_argo.hera import install, lift, lower, optimize
from couler_plugins import api
from documents.judge import apply, exactly
from support import first_of

pytestmark = pytest.mark.sampled

PIPELINES = ["dedupe,cache{via=memoize}", "cache{assume-pure=true,via=memoize}", "", "dedupe", "cache{via=memoize}"]

each_program = pytest.mark.parametrize("program", PROGRAMS)
each_pipeline = pytest.mark.parametrize("pipeline", first_of(PIPELINES))


def without(data: Any, paths: Iterable[tuple[str | int, ...]]) -> Any:
    """The data with the values at these paths cut out, whatever they are; items of lists leave no gap."""
    box = {"root": copy.deepcopy(data)}
    for path in paths:
        holder: Any = box
        for key in ("root", *path[:-1]):
            holder = holder[key]
        holder[path[-1]] = ...
    return _closed_up(box["root"])


def _closed_up(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _closed_up(value) for key, value in data.items() if value is not ...}
    return [_closed_up(value) for value in data if value is not ...] if isinstance(data, list) else data


@pytest.mark.parametrize(
    ("pipeline", "least"), [("dedupe", 8), ("cache{via=memoize}", 2), ("cache{assume-pure=true,via=memoize}", 3)]
)
def test_some_programs_are_optimized_and_others_are_not(pipeline: str, least: int) -> None:
    workflows = [program() for program in PROGRAMS.values()]
    changed = [workflow for workflow in workflows if optimize(workflow, pipeline) is not workflow]
    assert least <= len(changed) <= len(workflows) - 8


@each_program
def test_argo_would_run_the_programs(program: str) -> None:
    document = PROGRAMS[program]().to_dict()
    assert not judge([document])
    assert not violations(document)


@each_program
def test_without_optimizers_nothing_changes(program: str) -> None:
    build = PROGRAMS[program]
    document, text = build().to_dict(), build().to_yaml()
    with install(""):
        assert exactly(build().to_dict(), document)
        assert list(build().to_dict()) == list(document)
        assert build().to_yaml() == text
    workflow = build()
    assert optimize(workflow, "") is workflow
    assert workflow.to_yaml() == text


@each_pipeline
@each_program
def test_only_what_the_edits_say_changes(program: str, pipeline: str) -> None:
    build = PROGRAMS[program]
    before = build().to_dict()
    (file,) = api.optimize(before, pipeline).files
    edits = [traced.edit for traced in file.edits]
    with install(pipeline):
        after = build().to_dict()
    assert exactly(after, apply(before, edits))
    assert exactly(after, file.documents[0])
    olds = [edit.before for edit in edits if edit.before is not None]
    news = [edit.after for edit in edits if edit.after is not None]
    assert exactly(without(before, olds), without(after, news))
    assert (not edits) is exactly(before, after)


@each_pipeline
@each_program
def test_every_way_in_gives_the_same_and_once_is_enough(program: str, pipeline: str) -> None:
    build = PROGRAMS[program]
    workflow = build()
    untouched = workflow.to_yaml()
    new = optimize(workflow, pipeline)
    assert workflow.to_yaml() == untouched
    assert type(new) is type(workflow)
    assert optimize(build, pipeline)().to_yaml() == new.to_yaml()
    assert optimize(new, pipeline) is new
    with install(pipeline):
        assert build().to_yaml() == new.to_yaml()
        assert build().to_dict() == new.to_dict()
    assert not violations(new.to_dict())
    assert not judge([new.to_dict()])


@each_program
def test_lifted_and_lowered_it_is_the_same(program: str) -> None:
    workflow = PROGRAMS[program]()
    plan = lift(workflow)
    assert [item.kind for item in plan.workflows] == [workflow.kind]
    (lowered,) = lower(plan)
    assert isinstance(lowered, type(workflow))
    assert lowered.to_yaml() == workflow.to_yaml()
