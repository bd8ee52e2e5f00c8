"""What stands against caching an operation once its owner's waivers are heeded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from couler_plugins.caching.keys import spec_hash
from couler_plugins.caching.waivers import GUESSES, waiver_of
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.verdicts import Facts
from couler_plugins.ir import Operation, references

__all__ = ["waive", "waive_place", "with_words"]

NOT_WAIVED = "a key covers its inputs by value, so that cannot be waived"
BY_VALUE = frozenset({"run-context", "secret"})
"""Rules about what an input may be, which is then in the key."""


def waive(
    facts: Facts, words: Collection[str], how: Callable[[Sequence[str]], str], *, itself: bool
) -> tuple[Facts, tuple[Objection, ...]]:
    """Return what holds of an operation after its owner's waivers, and what to warn of.

    The spec hash covers all words, since later versions may find more that they waive.

    Args:
        facts: what holds of it.
        words: what is waived, sorted.
        how: returns what to paste so that some words are waived.
        itself: whether its owner declared the thing itself, whose word counts more than words in its program.
    """
    if not facts.objections and not words:
        return facts, ()
    left: list[tuple[Objection, str | None]] = []
    warnings: list[Objection] = []
    fixed = _reads_by_value(facts.operation)
    for item in facts.objections:
        word = waiver_of(item.rule)
        if fixed and item.rule in BY_VALUE:
            left.append((msgspec.structs.replace(item, reason=f"{item.reason}; {NOT_WAIVED}"), None))
        elif word is not None and word in words:
            continue
        elif itself and item.rule in GUESSES:
            reason = f"it contains {item.seen!r}: {GUESSES[item.rule]}"
            warnings.append(msgspec.structs.replace(item, reason=reason))
        else:
            left.append((item, word))
    wanted = sorted({*words, *(word for _, word in left if word is not None)})
    objections = tuple(
        item if word is None else msgspec.structs.replace(item, remedy=how(wanted)) for item, word in left
    )
    spec = spec_hash([facts.spec, "allow", *words]) if words else facts.spec
    return facts._replace(spec=spec, objections=objections, waived=tuple(words)), tuple(warnings)


def waive_place(objection: Objection, words: Collection[str], how: Callable[[Sequence[str]], str]) -> Objection | None:
    """Return the objection to a place outside of the workflow, with what waives it; None where that is waived.

    Args:
        objection: the objection.
        words: what is waived for the call that takes an artifact from there.
        how: returns what to paste so that some words are waived.
    """
    word = waiver_of(objection.rule)
    if word is None:
        return objection
    return None if word in words else msgspec.structs.replace(objection, remedy=how(sorted({*words, word})))


def with_words(objection: Objection, words: Collection[str]) -> Objection:
    """Return the objection to what a call is given; it says so where the like is only waived in what is called."""
    if waiver_of(objection.rule) not in words:
        return objection
    return msgspec.structs.replace(objection, reason=f"{objection.reason}; {NOT_WAIVED}")


def _reads_by_value(operation: Operation) -> bool:
    """Whether an input is by default what differs from run to run, or a secret."""
    ports = [port for port in operation.inputs if port.kind == "parameter"]
    read = (item for port in ports for item in references((port.value, port.default)))
    return any(item.to in ("run", "secret", "status") for item in read)
