"""The workflow on which decisions are timed."""

from __future__ import annotations

import pytest

from benchmarks.caching_decisions import decision_seconds, pipeline
from couler_plugins.caching.policies.simple import Lru


@pytest.mark.parametrize("steps", [40, 400])
def test_a_pipeline_has_as_many_steps_in_ten_types_each_after_its_parents(steps: int) -> None:
    load = pipeline(steps, seed=0)
    assert len(load.steps) == len(set(load.steps)) == steps
    assert [len(members) for members in load.members.values()] == [steps // 10] * 10
    assert all(parent < step for step, above in enumerate(load.parents) for parent in above)
    assert max(load.depths) == 9
    assert pipeline(steps, seed=0).parents == load.parents != pipeline(steps, seed=1).parents


def test_a_decision_takes_time() -> None:
    assert 0 < decision_seconds(Lru(), 100, runs=4, seed=0) < 1
