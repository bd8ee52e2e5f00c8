"""The laws of every adapter, over the whole corpus of its engine (see `adapters.subjects` for how to add one)."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import GENERATORS, Subject, each_file, lift_file, lift_source, lower_and_write, regenerate
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow, call_sites, references, rename_steps, without_origin
from couler_plugins.plan import Plan
from documents.judge import apply, exactly

every_file = pytest.mark.parametrize(("subject", "path"), each_file())
every_generator = pytest.mark.parametrize(("subject", "path"), each_file(GENERATORS))


@pytest.mark.law(1)
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


@pytest.mark.law(1)
@every_file
def test_everything_that_is_there_is_lifted(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    templates = sum(len(workflow.graphs) + len(workflow.operations) for workflow in plan.workflows)
    sites = sum(1 for workflow in plan.workflows for _ in call_sites(workflow))
    found = sum(1 for workflow in plan.workflows for _ in references(workflow))
    expected = [subject.counted(document.data) for document in plan.bundle.documents]
    assert (templates, sites, found) == tuple(map(sum, zip(*expected, strict=True)))


@pytest.mark.law(3)
@every_file
def test_a_workflow_without_an_origin_is_written_anew_or_refused(subject: Subject, path: Path) -> None:
    workflows = tuple(map(without_origin, lift_file(subject, path).workflows))
    plan = Plan(bundle=subject.adapter.load(()), originals=(), workflows=workflows)
    if subject.generates:
        assert len(subject.grouped(subject.adapter.lower(plan, subject.options).added)) == len(workflows)
    elif workflows:
        with pytest.raises(Unsupported) as caught:
            subject.adapter.lower(plan, subject.options)
        assert caught.value.feature
        assert caught.value.hint


@pytest.mark.law(1)
@every_generator
def test_what_is_generated_is_the_same(subject: Subject, path: Path) -> None:
    plan = lift_file(subject, path)
    workflows = [without_origin(workflow) for workflow in plan.workflows]
    for workflow, (document, again) in zip(plan.workflows, regenerate(subject, workflows), strict=True):
        assert again == workflow
        assert exactly(subject.normal(document), subject.normal(subject.origin(plan, workflow)))


@pytest.mark.law(1)
@pytest.mark.law(2)
@every_generator
def test_unknown_fields_survive(subject: Subject, path: Path) -> None:
    """A field that nobody has heard of, in every object of the document, is there whatever happens around it."""
    rng = random.Random(path.name)
    documents = [with_unknown_fields(item.data, rng, subject) for item in lift_file(subject, path).bundle.documents]
    plan = lift_source(subject, read("---\n".join(map(dump_yaml, documents)), path.name))
    lowered, _ = lower_and_write(subject, plan)
    assert not lowered.changed
    for workflow in plan.workflows:
        ((generated, again),) = regenerate(subject, [without_origin(workflow)])
        assert again == workflow
        assert unknown_fields(generated) == unknown_fields(subject.origin(plan, workflow))
        renamed = lower_renamed(subject, plan, workflow)
        if renamed is not None:
            assert unknown_fields(renamed) == unknown_fields(documents)


def with_unknown_fields(data: Any, rng: random.Random, subject: Subject, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(data, dict):
        inner = {key: with_unknown_fields(content, rng, subject, (*path, key)) for key, content in data.items()}
        unknown = {f"x-unknown-{rng.randrange(1000)}": rng.choice(UNKNOWN)} if subject.has_fields(path) else {}
        return {**inner, **unknown}
    if isinstance(data, list):
        return [with_unknown_fields(item, rng, subject, (*path, number)) for number, item in enumerate(data)]
    return data


UNKNOWN: tuple[Any, ...] = (None, 3, "", "a text: {{workflow.name}}", [], {}, [{"a": None}], {"b": {"c": [1.5]}}, False)


def unknown_fields(data: Any) -> Counter[str]:
    """All unknown fields with what they hold."""
    found: Counter[str] = Counter()
    pending = [data]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            found.update(f"{key}: {content!r}" for key, content in current.items() if key.startswith("x-unknown"))
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return found


def lower_renamed(subject: Subject, plan: Plan, workflow: Workflow) -> list[Any] | None:
    """The documents in which every step of a workflow has another name; None where that is refused."""
    renamed = workflow
    try:
        for graph in workflow.graphs:
            renamed = rename_steps(renamed, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
    except Unsupported:
        return None
    lowered, _ = lower_and_write(subject, plan.with_workflow(workflow, renamed))
    assert not lowered.refused
    whole = []
    for number, document in enumerate(plan.bundle.documents):
        whole.append(lowered.changed.get(number, document.data))
        edits = [traced.edit for traced in lowered.edits if traced.document == number]
        assert exactly(apply(document.data, edits), whole[-1])
    return whole
