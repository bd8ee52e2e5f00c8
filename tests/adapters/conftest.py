"""What the tests of all adapters need."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from adapters.airflow import fake_wrap


@pytest.fixture(autouse=True)
def wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    """What wraps Airflow's operators, or what stands in for it."""
    if find_spec("couler_airflow.runtime_wrap") is None:
        monkeypatch.setitem(sys.modules, "couler_airflow.runtime_wrap", fake_wrap)
