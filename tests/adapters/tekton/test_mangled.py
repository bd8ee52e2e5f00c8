"""Whatever stands where in Tekton's documents: it is read or refused, and neither lifting nor the lint fails."""

from __future__ import annotations

import random

import pytest

from adapters.argo.test_mangled import JUNK, places, with_junk
from adapters.subjects import TEKTON
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.pipeline import refuse_broken
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.ir import Workflow, rename_steps, verify, without_origin
from couler_plugins.plan import Plan
from support import at_least, first_of


@pytest.mark.parametrize("part", first_of(range(6)))
def test_nothing_fails(part: int) -> None:
    """Some junk at a few places of every file, the same in every run; what is lifted can be edited and written."""
    chance = random.Random(part)
    tried = refused = 0
    for path in TEKTON.files()[part::6]:
        documents = [document.data for document in read(path.read_bytes(), path.name).documents]
        everywhere = list(places(documents))
        for place in chance.sample(everywhere, min(12, len(everywhere))):
            text = "---\n".join(map(dump_yaml, with_junk(documents, place, chance.choice(JUNK))))
            tried += 1
            try:
                refused += bool(rewritten(text))
            except Exception as error:
                error.add_note(f"{path.name} with junk at {place}")
                raise
    assert tried > at_least(50, 250)
    assert 0 < refused < tried


def rewritten(text: str) -> list[CoulerError]:
    """Gives every task another name, writes what was lifted both ways, and checks all of it; what was refused."""
    adapter = TEKTON.adapter
    found: list[CoulerError] = []
    bundle = adapter.load([read(text, "mangled.yaml")])
    remarks = list(adapter.lint(bundle))
    assert all(bundle.documents[remark.document].line_of(remark.path) for remark in remarks)
    plan = adapter.lift(bundle, lambda number, error: found.append(error))
    plan = refuse_broken(plan, lambda number, error: found.append(error))
    for workflow in plan.workflows:
        adapter.dump(adapter.lower(plan.with_workflow(workflow, renamed(workflow)), TEKTON.options))
        bare = (without_origin(workflow),)
        try:
            adapter.lower(Plan(bundle=adapter.load(()), originals=(), workflows=bare), TEKTON.options)
        except Unsupported as error:
            found.append(error)
    return found


def renamed(workflow: Workflow) -> Workflow:
    for graph in workflow.graphs:
        workflow = rename_steps(workflow, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
    assert not verify(workflow)
    return workflow
