"""What there is beside a workflow that runs in symbols; see `runs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Cluster", "Leaf"]


@dataclass(frozen=True)
class Leaf:
    """One run of a template that is no graph: what it is, what it was given, and what had ended before."""

    body: str
    given: str
    before: frozenset[str]


@dataclass
class Cluster:
    """What there is beside the workflow that runs.

    Attributes:
        templates: the WorkflowTemplates by name.
        applied: the workflows that were applied, by name, with their statuses.
        leaves: what ran, by a name that is each leaf's own.
        files: what is stored, by key.
    """

    templates: Mapping[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
