"""Steps whose results an engine's own cache cannot keep, and a wrapper around their command can."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import Caching
from couler_plugins.hookspecs.verdicts import Verdict, Wrapper
from couler_plugins.ir import Operation, references

__all__ = ["WORKSPACE", "check_wrapper", "wrapped"]

PLAIN = re.compile(r"[^\s{}]+")
"""What an engine takes as it stands: without a reference that it would look up."""
SECRET = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
QUANTITY = re.compile(rf"(\d{{1,15}}(?:\.\d{{1,3}})?)({'|'.join(UNITS)})")
LEAST_MEMORY = 128 * 1024**2  # bytes: a client of S3 takes a hundred million, and who has less is killed
OF_ONE_POD = frozenset({"file", "local", "memory"})
"""Schemes of what a pod has for itself."""
WORKSPACE = "workspace://"
"""How a store begins that tasks have in a workspace, where their engine has such."""
LONGEST = 86_400  # seconds
LONGEST_NAME = 253


def check_wrapper(wrapper: Wrapper) -> Wrapper:
    """Return what wrappers are told, if it makes sense: a mistake in it would be one in every step that is wrapped.

    Raises:
        InvalidInput: the store or the image is not said, the store is none that pods share, or holds a secret, or
            something else would have every wrapped step fail.
    """
    for name in ("store", "image"):
        if not getattr(wrapper, name):
            hint = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler-cache@sha256:…}"
            raise InvalidInput(f"a wrapper needs to know the {name}", hint=hint)
    _check_store(wrapper.store, wrapper.namespace)
    if not PLAIN.fullmatch(wrapper.image):
        raise InvalidInput(f"{wrapper.image!r:.80} is no image", hint="image=registry/couler-cache@sha256:…")
    if wrapper.secret and not (SECRET.fullmatch(wrapper.secret) and len(wrapper.secret) <= LONGEST_NAME):
        raise InvalidInput(f"{wrapper.secret!r:.80} cannot be the name of a secret", hint="letters, digits, - and .")
    if not 1 <= wrapper.timeout <= LONGEST:
        raise InvalidInput(f"a wrapper's timeout is 1 to {LONGEST:,} seconds", hint="timeout=600")
    if wrapper.cpu != "none" and not _amount(wrapper.cpu):
        raise InvalidInput(f"{wrapper.cpu!r:.80} is no amount of cpu as Kubernetes writes it", hint="cpu=250m")
    if wrapper.memory != "none" and _amount(wrapper.memory) < LEAST_MEMORY:
        hint = f"memory=512Mi, at least {LEAST_MEMORY:,} bytes"
        raise InvalidInput(f"{wrapper.memory!r:.80} is too little memory, or not as Kubernetes writes it", hint=hint)
    return wrapper


def _amount(text: str) -> float:
    """A quantity of Kubernetes as a number; 0 for what is none."""
    found = QUANTITY.fullmatch(text)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def _check_store(url: str, namespace: str) -> None:
    from couler_plugins.caching.artifacts.names import check_namespace
    from couler_plugins.redacting import redact

    check_namespace(namespace)
    if redact(url) != url:
        hint = "name a secret of the engine instead: secret=…"
        raise InvalidInput("a wrapper's store says what gives access to it, and manifests show it", hint=hint)
    scheme, _, rest = url.partition("://")
    if not PLAIN.fullmatch(url) or not rest or scheme.lower() in OF_ONE_POD:
        raise InvalidInput(f"pods do not share a store at {url!r:.80}", hint="store=s3://bucket/cache")


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
        objections = (msgspec.structs.replace(objection, reason=reason), *verdict.objections[1:])
        return msgspec.structs.replace(verdict, objections=objections)
    return msgspec.structs.replace(verdict, objections=(), wrapper=wrapper.options(verdict.max_age))


def _takes_lineage_for_its_own(operation: Operation, *, handed: bool) -> bool:
    """Whether parameters that carry a lineage would change what an operation does."""
    if any(port.kind == "parameter" and port.name.startswith(LINEAGE) for port in operation.inputs):
        return True
    return handed and any(item.to == "input" and not item.name for item in references(operation))
