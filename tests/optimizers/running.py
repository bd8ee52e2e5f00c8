"""Runs the built-in optimizers on files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_plugins.documents import read
from couler_plugins.optimizers.dedupe import Dedupe
from couler_plugins.optimizers.prune import Prune
from couler_plugins.plan import Decision

if TYPE_CHECKING:
    from pathlib import Path

    from couler_plugins.hookspecs import Context

__all__ = ["CONTEXT", "PASSES", "optimized"]

CONTEXT = cast("Context", SimpleNamespace(rows=lambda optimizer: ()))
"""Neither pass asks for more than rows of the settings."""

PASSES: dict[str, Any] = {"dedupe": Dedupe, "prune": Prune}


def optimized(name: str, path: Path) -> tuple[str, tuple[Decision, ...]]:
    """The text of a file after a pass, and the decisions taken."""
    file = read(path.read_bytes(), path.name)
    plan = PASSES[name]().run(lift_source(ARGO, file), CONTEXT)
    lowered, written = lower_and_write(ARGO, plan)
    assert not lowered.refused
    return written.texts.get(0, file.text), lowered.decisions
