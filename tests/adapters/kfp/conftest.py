"""What `kfp.local` leaves behind in the process that it ran in, cleared away."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _nothing_of_kfp_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It sets `print` itself and the root logger, and its threads put back what another of them has set."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(builtins, "print", print)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
