"""Contract of `couler history fetch`: how past runs of an engine become documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

__all__ = ["Archive", "ArchiveSource", "Wanted"]

MOST = 10_000
"""Runs of one workflow that one fetch reads, whatever is wanted."""


class ArchiveSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine is asked.

    Attributes:
        place: where it is: the URL of its API, `cluster`, or what else the engine has.
        max_bytes: the most bytes that one answer may have.
        namespace: of the runs, where the engine has namespaces; empty for all of an API, or the context's of a cluster.
        context: of the kubeconfig; empty for its current one.
    """

    place: str
    max_bytes: int
    namespace: str = ""
    context: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are fetched. An archive may give others as well: they are left out, or are there already.

    Attributes:
        workflows: the names of the workflows; none for all.
        newest: how many runs of each of which there is none yet.
        since: for workflows with runs in the history, when new ones have ended at the earliest, in seconds since 1970.
        floor: when any of them has ended at the earliest; 0 where that does not matter.
        uids: the engine's identifiers of runs that are in the history, and need not be fetched again.
    """

    workflows: tuple[str, ...] = ()
    newest: int = 100
    since: Mapping[str, float] = {}
    floor: float = 0.0
    uids: frozenset[str] = frozenset()

    def is_meant(self, workflow: str) -> bool:
        """Whether runs of a workflow are wanted."""
        return not self.workflows or workflow in self.workflows

    def count(self, workflow: str) -> int:
        """How many of its newest runs are wanted."""
        return MOST if self.floor or workflow in self.since else self.newest

    def since_of(self, workflow: str) -> float:
        """When runs of a workflow have ended that are wanted; 0 for any time."""
        return self.floor or self.since.get(workflow, 0.0)

    @property
    def earliest(self) -> float:
        """When the earliest of all wanted runs ended, for an archive that cannot be asked by workflow; 0 for any."""
        if self.floor or any(name not in self.since for name in self.workflows):
            return self.floor
        return min((end for name, end in self.since.items() if self.is_meant(name)), default=0.0)


class Archive(Protocol):
    """An adapter's facet for one engine. Nothing is connected to before the first call.

    An archive may have a method `log_tail(run, step, try_number, lines)` as well, which gives the last lines of an
    attempt with nothing secret in them: of the run with a `uid`, and the step as its `StepRun` names it. It may have
    `places`, the names that --from takes beside a URL: `cluster`, `database`.
    """

    def fetch(self, wanted: Wanted) -> Iterable[Mapping[str, Any]]:
        """The newest runs of some workflows, as documents that `couler_runs` of the plugin reads.

        A document is read when it comes and not kept: what an engine has of all its runs may be more than the memory.
        What becomes of it is a history: the values and the code in it, and its credentials, go no further. Credentials
        for the engine come from the environment, and are in no message.

        Raises:
            InvalidInput: there is no such workflow, or nothing says who asks.
            EngineError: the engine refuses, does not answer, or says what it cannot mean.
        """
