"""A server, and an evictor that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.evict.apiserver import ApiServer
from adapters.argo.evict.cluster import kubeconfig
from couler_argo.evict.evictor import ArgoEvictor
from couler_plugins.caching.artifacts.stores import FolderStore
from couler_plugins.hookspecs.eviction import Target


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Nobody waits between attempts; how often they are made stays as it is."""
    import stamina

    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def evictor(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ArgoEvictor]]:
    """Makes evictors for the server; with `store=FOLDER`, its artifact repository."""
    with kubeconfig(server, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))

        def make(store: Path | None = None, **target: Any) -> ArgoEvictor:
            opened = FolderStore.open(str(store)) if store else None
            return ArgoEvictor(Target(store=opened, store_url=str(store or ""), **target))

        yield make
