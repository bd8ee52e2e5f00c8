"""What caching finds about calls, and what wrappers are told: words of its contract."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins import ir
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Operation, Reference, Value

__all__ = ["Facts", "KnownArtifact", "Lineage", "Verdict", "Wrapper"]


class Lineage(msgspec.Struct, frozen=True):
    """What something was made by.

    Attributes:
        digest: the hash of what is known at compile time.
        leaves: what is only known at run time, each once, in an order that the digest fixes.
    """

    digest: str
    leaves: tuple[Reference, ...] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """What a step has to be handed, in order, so that its key covers this lineage."""
        return (ir.Literal(value=self.digest), *self.leaves)


class Facts(NamedTuple):
    """What holds of an operation wherever it is called.

    Attributes:
        operation: the operation.
        material: what it is, as its engine sees it.
        spec: its spec hash.
        objections: every rule against reusing what it makes, then every rule against keeping it.
        waived: what its owner says does not change the result, in words; the spec hash covers them.
    """

    operation: Operation
    material: Material
    spec: str
    objections: tuple[Objection, ...]
    waived: tuple[str, ...] = ()

    @property
    def objection(self) -> Objection | None:
        """The first rule against reusing what it makes; None where there is none."""
        return next((item for item in self.objections if item.against == "reuse"), None)

    @property
    def storage(self) -> Objection | None:
        """The first rule against keeping what it makes; None where there is none."""
        return next((item for item in self.objections if item.against == "storage"), None)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one call site.

    Attributes:
        objections: every rule against caching it, the one that decides first; empty where it is cached.
        declarable: whether its owner's word is all that is missing.
        made: the lineage of what it makes; None where that has no key.
        handed: the values that its key has to cover beside its inputs, in order.
        facts: of the operation that it calls; None where it calls none.
        warnings: what would be against caching it if its owner had not declared the thing itself.
        declared: where its owner says that it is pure; empty where nobody does.
        max_age: how many seconds a result may be reused for; None for ever.
        entries: how many results one run adds; None where only the run knows.
        wrapper: what a wrapper around the command is told that keeps its results, where the engine's own cache cannot.
        choice: what the policy says of keeping its results, in half a sentence; empty where none was asked.
    """

    objections: tuple[Objection, ...] = ()
    declarable: bool = False
    made: Lineage | None = None
    handed: tuple[Value, ...] = ()
    facts: Facts | None = None
    warnings: tuple[Objection, ...] = ()
    declared: str = ""
    max_age: int | None = None
    entries: int | None = None
    wrapper: tuple[tuple[str, str], ...] = ()
    choice: str = ""

    @property
    def objection(self) -> Objection | None:
        """The rule that decides against caching it; None where it is cached."""
        return self.objections[0] if self.objections else None

    @property
    def waived(self) -> tuple[str, ...]:
        """The words that its owner waives."""
        return () if self.facts is None else self.facts.waived


class KnownArtifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An artifact that is there: where it is, and what is said of it."""

    uri: str
    metadata: dict[str, Any] = {}


class Wrapper(msgspec.Struct, frozen=True, kw_only=True):
    """What wrappers are told.

    Attributes:
        store: the URL of the artifact cache.
        image: the image that `couler cache` comes from.
        namespace: the part of the store that is meant.
        secret: the engine's secret with what gives access to the store; empty for none.
        timeout: how many seconds the store may take before a command, and after it.
        cpu: what each of the wrapper's containers requests, and gets at most, as Kubernetes writes it; `none` to say
            nothing of it.
        memory: the same of memory.
        security: `restricted`: they ask for what the Pod Security Standard of that name wants; `inherit`: for nothing.
    """

    store: str
    image: str
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600
    cpu: str = "250m"
    memory: str = "512Mi"
    security: Literal["restricted", "inherit"] = "restricted"

    def options(self, max_age: int | None) -> tuple[tuple[str, str], ...]:
        """What the directive says of it."""
        said = {**msgspec.structs.asdict(self), "timeout": str(self.timeout), "via": "wrapper"}
        return (("max-age", "" if max_age is None else f"{max_age}s"), *sorted(said.items()))
