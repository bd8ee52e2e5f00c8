"""Whatever stands where in a pipeline, or in its platform document: it is read or refused, and nothing fails."""

from __future__ import annotations

import random

import pytest

from adapters.argo.test_mangled import JUNK, places, with_junk
from adapters.subjects import KFP
from couler_plugins.api import optimize
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Workflow, rename_steps, without_origin
from couler_plugins.plan import Plan
from support import at_least, first_of


@pytest.mark.slow
@pytest.mark.parametrize("part", first_of(range(4)))
def test_nothing_fails(part: int) -> None:
    """Some junk at a few places of every file, the same in every run; what is lifted can be edited and written."""
    chance = random.Random(part)
    tried = refused = 0
    for path in KFP.files()[part::4]:
        documents = [document.data for document in read(path.read_bytes(), path.name).documents]
        everywhere = list(places(documents))
        for place in chance.sample(everywhere, min(4, len(everywhere))):
            text = "---\n".join(map(dump_yaml, with_junk(documents, place, chance.choice(JUNK))))
            tried += 1
            try:
                (result,) = optimize(Text(text), "dedupe,prune,cache").files
                assert result.error is None or isinstance(result.error, (InvalidInput, Unsupported))
                refused += result.error is not None
                list(KFP.adapter.lint(KFP.adapter.load([read(text, "mangled.yaml")])))
                rewrite(text)
            except (InvalidInput, Unsupported):
                refused += 1
            except Exception as error:
                error.add_note(f"{path.name} with junk at {place}")
                raise
    assert tried > at_least(30, 90)
    assert 0 < refused < tried


def rewrite(text: str) -> None:
    """Gives every task another name, and writes what was lifted both ways."""
    adapter = KFP.adapter
    plan = adapter.lift(adapter.load([read(text, "mangled.yaml")]), lambda number, error: None)
    for workflow in plan.workflows:
        adapter.dump(adapter.lower(plan.with_workflow(workflow, renamed(workflow)), KFP.options))
        bare = (without_origin(workflow),)
        adapter.lower(Plan(bundle=adapter.load(()), originals=(), workflows=bare), KFP.options)


def renamed(workflow: Workflow) -> Workflow:
    for graph in workflow.graphs:
        workflow = rename_steps(workflow, graph.name, {step.name: f"r-{step.name}" for step in graph.steps})
    return workflow
