"""What owners say of caching (`pure`, `ttl=24h`, `always`, `never`), where they say it, and what they waive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from couler_plugins.caching.keys import spec_hash
from couler_plugins.caching.verdicts import Facts
from couler_plugins.caching.waivers import GUESSES, ORDER, WAIVERS, waiver_of
from couler_plugins.errors import closest
from couler_plugins.hookspecs.caching import Knowledge, Objection, Said
from couler_plugins.ir import Graph, Operation, Source, Step, references

CACHE, ALLOW = "couler.io/cache", "couler.io/cache-allow"
"""The annotations of a thing; those on what is around it have its name behind them."""
VERSION = "couler.io/cache-version"
"""The annotation with a version that its owner declares, of what has no inputs."""

DATASET = "couler.io/dataset."
"""How the annotations begin with versions of what is at places outside of the workflow."""
PLACE = "couler.io/cache-place."
"""How the annotations begin that say of an input parameter that the step reads (`in`) or writes (`out`) the place whose
URL it has."""
PLACE_WORDS = frozenset({"in", "out"})

ASSUMED = "--assume-pure"
"""Where a step is declared pure of which its owner says nothing."""

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST = 100 * 365 * SECONDS["d"]
"""Engines count durations in nanoseconds, which overflow after 292 years."""

NO_TEXT = ("[", "{")
"""How what is no text begins as JSON; see `annotation_texts`."""

TTL = re.compile(r"ttl=((?:\d+[smhd])+)\Z")


NOT_WAIVED = "a key covers its inputs by value, so that cannot be waived"
BY_VALUE = frozenset({"run-context", "secret"})
"""Rules about what an input may be, which is then in the key."""


class Declaration(msgspec.Struct, frozen=True):
    """A step that its owner declared pure.

    Attributes:
        where: where that is said.
        max_age: how many seconds a result may be reused for; None for ever.
        itself: whether that is said of the step or of what it calls: then words in its program are only guesses.
    """

    where: str
    max_age: int | None = None
    itself: bool = False


def annotation_texts(annotations: object) -> dict[str, str]:
    """Return the annotations that are texts, and as JSON those of caching that are not: they are not to be lost.

    Args:
        annotations: JSON-like data that should be a mapping of texts.
    """
    return {
        key: item if isinstance(item, str) else json.dumps(item, default=str)
        for key, item in (annotations.items() if isinstance(annotations, dict) else ())
        if isinstance(item, str) or (isinstance(key, str) and key.startswith(CACHE))
    }


def with_own(declared: Mapping[str, str], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what annotations of the settings and of the thing itself say together.

    The nearest counts, which is its own. Versions are no decision, but say what a result depends on: both count.

    Args:
        declared: what the settings say; see `Declared.annotations`.
        own: the annotations of the thing itself.
    """
    versions = {
        key: f"{own[key]}, {declared[key]}"
        for key in declared.keys() & own.keys()
        if key.startswith((VERSION, DATASET)) and declared[key] not in str(own[key]).split(", ")
    }
    return {**declared, **own, **versions}


def said_in(
    where: str,
    annotations: Mapping[str, str],
    suffix: str = "",
    *,
    itself: bool = False,
    source: Source | None = None,
) -> list[Said]:
    """Return what annotations say of caching: one item, or none.

    Args:
        where: whose they are, to begin a sentence with.
        annotations: all of them.
        suffix: what stands behind their names where they are about one step of many.
        itself, source: see `Said`.
    """
    cache, allow = annotations.get(CACHE + suffix), annotations.get(ALLOW + suffix, "")
    return [] if cache is None and not allow else [Said(where, cache, allow, itself, source, ALLOW + suffix)]


def declared_places(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the places of an operation by the inputs that name them: `in`, `out` or `in,out`, as far as understood."""
    said = {key.removeprefix(PLACE): text for key, text in annotations.items() if key.startswith(PLACE)}
    return {name: ",".join(sorted(_place_words(text))) for name, text in sorted(said.items())}


def place_problems(places: Mapping[str, object]) -> Iterator[str]:
    """Return what is wrong with the words that are said of places."""
    for name, text in places.items():
        if not (words := _place_words(str(text))) or not words <= PLACE_WORDS:
            yield f"the place {name!r} cannot be {text!r:.40}; write in, out or in,out"


def _place_words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",")} - {""}


def places_of(facet: Knowledge, graph: Graph | None, step: Step, operation: Operation) -> list[Said]:
    """Return what an owner says of a call, in its files and in the settings, the nearest place first.

    A row of the settings that names steps is nearer than a word for all of a workflow, and less near than one at the
    thing itself.
    """
    said = list(facet.declarations(graph, step, operation))
    rows = facet.declared.said(graph, step, operation)
    if not rows:
        return said
    own = [item for item in said if item.itself]
    around = [item for item in said if not item.itself]
    return [*own, *(row for row in rows if row.itself), *around, *(row for row in rows if not row.itself)]


def allow_text(words: Sequence[str]) -> str:
    """Return the value of the annotation that waives these words, as it stands in a flow mapping."""
    text = ",".join(words)
    return f'"{text}"' if "," in text else text


def resolve(said: Sequence[Said], *, assume_pure: bool) -> Declaration | Objection:
    """What holds for a step: `never` anywhere, else what the nearest place says.

    `always` declares a step that is to run every time: what it makes starts a new generation, which has no key.

    Args:
        said: what is said, nearest first.
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """
    said = [item for item in said if item.cache is not None]
    for item in said:
        if item.cache == "never":
            return Objection("never", f"{item.where} says never")
    if not said:
        if assume_pure:
            return Declaration(ASSUMED)
        return Objection("not-declared", "its owner has not declared it pure")
    where, text, _, itself, source, seen = said[0]
    assert text is not None
    if text == "pure":
        return Declaration(where, itself=itself)
    if text == "always":
        return Objection("always", f"{where} says that it runs always")
    if match := TTL.match(text):
        seconds = sum(int(part[:-1]) * SECONDS[part[-1]] for part in re.findall(r"\d+[smhd]", match[1]))
        if seconds <= LONGEST:
            return Declaration(where, seconds, itself)
    near = closest(text, ("pure", "always", "never"))
    reason = f"{where} says {text!r}, which is none of pure, ttl=24h, always, never{f' ({near})' if near else ''}"
    return Objection("unknown-declaration", reason, seen=seen.replace(ALLOW, CACHE)).at(source)


def waivers_in(said: Sequence[Said]) -> tuple[str, ...]:
    """Return what is waived at any place, sorted and without the words that there are not."""
    return tuple(sorted({word for item in said for word in _words(item)}.intersection(WAIVERS)))


def waives_order(said: Sequence[Said]) -> bool:
    """Whether an owner says, of a call itself, that what merely runs before it does not change its result."""
    return ORDER in waivers_in([item for item in said if item.itself])


def order_remedy(facet: Knowledge, callee: Graph | Operation | None, said: Sequence[Said]) -> Callable[[], str]:
    """Return what tells an owner how to waive what merely runs before a call; the words that hold stay."""
    if not isinstance(callee, Operation):
        return str
    return lambda: facet.how_to_allow(callee, sorted({*waivers_in(said), ORDER}))


def check_words(said: Sequence[Said]) -> Iterator[Objection]:
    """Return an objection to each word that waives nothing, and to words that are no text."""
    from difflib import get_close_matches  # slow to import, and for mistakes only

    for item in said:
        words = _words(item)
        near = {word: [word] if word in WAIVERS else get_close_matches(word, WAIVERS, 1) for word in words}
        meant = allow_text([word for close in near.values() for word in close]) or "…"
        reasons = [
            f"{item.where} allows {word!r}, which is none of {', '.join(WAIVERS)}{_ask(near[word])}"
            for word in words
            if word not in WAIVERS
        ]
        if item.allow.startswith(NO_TEXT):
            reasons.append(f"{item.where} has a value of {ALLOW} that is not a text, and Kubernetes takes only texts")
        for reason in reasons:
            remedy = f"{ALLOW}: {meant}, there instead"
            yield Objection("unknown-waiver", reason, remedy=remedy, seen=item.seen).at(item.source)


def _ask(near: Sequence[str]) -> str:
    return f" (did you mean {near[0]!r}?)" if near else ""


def _words(said: Said) -> list[str]:
    return [word for text in said.allow.split(",") if (word := text.strip(' []{}"'))]


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
    objections_left: list[tuple[Objection, str | None]] = []
    warnings: list[Objection] = []
    fixed = _reads_by_value(facts.operation, facts.material.places)
    for item in facts.objections:
        word = waiver_of(item.rule)
        if fixed and item.rule in BY_VALUE:
            objections_left.append((msgspec.structs.replace(item, reason=f"{item.reason}; {NOT_WAIVED}"), None))
        elif word is not None and word in words:
            continue
        elif itself and item.rule in GUESSES:
            reason = f"it contains {item.seen!r}: {GUESSES[item.rule]}"
            warnings.append(msgspec.structs.replace(item, reason=reason))
        else:
            objections_left.append((item, word))
    wanted = sorted({*words, *(word for _, word in objections_left if word is not None)})
    objections = tuple(
        item if word is None else msgspec.structs.replace(item, remedy=how(wanted)) for item, word in objections_left
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


def _reads_by_value(operation: Operation, places: Collection[str]) -> bool:
    """Whether an input that names no place is by default what differs from run to run, or a secret."""
    ports = [port for port in operation.inputs if port.kind == "parameter" and port.name not in places]
    read = (item for port in ports for item in references((port.value, port.default)))
    return any(item.to in ("run", "secret", "status") for item in read)
