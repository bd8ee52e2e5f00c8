"""Manifests that are replaced while they are read."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import BinaryIO

import pytest

from couler_plugins.caching.artifacts import Stored, open_cache
from couler_plugins.caching.artifacts.blobs import read_manifests
from couler_plugins.caching.artifacts.fsspec_store import attempt
from couler_plugins.caching.artifacts.stores import FolderStore


class Restless(FolderStore):
    """A store in which each object is replaced so many times before it can be read."""

    times = 0

    def read(self, name: str) -> BinaryIO:
        if self.times:
            self.times -= 1
            raise OSError(errno.ESTALE, "replaced")
        return super().read(name)


@pytest.fixture
def store(tmp_path: Path) -> Restless:
    with open_cache(str(tmp_path), index="none") as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
    return Restless(tmp_path)


def test_it_is_read_again(store: Restless) -> None:
    store.times = 3
    ((_, entry),) = read_manifests(store, "default")
    assert getattr(entry, "key", None) == "key"


def test_one_that_is_replaced_for_ever_is_an_error(store: Restless) -> None:
    store.times = 4
    with pytest.raises(OSError, match="replaced"):
        list(read_manifests(store, "default"))


def test_what_s3fs_calls_expired_is_stale() -> None:
    class FileExpired(OSError):
        pass

    def read() -> None:
        raise FileExpired(errno.EBUSY, "no longer exists")

    with pytest.raises(OSError, match="no longer exists") as error:
        attempt(read)
    assert error.value.errno == errno.ESTALE
