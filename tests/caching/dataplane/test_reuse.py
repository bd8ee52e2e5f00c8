"""Computing with a cache that never answers: it takes no more than its time, and what is wanted is there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Meta, open_cache
from couler_plugins.caching.dataplane.reuse import Task, reuse_or_compute
from support import first_of

LIMIT = 1.0
SILENCE = 20.0


@contextlib.contextmanager
def silent(folder: Path, moment: str, patch: pytest.MonkeyPatch) -> Iterator[ArtifactCache]:
    """A cache that stops to answer at some moment, and does not answer while it is left either."""
    if moment == "open":
        time.sleep(SILENCE)
    if moment == "claim":
        patch.setattr(ArtifactCache, "claim", lambda *_, **__: time.sleep(SILENCE))
    with open_cache(folder / "store") as cache:
        try:
            yield cache
        finally:
            time.sleep(SILENCE)


def task(folder: Path) -> Task:
    return Task(key="k", outputs={"o": folder / "o"}, meta=Meta(), timeout=LIMIT)


def compute(folder: Path) -> int:
    (folder / "o").write_text("computed")
    return 0


@pytest.mark.parametrize("moment", first_of(["open", "claim", "close"]))
def test_what_is_wanted_is_computed_in_time(
    moment: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = time.monotonic()
    assert reuse_or_compute(task(tmp_path), silent(tmp_path, moment, monkeypatch), lambda: compute(tmp_path)) == 0
    assert time.monotonic() - started < 4 * LIMIT
    assert (tmp_path / "o").read_text() == "computed"
    assert f"it has taken longer than {LIMIT:g} s" in caplog.text


def test_what_is_in_place_is_not_computed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_cache(tmp_path / "store") as cache:
        cache.put("k", {"o": b"kept"})
    started = time.monotonic()
    assert reuse_or_compute(task(tmp_path), silent(tmp_path, "close", monkeypatch), lambda: compute(tmp_path)) == 0
    assert time.monotonic() - started < 4 * LIMIT
    assert (tmp_path / "o").read_text() == "kept"
    assert "the cache could not be closed: it has taken longer" in caplog.text
