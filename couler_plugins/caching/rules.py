"""The rules that forbid caching, as far as they need no engine; `waivers` says which of them an owner can waive."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from couler_plugins.caching.declarations import PLACE, declared_places, place_problems
from couler_plugins.caching.impurity_patterns import impure_expression, impurities
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import (
    ANY_STEP,
    AnyOf,
    Argument,
    External,
    Literal,
    Native,
    Not,
    Operation,
    Reference,
    Step,
    Template,
    needed,
    nodes,
    references,
)

CERTAIN = frozenset({"succeeded", "skipped", "daemoned"})
"""Outcomes that a step waits for by default: whether it was skipped is told by the step itself (see `uncertain`)."""

HANDLER = Objection("handler", "it runs on an event, for its effect")
COMPOSITE = Objection("composite", "it calls a graph that has a step without a key")
TOO_MANY = Objection("too-many-values", "too many values of the steps before it are only known at run time")
ALL_INPUTS = Objection(
    "argument", "it reads all its inputs as one text, which would change with the input that couler adds", "storage"
)
DYNAMIC = Objection(
    "dynamic", "another step of its workflow chooses at run time what it calls, and may choose this one"
)
NOT_FOR_ALL = Objection("not-declared", "other workflows can call it, so it needs a declaration of its own")
FROM_CALLER = Objection("unknown-producer", "its artifacts come from whoever calls it")
PRINTED = Objection(
    "printed-result", "another workflow may read its printed output, which a cached result lacks", "storage"
)


UNVERIFIED = Objection("place", "nobody verifies what is at its places on its engine")
ONLY_WRAPPED = Objection(
    "place",
    "only a wrapper verifies what is at its places",
    "storage",
    "-p 'cache{via=wrapper,store=s3://bucket/cache,image=…}'",
)


def reference_objection(reference: Reference, where: str) -> Objection | None:
    """Why something that is looked up at run time forbids caching; None where a key can cover it.

    Args:
        reference: what is looked up.
        where: what looks it up, to begin a sentence with.
    """
    match reference.to:
        case "item":
            return None
        case "input" if reference.kind == "parameter" and not reference.name:  # all of them, as one text
            return None
        case "parameter" | "input" if reference.name and (reference.kind == "artifact" or not reference.path):
            return None
        case "output" if reference.step != ANY_STEP:
            return None
        case "global":
            return Objection("global-output", f"{where} reads an output of the whole run, {reference.name!r}")
        case "secret":
            return Objection("secret", f"{where} reads the secret {reference.name!r}", seen=reference.name)
        case "run":
            name = ".".join((reference.name, *reference.path))
            reason = f"{where} reads {name}, which differs from run to run"
            return Objection("run-context", reason, seen=reference.native)
        case "status":
            return Objection("run-context", f"{where} reads how {reference.step!r} went ({reference.name})")
    return Objection(
        "unknown-reference", f"{where} reads {reference.native or reference.name!r}, whose value is unknown"
    )


def place_objections(material: Material, declared: Mapping[str, str], operation: Operation) -> Iterator[Objection]:
    """Why places that are declared cannot be looked at.

    Args:
        material: what an operation is.
        declared: the annotations that rows of the settings stand for.
        operation: the operation.
    """
    parameters = {port.name for port in operation.inputs if port.kind == "parameter"}
    if not material.places and declared_places(declared):
        yield UNVERIFIED
    yield from (Objection("place", problem) for problem in place_problems(material.places))
    for name in sorted(material.places.keys() - parameters):
        yield Objection("place", f"it has no input parameter {name!r} that names a place")


def operation_objections(operation: Operation, material: Material) -> Iterator[Objection]:
    """Why an operation is cached nowhere."""
    if operation.memoized is not None:
        yield Objection("cached-by-owner", "its owner caches it already")
    if operation.daemon:
        yield Objection("daemon", "it keeps running beside the steps after it")
    for output in operation.outputs:
        if output.exported is not None:
            yield Objection("global-output", f"its output {output.name!r} is exported to the whole run")
    yield from material.objections
    yield from impurities(tuple(material.programs))
    if (objection := impure_expression(operation)) is not None:
        yield objection
    if not material.inputs:
        yield Objection("no-inputs", "it has neither inputs nor a version, so its key would never change")


def key_objections(operation: Operation) -> Iterator[Objection]:
    """Why no key of ours can be written down in an operation, or cover all its inputs."""
    for port in operation.inputs:
        if port.kind == "parameter" and port.name.startswith(LINEAGE):
            yield Objection("argument", f"its input {port.name!r} has a name that couler reserves", "storage")
        if port.optional:
            yield Objection("optional-input", f"its input {port.name!r} may be missing")
    if operation.inline:
        yield Objection("inline", "it is written inline, and only what has a name is cached", "storage")


def call_objections(step: Step) -> Iterator[Objection]:
    """Why a call is not cached, whatever it calls and whoever makes the key."""
    if isinstance(step.call, External):
        yield Objection("external", f"it calls another workflow: {step.call.description}")
    if step.role != "normal":
        yield Objection("role", f"it is a {step.role}, which runs for its effect")
    if (objection := uncertain_needs(step)) is not None:
        yield objection
    if (objection := impure_expression((step.arguments, step.loop))) is not None:
        yield objection


def default_objections(step: Step, operation: Operation, names: Collection[str] | None = None) -> Iterator[Objection]:
    """Why a call that leaves inputs to their defaults is not cached: a default that no other run has again.

    Args:
        step: the call.
        operation: what it calls.
        names: the inputs that are meant; all of them unless given.
    """
    passed = {argument.name for argument in step.arguments}
    for port in operation.inputs:
        if port.name not in passed and (names is None or port.name in names):
            for reference in references((port.value, port.default)):
                if (objection := reference_objection(reference, f"the default of its input {port.name!r}")) is not None:
                    yield objection


def argument_objections(step: Step, *, by_content: bool = False) -> Iterator[Objection]:
    """Why no key of ours covers what a call is given.

    Args:
        step: the call.
        by_content: whether its key covers the contents of artifacts, wherever they come from.
    """
    for argument in step.arguments:
        if not (by_content and argument.kind == "artifact" and isinstance(argument.value, Native)):
            yield from _argument_objections(argument)


def _argument_objections(argument: Argument) -> Iterator[Objection]:
    where = f"its argument {argument.name!r}"
    for reference in references(argument.value):
        if (objection := reference_objection(reference, where)) is not None:
            yield objection
    value = argument.value
    match value:
        case Literal():
            return
        case Reference():
            if (argument.kind == "artifact") is not (reference_kind(value) == "artifact"):
                yield Objection("argument", f"{where} is passed on in a way that no cache key covers")
        case Template() if argument.kind == "parameter":
            if any(reference_kind(reference) == "artifact" for reference in references(value)):
                yield Objection("argument", f"{where} is chosen among artifacts at run time")
        case Native() if argument.kind == "artifact":
            return  # the adapter judges places outside of the workflow
        case _:
            yield Objection("argument", f"{where} is chosen at run time in a way that no cache key covers")


def fingerprint_objections(step: Step, *, by_content: bool = False) -> Iterator[Objection]:
    """Why an engine's own fingerprint of what a call is given says too little, or differs from run to run.

    Args:
        step: the call.
        by_content: as for `argument_objections`; an engine's own key never covers contents.
    """
    for argument in step.arguments:
        for reference in references(argument.value):
            if reference.to in ("global", "run", "secret", "status"):
                objection = reference_objection(reference, f"its argument {argument.name!r}")
                assert objection is not None
                yield objection


def reference_kind(reference: Reference) -> str:
    """`artifact` or `parameter`: what a reference hands on."""
    return "artifact" if reference.kind == "artifact" and not reference.path else "parameter"


def uncertain_needs(step: Step) -> Objection | None:
    """Why a step may run although not all that is before it has succeeded; None where it may not."""
    if any(isinstance(node, (AnyOf, Not)) for node in nodes(step.needs)):
        return Objection("uncertain-producer", f"{step.name!r} runs after any one of several steps")
    for need in needed(step.needs):
        if not CERTAIN.issuperset(need.outcomes):
            return Objection("uncertain-producer", f"{step.name!r} runs whether {need.step!r} succeeds or not")
    return None


def uncertain(step: Step) -> Objection | None:
    """Why a step may leave nothing behind although the steps after it run; None where it may not."""
    if step.condition is not None:
        return Objection("uncertain-producer", f"{step.name!r} before it may be skipped")
    if step.handlers:
        return Objection("uncertain-producer", f"{step.name!r} before it has a hook, which may do anything")
    if step.tolerates:
        return Objection("uncertain-producer", f"{step.name!r} before it may fail")
    return None


def unknown_producer(name: str, verdict: Verdict) -> Objection:
    """The objection to what comes after a step without a key."""
    why, reads = verdict.objection, ""
    reason = f" ({why.reason})" if why and why.rule != "unknown-producer" and why.against == "reuse" else ""
    if verdict.max_age is not None:
        reason = " (its result is made anew after a time)"
    if verdict.facts is not None and verdict.facts.material.writes_places:
        reason = " for what it writes at places"
        reads = f"{PLACE}NAME: in, if it reads what {name!r} has written; if not, "
    return Objection("unknown-producer", f"{name!r} runs before it and has no cache key{reason}", remedy=reads)
