"""Contract of eviction: where an engine keeps results by itself, how a policy evicts them, and which are removed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol

import msgspec

from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.hookspecs.stores import ArtifactStore

__all__ = ["Evicted", "Eviction", "Evictor", "Limits", "Outcome", "Schedule", "Selection", "Target"]

Outcome = Literal["kept", "evicted", "dropped", "postponed"]
"""What became of an entry: kept; evicted; dropped, since nobody could read it; to go, but not in this round."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Which cluster to look at, and where its artifacts are.

    Attributes:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.
        namespaces: the namespaces to look at; none for the one of the context.
        every_namespace: whether all namespaces are meant that have something to evict.
        managed: the only namespace in which the engine runs workflows; empty where that is any.
        foreign: whether to look at caches that are not ours as well.
        store: the artifact repository, opened by its URL; None where nobody gave one.
        store_url: that URL.
    """

    context: str = ""
    namespaces: tuple[str, ...] = ()
    every_namespace: bool = False
    managed: str = ""
    foreign: bool = False
    store: ArtifactStore | None = None
    store_url: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept, and how soon what is not kept goes.

    Attributes:
        capacity: bytes that the results in the caches of one namespace may take, artifacts included; None for no limit.
        assumed: bytes that an artifact is taken to have where nobody knows.
        grace: seconds between the eviction of an entry and the deletion of its artifacts.
        settle: seconds that a place must have been left alone by its engine before we write to it.
        dry_run: whether to decide only, and write nothing.
    """

    capacity: int | None = None
    assumed: int = 100_000_000
    grace: float = 86_400.0
    settle: float = 2.0
    dry_run: bool = False


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Results by who made them. `*`, `?` and `[…]` are those of file names, and a `*` takes any `/` in.

    Attributes:
        step: a step, or what it calls: `STEP`, `GRAPH/STEP` or `WORKFLOW/STEP`; empty for any. One without a `/` is for
            the step's own name: `churn*` means no steps of a workflow that is called so.
        workflow: a workflow, without what is random in the names of its runs; empty for any.
    """

    step: str = ""
    workflow: str = ""

    def includes(self, family: str, *steps: str) -> bool:
        """Return whether a result is meant.

        Args:
            family: the workflow that made it.
            steps: the step that made it, and what that calls, as far as either is recorded.
        """
        families = family_names(family)
        if self.workflow and not any(fnmatchcase(name, self.workflow) for name in families):
            return False
        names = [name for step in steps for name in step_names(step)]
        names += [f"{one}/{name}" for one in families for name in names]
        whole = "/" in self.step
        return not self.step or any(fnmatchcase(name, self.step) for name in names if ("/" in name) == whole)


def family_names(family: str) -> tuple[str, ...]:
    """Return the names of a workflow: as it is recorded, and without the sign for what is random (`train-*`)."""
    return tuple(dict.fromkeys((family, family.rstrip("*").rstrip("-."))))


def step_names(step: str) -> Iterator[str]:
    """Yield the names of a step: as it is recorded, without the number of an item, and without what is around it."""
    yield step
    bare = re.sub(r"\(\d+\)$", "", step)
    if bare != step:
        yield bare
    if "/" in bare:
        yield bare.rpartition("/")[2]


class Eviction(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on one entry, and why.

    Attributes:
        key: the key of the result.
        place: where the engine keeps it.
        outcome: what became of it.
        reason: why, in half a sentence.
        figures: numbers behind it, by name (the name says the unit).
    """

    key: str
    place: str
    outcome: Outcome
    reason: str
    figures: tuple[tuple[str, int | float | str], ...] = ()


class Evicted(msgspec.Struct, frozen=True, kw_only=True):
    """One round in one namespace.

    Attributes:
        namespace: its name.
        places: how many places hold results there.
        live: how many workflows are running that may use what is there.
        decisions: one for each entry.
        before: bytes of all results before, artifacts included, as far as they are known.
        after: bytes of those that are kept.
        deleted: artifacts that were deleted.
        waiting: artifacts that will be, once their grace is over and nothing running refers to them.
        remaining: artifacts of evicted entries that stay for good, since they are not ours to delete or nobody can.
        remarks: what else somebody should know.
        failure: what the policy did wrong, where the least recently used results went in its place; empty for nothing.
    """

    namespace: str
    places: int = 0
    live: int = 0
    decisions: tuple[Eviction, ...] = ()
    before: int = 0
    after: int = 0
    deleted: tuple[str, ...] = ()
    waiting: int = 0
    remaining: int = msgspec.field(name="left", default=0)
    remarks: tuple[str, ...] = ()
    failure: str = ""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine itself needs to keep results, and how it is to run the eviction.

    Attributes:
        namespace: where its controller is and keeps results; eviction runs there as well.
        account: the service account of its controller.
        managed: the only namespace in which the engine runs workflows; empty where that is any.
        image: a container image that has couler-plugins with what the engine and the store need; empty for no eviction.
        cron: when, as cron writes it.
        secret: the name of a Secret whose entries become environment variables (the store's credentials); or empty.
        arguments: what follows `couler cache evict`, as it was given.
    """

    namespace: str
    account: str
    image: str
    cron: str
    managed: str = ""
    secret: str = ""
    arguments: tuple[str, ...] = ()


class Evictor(Protocol):
    """An adapter's facet for one cluster. Nothing is connected to before the first method that needs it is called."""

    def namespaces(self) -> Sequence[str]:
        """The namespaces that the target means.

        Raises:
            InvalidInput: the target names no cluster that we know how to reach.
            EngineError: the cluster does not answer, or does not tell us.
        """

    def evict(self, namespace: str, policy: CachePolicy, limits: Limits) -> Evicted:
        """One round: decides what is kept, deletes entries, and the artifacts of those that were deleted long ago.

        It can be interrupted at any point and called again; several may be at work at once.

        Raises:
            EngineError: the cluster or its artifact store failed.
        """

    def remove(self, namespace: str, selection: Selection, limits: Limits) -> Evicted:
        """Delete the entries that a step made. The decisions are on these, and on entries whose step is unknown.

        Args:
            namespace: where the engine keeps them.
            selection: which.
            limits: how long to wait before writing, and whether to write at all.

        Raises:
            EngineError: the cluster failed.
        """

    def manifests(self, schedule: Schedule) -> list[dict[str, Any]]:
        """The documents that let the engine keep results and evict by itself, with the least rights that this takes."""
