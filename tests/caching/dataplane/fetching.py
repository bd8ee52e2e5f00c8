"""A cache in a folder of the test, for what is fetched."""

from __future__ import annotations

import contextlib
from pathlib import Path

from couler_plugins.caching.artifacts import ArtifactCache, open_cache

__all__ = ["opening"]


def opening(folder: Path) -> contextlib.AbstractContextManager[ArtifactCache]:
    return contextlib.closing(open_cache(str(folder / "store")))
