"""Tekton's own webhook takes what splitting leaves, at the level at which it takes what was split."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tekton.split.generating import random_run, train
from adapters.tekton.split.runs import split
from adapters.tekton.split.test_gathered import fan
from adapters.tekton.split.test_nesting import cut_nested, nest, passing, read
from adapters.tekton.split.test_splitting import cut_most, documents_of
from couler_plugins.errors import Unsupported
from oracles.tekton_oracle import Oracle, build
from support import SHARED

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def cut(documents: list[Any]) -> list[Any] | None:
    try:
        return cut_most(documents)
    except Unsupported:
        return None


@pytest.mark.parametrize("level", ["stable", "beta", "alpha"])
def test_what_is_left_is_taken_where_the_whole_was(oracle: Oracle, level: str) -> None:
    corpus = sorted((SHARED / "corpus/tekton/pipelineruns").rglob("*.yaml"))
    wholes = [train(), fan(), *map(random_run, range(40)), *map(documents_of, corpus)]
    pairs = [(whole, after) for whole in wholes if (after := cut(whole)) is not None]
    before = oracle.judge((level, whole) for whole, _ in pairs)
    found = oracle.judge((level, after) for _, after in pairs)
    taken = [(after, verdict) for (_, after), old, verdict in zip(pairs, before, found, strict=True) if not any(old)]
    assert len(taken) >= 15
    assert [verdict for _, verdict in taken if any(verdict)] == []


def test_pipelines_in_a_pipeline_are_taken_at_alpha_and_nowhere_else(oracle: Oracle) -> None:
    wholes = [passing(), *(random_run(seed, reading=False) for seed in range(40))]
    nested = [after for whole in wholes if (after := cut_nested(whole)) is not None]
    assert len(nested) >= 15
    assert [said for said in oracle.judge(("alpha", after) for after in nested) if any(said)] == []
    assert all(any(said) for said in oracle.judge(("beta", after) for after in nested))


def test_what_nesting_refuses_for_its_results_is_what_tekton_refuses(oracle: Oracle) -> None:
    """Had it been written all the same: a task of the whole reads a result of another."""
    documents = passing()
    read(documents[0])
    with pytest.raises(Unsupported, match="hands out no results"):
        nest(documents, "max-steps=2")
    after = split(documents, "max-steps=2")
    for task in after[0]["spec"]["pipelineSpec"]["tasks"]:
        task["pipelineRef"] = {"name": task.pop("taskRef")["name"]}
    ((said, *_),) = oracle.judge([("alpha", after)])
    assert "result propagation from child Pipelines is not yet implemented" in said
