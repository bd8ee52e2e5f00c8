"""The settings that are tried while none of them has measured anything."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.hpo.optuna_tuner import Optuna
from couler_plugins.hpo.reading import read_task
from couler_plugins.hpo.workflows.tuning import settings_to_try

SPACES: dict[str, tuple[dict[str, Any], int]] = {
    "levels": ({"depth": {"type": "categorical", "choices": [2, 3, 8], "default": 3}}, 3),
    "skewed": ({"size": {"type": "log-int", "low": 1, "high": 24, "default": 1}}, 24),
    "conditional": (
        {
            "kind": {"type": "categorical", "choices": ["a", "b"], "default": "a"},
            "depth": {"type": "int", "low": 1, "high": 9, "default": 9, "when": {"kind": "b"}},
        },
        10,
    ),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SPACES)
def test_of_a_small_space_every_setting_is_tried(name: str, seed: int) -> None:
    space, size = SPACES[name]
    task = read_task({"data": {"name": "bowl", "metric": "loss"}, "space": space})
    found = settings_to_try(Optuna(seed=seed), task, 2 * size)
    assert len({one.values for one in found}) == len(found) == size
    assert dict(found[0].values) == task.space.defaults
    assert all(one.predicted is None for one in found)  # nothing was measured that could tell
