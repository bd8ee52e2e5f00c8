"""The caches that are attacked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, open_cache


@pytest.fixture(params=[None, "none"], ids=["indexed", "store-only"])
def index(request: pytest.FixtureRequest) -> str | None:
    value: str | None = request.param
    return value


@pytest.fixture
def cache(index: str | None, tmp_path: Path) -> Iterator[ArtifactCache]:
    with open_cache(str(tmp_path / "store"), namespace="mine", index=index) as cache:
        yield cache


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store" / "v1" / "mine"
