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
        failing: a text; leaves whose inputs have it in them fail. Empty where all succeed.
        failed: the workflows that were applied and have failed, by name.
        done: what the tasks of each workflow have made, by its name and their path: a retry does them no more.
    """

    templates: Mapping[str, Any] = field(default_factory=dict)
    applied: dict[str, Any] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    failing: str = ""
    failed: set[str] = field(default_factory=set)
    done: dict[tuple[str, ...], tuple[dict[str, dict[str, str]], frozenset[str]]] = field(default_factory=dict)

    def retry_parts(self) -> None:
        """`argo retry` of the parts that have failed; they go on once they are looked at."""
        self.failed.clear()
