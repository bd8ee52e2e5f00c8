"""What owners say of steps, read from annotations and settings anew: the judge believes no adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from benchmarks.mutations.judging import Effect, Path
from benchmarks.mutations.places import At

__all__ = ["EVERYTHING", "Owner", "Sayings", "some"]

PREFIX = "couler.io/"
WORDS = ("clock", "configured", "network", "random", "run-context", "secret", "volume")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
EVERYTHING: dict[str, Any] = {
    "task": [f"{letter}*" for letter in LETTERS],
    "pure": True,
    "max-output-bytes": 64,
    "max-items": 4,
    "version": "1",
    "allow": list(WORDS),
}
"""A row that declares every step pure, and waives all that can be."""


def some(random: Random) -> list[dict[str, Any]]:
    """Return rows that declare about two steps of three, and waive half of what can be."""
    letters = [f"*{letter}" for letter in LETTERS if random.random() < 2 / 3]
    words = [word for word in WORDS if random.random() < 1 / 2]
    return [{**EVERYTHING, "task": letters, "allow": words}]


@dataclass(frozen=True)
class Sayings:
    """What an owner says of one step.

    Attributes:
        pure: whether its result depends on nothing but its inputs, its program and what is not waived.
        waived: the words of what its result does not depend on.
        version: the version that its owner declares.
        datasets: the versions of places, by the input that is read from there.
        files: what it reads and makes in workspaces.
        places: what it does at the places that its inputs name.
        unordered: whether what merely runs before it does not change its result.
    """

    pure: bool
    waived: frozenset[str]
    version: str
    datasets: Mapping[str, str]
    files: tuple[Sequence[str], Sequence[str]] = ((), ())
    unordered: bool = False
    places: Mapping[str, str] = field(default_factory=dict)

    def at(self, values: Mapping[str, Any]) -> list[At]:
        """Return its places, of the texts of its inputs by name."""
        named = ((name, words) for name, words in sorted(self.places.items()) if name in values)
        return [At(name, frozenset(words.split(",")), str(values[name])) for name, words in named]

    def sees(self, before: frozenset[Effect], values: Iterable[Path]) -> frozenset[Effect]:
        """Return what of the things that were left behind may change the result: not what `values` tell of."""
        cut = list(values)
        return frozenset(
            effect for effect in (() if self.unordered else before) if not any(effect[0][: len(by)] == by for by in cut)
        )

    def leaves(self, before: frozenset[Effect], seen: frozenset[Effect], path: Path, truth: str) -> frozenset[Effect]:
        """Return what is left behind after the step."""
        if self.unordered and self.pure:
            return before
        return frozenset() if self.pure and not seen else before | {(path, truth)}


class Owner:
    """What the rows of the settings and the annotations say.

    Args:
        rows: the tables of `[[cache.declare]]`.
        workflow: the names of the workflow that they may be about.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], workflow: Sequence[str]) -> None:
        self._rows = [row for row in rows if _matches(row, "workflow", workflow)]

    def says(
        self, task: str, steps: Sequence[str], images: Sequence[str], near: Mapping[str, str], far: Mapping[str, str]
    ) -> Sayings:
        """Return what is said of a step.

        Args:
            task: the name of what it calls.
            steps: its names.
            images: of the main containers.
            near: the annotations of the step and of what it calls.
            far: those of what is around them.
        """
        rows = [row for row in self._rows if self._about(row, task, steps, images)]
        words = [near.get(f"{PREFIX}cache"), *_of_rows(rows), far.get(f"{PREFIX}cache")]
        said = next((word for word in words if word), "")
        allowed = [*(text.split(",") for text in (near.get(ALLOW, ""), far.get(ALLOW, ""))), *_lists(rows, "allow")]
        datasets: dict[str, str] = {}
        for row in reversed(rows):
            datasets |= {name: str(version) for name, version in row.get("datasets", {}).items()}
        datasets |= {key.removeprefix(DATASET): text for key, text in near.items() if key.startswith(DATASET)}
        version = near.get(f"{PREFIX}cache-version") or next(
            (str(row["version"]) for row in rows if "version" in row), ""
        )
        own = {*near.get(ALLOW, "").split(","), *(word for items in _lists(rows, "allow") for word in items)}
        files = [
            [item.strip() for item in near.get(f"{PREFIX}cache-{key}", "").split(",") if item.strip()]
            or next(iter(_lists(rows, key)), [])
            for key in ("inputs", "outputs")
        ]
        workspaces = {name: str(text) for row in reversed(rows) for name, text in row.get("workspaces", {}).items()}
        workspaces |= {key.removeprefix(SPACE): text for key, text in near.items() if key.startswith(SPACE)}
        for name, text in workspaces.items():
            for word, _, path in (item.strip().partition("=") for item in text.split(",")):
                if word in ("in", "out"):
                    files[word == "out"].append(f"{name}/{path}" if path else name)
        pure = "never" not in words and (said == "pure" or said.startswith("ttl="))
        waived = frozenset(word.strip() for items in allowed for word in items)
        places = {name: str(text) for row in reversed(rows) for name, text in row.get("places", {}).items()}
        places |= {key.removeprefix(AT): text for key, text in near.items() if key.startswith(AT)}
        unordered = "order" in own or any("in" in text.split(",") for text in places.values())
        return Sayings(pure, waived, version, datasets, (files[0], files[1]), unordered, places)

    def immutable(self, url: str) -> bool:
        """Return whether nothing ever changes at a URL."""
        prefixes = [prefix.rstrip("/") for items in _lists(self._rows, "immutable") for prefix in items]
        return any(url == prefix or url.startswith(prefix + "/") for prefix in prefixes)

    def _about(self, row: Mapping[str, Any], task: str, steps: Sequence[str], images: Sequence[str]) -> bool:
        if "image" in row and not images:
            return False
        whole = all(_matches(row, "image", [image, image.partition("@")[0]]) for image in images)
        return _matches(row, "task", [task]) and _matches(row, "step", steps) and whole


ALLOW, DATASET, SPACE = f"{PREFIX}cache-allow", f"{PREFIX}dataset.", f"{PREFIX}cache-workspace."
AT = f"{PREFIX}cache-place."


def _of_rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row.get("never"):
            yield "never"
        elif row.get("pure"):
            yield "pure"
        elif "ttl" in row:
            yield f"ttl={row['ttl']}"


def _lists(rows: Sequence[Mapping[str, Any]], key: str) -> list[list[str]]:
    return [list(row[key]) for row in rows if key in row]


def _matches(row: Mapping[str, Any], key: str, names: Sequence[str]) -> bool:
    if key not in row:
        return True
    patterns = [row[key]] if isinstance(row[key], str) else row[key]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
