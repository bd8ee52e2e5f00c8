"""Tekton's own webhook takes what splitting leaves, at the level at which it takes what was split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.split.generating import random_run, train
from adapters.tekton.split.test_splitting import CORPUS, cut_most, documents_of
from couler_plugins.errors import Unsupported
from oracles.tekton_oracle import Oracle, build

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
    wholes = [train(), *map(random_run, range(40)), *map(documents_of, map(Path, CORPUS))]
    pairs = [(whole, after) for whole in wholes if (after := cut(whole)) is not None]
    before = oracle.judge((level, whole) for whole, _ in pairs)
    found = oracle.judge((level, after) for _, after in pairs)
    taken = [(after, verdict) for (_, after), old, verdict in zip(pairs, before, found, strict=True) if not any(old)]
    assert len(taken) >= 15
    assert [verdict for _, verdict in taken if any(verdict)] == []
