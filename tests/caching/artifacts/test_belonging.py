"""A store belongs to one index or to none."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import (
    open_cache,
)
from couler_plugins.errors import EngineError


def test_a_store_has_one_index_or_none(tmp_path: Path) -> None:
    """With two, each would take the other's results for litter, and remove them."""
    store, other = tmp_path / "store", f"sqlite:///{tmp_path}/other.sqlite"
    with open_cache(store) as cache:
        cache.put("k", {"o": b"x"})
    with pytest.raises(EngineError, match="belongs to an index"):
        open_cache(store, index="none")
    with open_cache(tmp_path / "elsewhere", index=other) as cache:
        cache.put("k", {"o": b"y"})
    with pytest.raises(EngineError, match="belongs to another index"):
        open_cache(store, index=other)
    with open_cache(store) as cache:
        assert cache.lookup("k") is not None
        assert cache.verify().ok


def test_a_new_index_takes_over_what_was_there(tmp_path: Path) -> None:
    with open_cache(tmp_path / "store", index="none") as cache:
        cache.put("k", {"o": b"x"})
    for name in ("first", "second"):  # the second as if the first had been lost
        with open_cache(tmp_path / "store", index=f"sqlite:///{tmp_path}/{name}.sqlite") as cache:
            assert cache.lookup("k") is not None
    with pytest.raises(EngineError, match="belongs to another index"):
        open_cache(tmp_path / "store", index=f"sqlite:///{tmp_path}/first.sqlite")
