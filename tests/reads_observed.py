"""What the tests of observed reads share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from couler_plugins.caching.reads import Observation, verify

__all__ = ["Observe", "missed", "recorded", "values", "written"]

Observe: TypeAlias = Callable[..., AbstractContextManager[Observation]]


def recorded(seen: Observation) -> set[tuple[str, str]]:
    """What was read."""
    return set(values(seen))


def values(seen: Observation) -> dict[tuple[str, str], str]:
    """What it was like."""
    assert seen.reads is not None, seen.reason
    return {(read.kind, read.name): read.value for read in seen.reads.reads}


def missed(seen: Observation) -> str:
    """The first that does not hold any more."""
    assert seen.reads is not None, seen.reason
    return str(verify(seen.reads) or "")


def written(seen: Observation) -> list[Path]:
    return [Path(fact.name) for fact in seen.facts.written]
