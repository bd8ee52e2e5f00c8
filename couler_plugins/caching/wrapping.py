"""Steps whose results an engine's own cache cannot keep, and a wrapper around their command can."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from couler_plugins.caching.artifacts.sources import check_namespace
from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Operation, parse_quantity, references
from couler_plugins.net.redacting import redact

PLAIN = re.compile(r"[^\s{}]+")
"""What an engine takes as it stands: without a reference that it would look up."""
SECRET = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
MOST_CPU = 256  # cores: no pod that asks for more finds a node
LEAST_MEMORY = 128 * 1024**2  # bytes: a client of S3 takes a hundred million, and who has less is killed
OF_ONE_POD = frozenset({"file", "local", "memory"})
"""Schemes of what a pod has for itself."""
WORKSPACE = "workspace://"
"""How a store begins that tasks have in a workspace, where their engine has such."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What https://kubernetes.io/docs/concepts/security/pod-security-standards/ calls restricted. It names no user: the
image has one, a pod may have another, and OpenShift gives a namespace its own. Argo's launcher, which is what the
command is, makes the copies of its outputs readable for all, and an `emptyDir` can be written by all."""
UNDECLARED = {"not-declared"}
OR_WRAPPER = ", or cache{via=wrapper,…}"
"""How a remedy ends of what the engine's own cache lacks; it is no help where a command cannot be wrapped."""
LONGEST = 86_400  # seconds
LONGEST_NAME = 253


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
        program: the command or the path of `couler` where the images of steps have it, instead of `image`.

    Raises:
        InvalidInput: the store or the image is not said, the store is none that pods share, or holds a secret, or
            something else would have every wrapped step fail.
    """

    store: str
    image: str
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600
    cpu: str = "250m"
    memory: str = "512Mi"
    security: Literal["restricted", "inherit"] = "restricted"
    program: str = ""

    def __post_init__(self) -> None:
        """Checks what was given: a mistake in it would be one in every step that is wrapped."""
        for name in ("store", *([] if self.program else ["image"])):
            if not getattr(self, name):
                hint = "cache{via=wrapper,store=s3://bucket/cache,image=registry/couler-cache@sha256:…}"
                raise InvalidInput(f"via=wrapper needs the option {name}", hint=hint)
        _check_store(self.store, self.namespace)
        if not PLAIN.fullmatch(self.image or self.program):
            raise InvalidInput(f"{self.image!r:.80} is no image", hint="image=registry/couler-cache@sha256:…")
        if self.secret and not (SECRET.fullmatch(self.secret) and len(self.secret) <= LONGEST_NAME):
            raise InvalidInput(f"{self.secret!r:.80} cannot be the name of a secret", hint="letters, digits, - and .")
        if not 1 <= self.timeout <= LONGEST:
            raise InvalidInput(f"a wrapper's timeout is 1 to {LONGEST:,} seconds", hint="timeout=600")
        if self.cpu != "none" and not 0 < (parse_quantity(self.cpu) or 0) <= MOST_CPU:
            raise InvalidInput(f"{self.cpu!r:.80} is no amount of cpu as Kubernetes writes it", hint="cpu=250m")
        if self.memory != "none" and (parse_quantity(self.memory) or 0) < LEAST_MEMORY:
            hint = f"memory=512Mi, at least {LEAST_MEMORY:,} bytes"
            raise InvalidInput(f"{self.memory!r:.80} is too little memory, or not as Kubernetes writes it", hint=hint)

    def options(self, max_age: int | None) -> tuple[tuple[str, str], ...]:
        """What the directive says of it."""
        said = {**msgspec.structs.asdict(self), "timeout": str(self.timeout), "via": "wrapper"}
        del said["program"]
        return (("max-age", "" if max_age is None else f"{max_age}s"), *sorted(said.items()))


def flags(said: Mapping[str, str]) -> list[str]:
    """Return the options of a command of ours, without those that say nothing."""
    return [f"--{name}={text}" for name, text in said.items() if text]


def note_of(unkept: Objection | None, *, off: bool) -> str:
    """Return what the owner of a step with a salt should know of its wrapper.

    Args:
        unkept: why it has none.
        off: whether its engine's own cache is switched off for it.
    """
    if unkept is not None:
        return f"it is not wrapped: {unkept.advice} (rule {unkept.rule})"
    if off:
        return "its engine's own cache is off, and its wrapper looks it up by the contents of its artifacts"
    return "what its engine does not have, its wrapper looks up by the contents of its artifacts"


def _check_store(url: str, namespace: str) -> None:
    check_namespace(namespace)
    if redact(url) != url:
        hint = "name a secret of the engine instead: secret=…"
        raise InvalidInput("the URL in `store` has credentials, and the manifest would show them", hint=hint)
    scheme, _, rest = url.partition("://")
    if not PLAIN.fullmatch(url) or not rest or scheme.lower() in OF_ONE_POD:
        raise InvalidInput(f"pods do not share a store at {url!r:.80}", hint="store=s3://bucket/cache")


def wrapped(
    verdicts: Mapping[Place, Verdict],
    wrapper_objection: Callable[[Operation, Material], Objection | None],
    wrapper: Wrapper,
    wrapper_options: Callable[[Operation, Material], Mapping[str, str]] = lambda operation, material: {},
) -> dict[Place, Verdict]:
    """Return the verdicts, those changed to a wrapper that only the engine's own cache stands against.

    Their keys are those that memoization would have, and cover the contents of artifacts as well where a wrapper can.

    Args:
        verdicts: what was found about each call.
        wrapper_objection: says why a command cannot be wrapped.
        wrapper: what wrappers are told.
        wrapper_options: returns what a wrapper is told of one operation alone.
    """

    def one(verdict: Verdict) -> Verdict:
        objection, other = verdict.objection, verdict.by_content or verdict
        facts = other.facts
        if objection is None or facts is None:
            return verdict
        remaining = tuple(item for item in other.objections if item.against == "reuse")
        refusal = wrapper_objection(facts.operation, facts.material)
        if refusal is not None or _takes_lineage_for_its_own(facts.operation, has_lineage=bool(other.lineages)):
            first, *more = other.objections or (msgspec.structs.replace(objection, against="storage"),)
            if refusal is not None and first.against == "storage":
                remedy = first.remedy.partition(OR_WRAPPER)[0]
                first = msgspec.structs.replace(first, reason=f"{first.reason}; {refusal.reason}", remedy=remedy)
            return msgspec.structs.replace(other, objections=(first, *more))
        if remaining:
            return msgspec.structs.replace(
                other, objections=remaining, declarable={item.rule for item in remaining} == UNDECLARED
            )
        own = sorted(wrapper_options(facts.operation, facts.material).items())
        return msgspec.structs.replace(other, objections=(), wrapper=(*wrapper.options(other.max_age), *own))

    return {place: one(verdict) for place, verdict in verdicts.items()}


def _takes_lineage_for_its_own(operation: Operation, *, has_lineage: bool) -> bool:
    """Whether parameters that carry a lineage would change what an operation does."""
    if any(port.kind == "parameter" and port.name.startswith(LINEAGE) for port in operation.inputs):
        return True
    return has_lineage and any(item.to == "input" and not item.name for item in references(operation))
