"""The contract of caching: what an engine knows of a step that decides whether its result may be reused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from couler_plugins.plan.objections import Objection, SourcePlace

if TYPE_CHECKING:
    from couler_plugins.hookspecs.declarations import Said
    from couler_plugins.hookspecs.verdicts import KnownArtifact, Verdict, Wrapper
    from couler_plugins.ir import Argument, Graph, Operation, Output, Port, Reference, Step, Value, Workflow

__all__ = [
    "Caching",
    "FingerprintCaching",
    "Knowledge",
    "Material",
    "Objection",
    "PodCaching",
    "Request",
    "Shards",
    "SourcePlace",
    "WorkerCaching",
    "Wrapped",
]


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation is, as far as its result depends on it.

    Attributes:
        content: all of it as JSON-like data, after the engine's defaults are applied, without names, retries, timeouts,
            scheduling, metrics, resources, labels, and without what caching itself adds. Strings that the engine
            completes at run time stand in it as they are.
        programs: the texts in it that are or may be programs: commands, scripts, environment, patches of the pod.
        reads: what it reads of the run by itself, beside its inputs and what all keys of a run cover; hashed by value
            at run time.
        inputs: whether it gets anything at all that can differ from run to run, or a version that its owner declared.
        entry_bytes: an upper estimate of what the cache keeps for one result, the outputs' own bytes left out where
            only a reference to them is kept.
        warnings: what its owner should know, each half a sentence.
        objections: why the engine's own facts forbid caching it.
    """

    content: Any
    programs: tuple[str, ...] = ()
    reads: tuple[Reference, ...] = ()
    inputs: bool = True
    entry_bytes: int = 0
    warnings: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()


class Shards(msgspec.Struct, frozen=True, kw_only=True):
    """The places of an engine's own cache, over which results spread evenly by their keys.

    Attributes:
        number: how many there are.
        bytes: how much the engine can keep in each of them.
    """

    number: int
    bytes: int


class Knowledge(Protocol):
    """What an adapter knows of one workflow that decides whether results of its steps may be reused."""

    @property
    def part_of(self) -> str:
        """The workflow that was split, where this is a part of it: what its steps come after is not to be seen here."""

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """What the owner says of caching this step, the nearest place first."""

    def own_declaration(self, operation: Operation) -> str | None:
        """What the owner says on the operation itself; only that holds for calls from other workflows."""

    def how_to_declare(self, operation: Operation) -> str:
        """What the owner would paste where, to declare the operation pure."""

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        """What the owner would paste where, to waive what these words stand for."""

    def how_to_version(self, operation: Operation) -> str:
        """What the owner would paste where, to declare a version of an operation without inputs."""

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What the operation is; `result` says whether somebody may read what it prints."""

    def items(self, step: Step) -> int | None:
        """How often a step runs for its loop at most; None where only the run knows."""

    def place_objection(self, argument: Argument) -> Objection | None:
        """Why an artifact that a call takes from outside of the workflow forbids caching; None if it never changes."""


class Caching(Knowledge, Protocol):
    """An adapter's facet for one workflow of an engine that keeps results under keys that we write down for it."""

    @property
    def shards(self) -> Shards | None:
        """The shards of the engine's own cache; None where it has no limit."""

    @property
    def needs_rights(self) -> Objection | None:
        """Why a stock install of the engine may not keep results in its own cache; None where it may."""

    def without_traces(self, workflow: Workflow) -> Workflow:
        """The workflow without what earlier caching left behind where its owner has edited it since."""

    def how_to_bound(self, operation: Operation) -> str:
        """What the owner would paste where, to say how many results a loop over the operation gives at most."""

    def wrapper_objection(self, operation: Operation, material: Material) -> Objection | None:
        """Why a wrapper around its command cannot keep what the engine's own cache cannot; None where it can."""

    def wrapper_note(self, operation: Operation, timeout: int) -> str:
        """What a wrapper changes beside its command, in half a sentence for its owner; empty where that is nothing.

        Args:
            operation: the operation.
            timeout: how many seconds the store may take before the command, and after it.
        """


class FingerprintCaching(Knowledge, Protocol):
    """An adapter's facet for one workflow of an engine that makes a fingerprint of each step, and so a key, by itself.

    The fingerprint covers all that a step is given: parameters by value, artifacts by an identity that is another one
    whenever they are made anew. What else a result depends on has to reach it as an input: the salt. Each step has a
    switch, which the engine's own tools turn on for whatever nobody has thought about.
    """

    def is_on(self, step: Step) -> bool:
        """Whether the engine caches this step as it stands."""

    def switched(self, step: Step, on: bool) -> Step:
        """The step with its switch there; all that its owner said of caching it is gone where it is turned off."""

    def owners(self, step: Step, operation: Operation) -> Objection | None:
        """Why the switch is its owner's own word, that nobody else touches; None where it is not."""

    def input_for_salt(self, name: str) -> Port:
        """An input that a step need not be given, for an operation to take a text that it never reads."""

    def constant(self, output: Output, value: Any) -> Value | Objection:
        """What is handed on in place of an output parameter whose value is known; the objection where it does not fit.

        Args:
            output: the output.
            value: JSON-like data, from a record that nobody has checked.
        """

    def imported(
        self, wanted: str, output: Output, artifact: KnownArtifact, key: str
    ) -> tuple[Step, Operation] | Objection:
        """A step that hands on an artifact which is there already, and what it calls; the objection where none can.

        Args:
            wanted: the name of the step.
            output: what the artifact is an output of.
            artifact: where it is, from a record that nobody has checked.
            key: the key of the result that it belongs to.
        """


class Wrapped(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow whose pods look results up.

    Attributes:
        workflow: the workflow; the same object where nothing changes.
        added: what it refers to that is new.
        changed: the calls that are cached in another way than before, or no longer, by graph and step.
    """

    workflow: Workflow
    added: tuple[Workflow, ...] = ()
    changed: frozenset[tuple[str, str]] = frozenset()


class PodCaching(Knowledge, Protocol):
    """An adapter's facet for one workflow of an engine that keeps nothing: its pods look results up and keep them.

    The key is made in the pod, of all parameters by value and of declared files by their content.
    """

    @property
    def bare(self) -> Workflow:
        """The workflow without what caching added, and with all in it that it calls, as far as that is known."""

    def call_objection(self, place: tuple[str, str]) -> Objection | None:
        """Why the engine forbids that a call is cached, whatever it calls; None where it does not."""

    def store_objection(self, operation: Operation, wrapper: Wrapper) -> Objection | None:
        """Why its results cannot be kept in this store; None where they can."""

    def wrapped(self, verdicts: Mapping[tuple[str, str], Verdict], wrapper: Wrapper | None) -> Wrapped:
        """The workflow with these calls cached, and all others not.

        Args:
            verdicts: those on calls that are cached, by graph and step; of a library of one operation, by its name.
            wrapper: what the pods are told; None where nothing is cached.
        """


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of a step whose worker makes its key.

    Attributes:
        declared: where its owner declared it pure; empty where nobody did.
        asked: whether its worker is to look at it; the worker may still have objections when it runs.
        note: what its owner should know of how it is cached, in half a sentence.
        waived: the words that its owner waives and that apply to it, sorted.
        objections: all that is against caching it.
        doubts: what only a run can tell.
    """

    declared: str = ""
    asked: bool = False
    note: str = ""
    waived: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()
    doubts: tuple[Objection, ...] = ()

    @property
    def verdict(self) -> Literal["cached", "declarable", "never", "run-time"]:
        """What becomes of the step: `declarable` would be cached after declarations, `run-time` depends on the run."""
        if self.objections:
            return "declarable" if all(item.remedy for item in self.objections) else "never"
        return "run-time" if self.doubts else "cached"


class WorkerCaching(Protocol):
    """An adapter's facet for one workflow of an engine whose workers look results up, under keys that they make."""

    @property
    def settings_objection(self) -> Objection | None:
        """Why workers with the settings of this place cache nothing at all; None where they do."""

    def requests(self, *, assume_pure: bool, explains: bool) -> Mapping[tuple[str, str], Request]:
        """Return what to ask of each step, by graph and step, in the order of the source.

        Args:
            assume_pure: whether a step of which its owner says nothing counts as declared pure.
            explains: whether anybody reads objections and doubts; which steps are asked is the same without.
        """
