from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from servers.web import Server, web_server


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("aiohttp")
    with web_server() as server:
        yield server
