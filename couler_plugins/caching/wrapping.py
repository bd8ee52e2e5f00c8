"""Steps whose results an engine's own cache cannot keep, and a wrapper around their command can."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import Caching
from couler_plugins.ir import Operation, references

__all__ = ["Wrapper", "wrapped"]


class Wrapper(msgspec.Struct, frozen=True, kw_only=True):
    """What wrappers are told.

    Attributes:
        store: the URL of the artifact cache.
        image: the image that `couler cache` comes from.
        namespace: the part of the store that is meant.
        secret: the engine's secret with what gives access to the store; empty for none.
        timeout: how many seconds the store may take before a command, and after it.

    Raises:
        InvalidInput: the store or the image is not said, the store holds a secret, or the timeout is negative.
    """

    store: str
    image: str
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600

    def __post_init__(self) -> None:
        """Checks what was given."""
        for name in ("store", "image"):
            if not getattr(self, name):
                hint = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler-cache@sha256:…}"
                raise InvalidInput(f"a wrapper needs to know the {name}", hint=hint)
        from couler_plugins.caching.artifacts.redact import redact

        if redact(self.store) != self.store:
            hint = "name a secret of the engine instead: secret=…"
            raise InvalidInput("a wrapper's store says what gives access to it, and manifests show it", hint=hint)
        if self.timeout < 0:
            raise InvalidInput("a wrapper's timeout is a number of seconds", hint="timeout=600")

    def options(self, max_age: int | None) -> tuple[tuple[str, str], ...]:
        """What the directive says of it."""
        said = {**msgspec.structs.asdict(self), "timeout": str(self.timeout), "via": "wrapper"}
        return (("max-age", "" if max_age is None else f"{max_age}s"), *sorted(said.items()))


def wrapped(verdicts: Mapping[Place, Verdict], facet: Caching, wrapper: Wrapper) -> dict[Place, Verdict]:
    """The verdicts, those changed to a wrapper that only the engine's own cache stands against.

    Their keys are those that memoization would have.
    """
    return {place: _wrapped(verdict, facet, wrapper) for place, verdict in verdicts.items()}


def _wrapped(verdict: Verdict, facet: Caching, wrapper: Wrapper) -> Verdict:
    objection, facts = verdict.objection, verdict.facts
    if objection is None or objection.against != "storage" or facts is None or not verdict.declared:
        return verdict
    if _takes_lineage_for_its_own(facts.operation, handed=bool(verdict.handed)):
        return verdict
    if (refusal := facet.wrapper_objection(facts.operation, facts.material)) is not None:
        reason = f"{objection.reason}; {refusal.reason}"
        return msgspec.structs.replace(verdict, objection=msgspec.structs.replace(objection, reason=reason))
    return msgspec.structs.replace(verdict, objection=None, wrapper=wrapper.options(verdict.max_age))


def _takes_lineage_for_its_own(operation: Operation, *, handed: bool) -> bool:
    """Whether parameters that carry a lineage would change what an operation does."""
    if any(port.kind == "parameter" and port.name.startswith(LINEAGE) for port in operation.inputs):
        return True
    return handed and any(item.to == "input" and not item.name for item in references(operation))
