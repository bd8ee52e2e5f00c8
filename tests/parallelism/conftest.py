"""Searches take their full time here: how good their results are is what these tests say."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def short_searches() -> None:
    """Leave the searches as they are."""
