"""The words by which owners waive what no key covers (`couler.io/cache-allow`, `allow=`), and the rules they waive.

Structure cannot be waived: what runs for its effect, in a circle, or after a step without a key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from couler_plugins.errors import InvalidInput, closest

OF_PROGRAMS = ("clock", "connections", "environment", "files", "network", "programs", "random", "variables")
"""What a program does. Where nobody watches it, only words in its text tell."""
OF_PODS = ("configured", "run-context", "secret", "volume")
"""What its engine gives a pod: settings, names of pods and runs, credentials, scratch space."""
ORDER = "order"
"""What runs before a step without handing anything on to it."""
WAIVERS = tuple(sorted((*OF_PROGRAMS, *OF_PODS, ORDER)))

RULES = {word: word for word in WAIVERS if word != "random"} | {"machine": "environment", "randomness": "random"}
"""For each rule that can be waived, the word that does."""

SOURCES = {
    "secretKeyRef": "secret",
    "secretRef": "secret",
    "fieldRef": "run-context",
    "resourceFieldRef": "run-context",
}
"""The rules about where Kubernetes takes variables from."""

GUESSES = {
    "clock": "if the result depends on the time, the first one is kept",
    "randomness": "if it is not seeded, the first result is kept",
    "network": "if what it fetches changes, the first result is kept",
}
"""Rules that only a word in a program speaks for, and what happens where the word is right and the owner is not."""


def waiver_of(rule: str) -> str | None:
    """Return the word that waives a rule; None where nothing does."""
    return RULES.get(rule)


def check_waivers(words: Iterable[str], vocabulary: Collection[str], engine: str) -> None:
    """Refuse words that waive nothing.

    Args:
        words: what an owner allows.
        vocabulary: the words that there are on an engine.
        engine: its name.

    Raises:
        InvalidInput: one of the words is not among them.
    """
    for word in sorted({*words} - {*vocabulary}):
        hint = f"{closest(word, vocabulary)} the words are {', '.join(vocabulary)}".strip()
        raise InvalidInput(f"{word!r} cannot be allowed", engine=engine, hint=hint)


def source_rule(key: str) -> str:
    """Return the rule about a source of variables, by its key in `valueFrom` or `envFrom`."""
    return SOURCES.get(key, "configured")
