"""Contract of caching: the facts of an engine that decide whether a result may be reused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from couler_plugins.ir import Argument, Graph, Operation, Output, Reference, Source, Step, Workflow
from couler_plugins.options.rows import Row
from couler_plugins.plan import Decision
from couler_plugins.plan.objections import Objection, SourcePlace

__all__ = [
    "UNDECLARED",
    "CacheChange",
    "Declared",
    "EngineCache",
    "Knowledge",
    "Material",
    "Objection",
    "Request",
    "Said",
    "Shards",
    "SourcePlace",
]


class Said(NamedTuple):
    """What an owner says of caching at one place.

    Attributes:
        where: the place, to begin a sentence with.
        cache: `pure`, `ttl=24h`, `always` or `never`; None where that is not said.
        allow: what does not change the result although no key covers it: words with commas.
        itself: whether it is said of the step or of what it calls, and not of all that is around it.
        source: what it is written on; None where that is not known.
        seen: a text that is in the line with the words.
    """

    where: str
    cache: str | None = None
    allow: str = ""
    itself: bool = False
    source: Source | None = None
    seen: str = ""


class Declared:
    """What the settings say of the steps of one workflow; this one says nothing."""

    def said(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """Return what is said of a call, the first row first."""
        return ()

    def own(self, operation: Operation) -> str | None:
        """Return `pure`, `ttl=24h` or `never` where that is said of an operation whoever calls it."""
        return None

    def annotations(self, operation: Operation) -> Mapping[str, str]:
        """Return the annotations that mean the same as what is said of an operation, beside purity and waivers."""
        return {}

    def is_immutable(self, url: str) -> bool:
        """Return whether what is at a URL never changes."""
        return False

    def version_at(self, url: str) -> str:
        """Return which version is declared of what is at a URL; empty where none is."""
        return ""

    def remedy(self, operation: Operation, annotation: str, text: str) -> str | None:
        """Return what to write in the settings instead of an annotation; None where they do not name the operation."""
        return None


UNDECLARED = Declared()

V = TypeVar("V")
S_contra = TypeVar("S_contra", contravariant=True)


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation is, as far as its result depends on it.

    Attributes:
        content: all of it as JSON-like data, after the engine's defaults are applied, without names, retries, timeouts,
            scheduling, metrics, resources, labels, and without what caching itself adds. Strings that the engine
            completes at run time stand in it as they are.
        programs: the texts in it that are or may be programs: commands, scripts, environment, patches of the pod.
        source: where these texts are, if that is not where the operation is.
        reads: what it reads of the run by itself, beside its inputs and what all keys of a run cover; hashed by value
            at run time.
        inputs: whether it gets anything at all that can differ from run to run, or a version that its owner declared.
        entry_bytes: an upper estimate of what the cache keeps for one result, the outputs' own bytes left out where
            only a reference to them is kept.
        warnings: what its owner should know, each half a sentence.
        objections: why the engine's own facts forbid caching it.
        by_content: the same, where the contents of its input artifacts are in its key; None where that is the same.
        places: whether it reads (`in`), writes (`out`) or does both (`in,out`) at a place, by the input that names it.
        workspaces: the same of folders and volumes that it may share with other steps, by name, where that is known.
    """

    content: Any
    programs: tuple[str, ...] = ()
    source: Source | None = None
    reads: tuple[Reference, ...] = ()
    inputs: bool = True
    entry_bytes: int = 0
    warnings: tuple[str, ...] = ()
    objections: tuple[Objection, ...] = ()
    by_content: tuple[Objection, ...] | None = None
    places: Mapping[str, str] = {}
    workspaces: Mapping[str, str] = {}

    @property
    def reads_places(self) -> bool:
        """Whether its key covers what is at a place, which is only known when it runs."""
        return any("in" in words.split(",") for words in self.places.values())

    @property
    def writes_places(self) -> bool:
        """Whether a hit needs what it has left at a place to be there."""
        return any("out" in words.split(",") for words in self.places.values())


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
    def declared(self) -> Declared:
        """What the settings say of its steps."""
        return UNDECLARED

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
        """How often a step runs for its loop at most; None where only the run knows, or nobody has to."""
        return 1 if step.loop is None else None

    def covers_contents(self, operation: Operation) -> bool:
        """Whether a wrapper's key covers the contents of its input artifacts, and a wrapper keeps what it prints."""
        return False

    def repeats_inputs(self, output: Output) -> bool:
        """Whether an output parameter of an operation is known before that runs, and so says nothing of what it did."""
        return False

    def place_objection(self, argument: Argument) -> Objection | None:
        """Why an artifact that a call takes from outside of the workflow forbids caching; None if it never changes."""
        return Objection("unknown-reference", f"its argument {argument.name!r} comes from a place that is not known")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of a step whose worker makes its key.

    Attributes:
        declared: where its owner declared it pure; empty where nobody did.
        is_asked: whether its worker is to look at it; the worker may still have objections when it runs.
        note: what its owner should know of how it is cached, in half a sentence.
        waived: the words that its owner waives and that apply to it, sorted.
        objections: all that is against caching it.
        doubts: what only a run can tell.
    """

    declared: str = ""
    is_asked: bool = False
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


class CacheChange(msgspec.Struct, frozen=True, kw_only=True):
    """What caching makes of one workflow.

    Attributes:
        workflow: the workflow; the same object where nothing changes.
        changed: the calls that are cached in another way than before, or no longer, by graph and step.
        decisions: on its calls, in order.
        copies: new workflows that it refers to, cached copies of others.
        outside: the decisions on calls of its operations from other workflows, by operation.
    """

    workflow: Workflow
    changed: frozenset[tuple[str, str]] = frozenset()
    decisions: Sequence[Decision] = ()
    copies: tuple[Workflow, ...] = ()
    outside: Mapping[str, Decision] = {}


class EngineCache(Protocol[V, S_contra]):
    """What reuses results of one workflow on its engine; made for one run of the optimizer `cache`.

    An adapter derives its own from one of the classes in `couler_plugins.caching.key_models`. `V` is what they know of
    a call; the settings are `couler_plugins.caching.settings.CacheSettings`.
    """

    key_model: ClassVar[Literal["written", "fingerprint", "by-value", "worker"]]
    """Who makes the keys: we (the manifest shows them), the engine, the pods from values and files, or the workers."""

    options: ClassVar[frozenset[str]]
    """The options of `cache{…}` that it takes, by their names in Python; all take `assume_pure`."""

    rows: Sequence[Row] = ()
    """What the settings say of steps by patterns."""

    part_of: str = ""
    """The workflow that was split, where this is a part of it: what its steps come after is not to be seen here."""

    @property
    def bare(self) -> Workflow:
        """The workflow without what caching added to it."""

    def task_name(self, operation: Operation) -> str:
        """Return what the owner calls an operation; rows of the settings name it so."""
        return operation.name

    def declared_pure(self, graph: Graph | None, step: Step, operation: Operation) -> str:
        """Return where its owner declares a call pure, and not only what is around it; empty where nobody does."""
        return ""

    def verdicts(self, settings: S_contra) -> Mapping[tuple[str, str], V]:
        """Return what is found about each call, by graph and step, whatever keeps the results."""

    def admit(self, verdicts: Mapping[tuple[str, str], V], settings: S_contra) -> Mapping[tuple[str, str], Any]:
        """Return the verdicts with what stands against keeping the results."""
        return verdicts

    def result_keys(self, *, assume_pure: bool = False) -> Mapping[tuple[str, str], str]:
        """Return the keys of results that are clear before a run, by graph and step; most depend on the run.

        Args:
            assume_pure: whether a step of which nothing is said counts as declared pure.
        """
        return {}

    def apply(self, verdicts: Mapping[tuple[str, str], Any], settings: S_contra) -> CacheChange:
        """Return the workflow with everything cached that the verdicts allow, and why."""
