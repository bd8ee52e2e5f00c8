"""Splits of workflows are searched for a tenth of the time: how good they are is what tests of the partitioners say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from couler_plugins.parallelism import portfolio


@pytest.fixture(autouse=True, scope="module")
def short_searches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TRIES", "TRIES_TINY", "SHAKES", "SHAKES_SMALL"):
            patch.setattr(portfolio, name, getattr(portfolio, name) // 10)
        yield
