"""A stand-in for Airflow's API server, which says what it is told to, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from servers.airflow_api import ApiServer


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """A server, with a token in the environment; what fails is tried again at once."""
    for name in ("URL", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"COULER_AIRFLOW_{name}", raising=False)
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", "a-token")
    with ApiServer() as server, stamina.set_testing(True, attempts=6, cap=True):
        yield server
