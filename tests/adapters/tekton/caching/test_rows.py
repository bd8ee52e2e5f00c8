"""Rows of the settings for Tekton: `task` means a Task, or a task in its pipeline (`taskSpec`) by its name there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.caching.tasks import PIPELINE, WORKSPACE, plugins
from couler_plugins.api import Text, optimize
from couler_plugins.options.config import Config
from couler_plugins.options.rows import rows_in

S3 = WORKSPACE.replace("workspace://couler-cache/store", "s3://bucket/cache")
UNDECLARED = PIPELINE.replace("couler.io/cache: pure, ", "")


def cached_by(row: dict[str, Any]) -> set[str]:
    """The tasks that are cached where a row says that they are pure, and what their reasons name."""
    rows = rows_in({"cache": {"declare": [{**row, "pure": True}]}}, Path("couler.toml"), "", "")
    result = optimize(Text(UNDECLARED), S3, config=Config(rows=rows), plugins=plugins())
    cached = [item for item in result.decisions if item.verdict == "cached" and item.subject.startswith("pipeline/")]
    assert all("couler.toml says that it is pure" in item.reason for item in cached)
    return {item.subject.removeprefix("pipeline/") for item in cached}


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"task": "shared"}, {"two", "three", "four"}),
        ({"task": "one"}, {"one"}),
        ({"task": "two"}, set()),
        ({"step": "two"}, {"two"}),
        ({"task": "one", "workflow": "other"}, set()),
        ({"task": "one", "workflow": "nightly"}, {"one"}),
    ],
)
def test_which_tasks_a_row_names(row: dict[str, Any], names: set[str]) -> None:
    assert cached_by(row) == names
