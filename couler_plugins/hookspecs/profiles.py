"""Contract of run history: past runs in documents, and profiles of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from couler_plugins.documents import Document
from couler_plugins.ir import Workflow
from couler_plugins.markers import hookspec
from couler_plugins.runs import Attempt, Run

__all__ = ["Profile", "couler_profiles", "couler_runs"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a step from past runs. Unknown is None, never zero.

    Attributes:
        seconds: how long one run of it takes.
        cpu: cores used on average.
        memory: bytes at the peak.
        output_bytes: bytes of all outputs together.
        success_rate: the share of attempts that succeed, 0 to 1.
        instances: how often it runs in one run of the workflow, for the items of its loop and the calls of its graph.
        tries: its newest attempts, oldest first, with what their containers asked for and used.
    """

    seconds: float | None = None
    cpu: float | None = None
    memory: int | None = None
    output_bytes: int | None = None
    success_rate: float | None = None
    instances: float | None = None
    tries: tuple[Attempt, ...] | None = None


@hookspec
def couler_runs(document: Document) -> list[Run]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the past runs that a document of history tells of; none where the document is not yours.

    Raises:
        InvalidInput: it is yours, and cannot be read as what it claims to be.
    """


@hookspec
def couler_profiles(workflow: Workflow, runs: Sequence[Run]) -> Mapping[str, Profile]:  # type: ignore[empty-body]  # pluggy wants none
    """Return what is known of this workflow's steps, by `graph/step`, and of its operations, by name.

    What is known of an operation is that of all its calls, those of other workflows too. Leave out what is not known.

    Args:
        workflow: the workflow.
        runs: its past runs in the history that the user named, and those that call its operations, oldest first.
    """
