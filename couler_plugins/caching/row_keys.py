"""What a row of the settings may say of caching, key by key, and which annotations mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_plugins.caching.declarations import ALLOW, CACHE, DATASET, PLACE, VERSION, place_problems, resolve
from couler_plugins.caching.declared_datasets import VERSIONS, dataset_problems
from couler_plugins.caching.waivers import WAIVERS
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.caching import Objection, Said
from couler_plugins.options.fields import closest
from couler_plugins.options.rows import URL, Row, check_keys

IN_KEYS = {
    *("allow", "datasets", "immutable", "inputs", "outputs", "places", "pure", "ttl", "workspaces"),
    URL,
    *VERSIONS,
}
"""What is recorded there; `pure` and `ttl`, since a word in a program counts less than they do."""

BOUNDS = {"max-output-bytes": int, "max-items": int}
PLACES = {"immutable": list, URL: str, "etag": str, "sha256": str}
OF_STEPS: dict[str, type | tuple[type, ...]] = {
    "pure": bool,
    "never": bool,
    "ttl": str,
    "allow": list,
    "version": (str, int),
    "context": list,
    "datasets": dict,
    "inputs": list,
    "outputs": list,
    "places": dict,
    "workspaces": dict,
}
"""What may only be said of what a row names."""
KNOWN: dict[str, type | tuple[type, ...]] = {**OF_STEPS, **BOUNDS, **PLACES}
BEYOND = frozenset({"context", "immutable"})
"""What no annotation says."""
PREFIX = "couler.io/"
NAMES = {"version": VERSION, "inputs": f"{CACHE}-inputs", "outputs": f"{CACHE}-outputs"}
"""The annotations that mean the same as a key of a row, where they are not called like it."""
GROUPS = {"datasets": DATASET, "places": PLACE, "workspaces": f"{CACHE}-workspace."}
"""How the annotations begin that mean the same as the items of a key."""


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows that say nothing that caching understands.

    Raises:
        InvalidInput: at least one does; the error names all problems, with their lines.
    """
    problems = [problem for row in rows for problem in _problems(row)]
    if problems:
        raise InvalidInput("; ".join(problems), hint="see docs/declarations.md")


def _problems(row: Row) -> Iterator[str]:
    yield from check_keys(row, KNOWN)
    yield from dataset_problems(row)
    if URL in row.content:
        return
    if not row.content:
        yield f"{row.place}: it says nothing: add pure = true"
    of_steps = sorted(OF_STEPS.keys() & row.content.keys() - {"never"})
    if of_steps and not row.names_steps:
        yield f"{row.place}: {of_steps[0]!r} needs a step, a task or an image, and not only wildcards"
    if len({"pure", "never", "ttl"} & row.content.keys()) > 1:
        yield f"{row.place}: only one of pure, ttl and never can hold"
    for key in ("pure", "never"):
        if row.content.get(key) is False:
            yield f"{row.place}: {key!r} cannot be false; write never = true, or leave it out"
    if "immutable" in row.content and row.patterns.keys() - {"workflow"}:
        yield f"{row.place}: 'immutable' is about places, whoever reads them: put it into a row that names no steps"
    ttl = row.content.get("ttl")
    if isinstance(ttl, str) and isinstance(resolve([Said(row.place, f"ttl={ttl}")], assume_pure=False), Objection):
        yield f"{row.place}: 'ttl' cannot be {ttl!r:.40}; write a time such as 24h"
    for key in ("allow", "context", "immutable", "inputs", "outputs"):
        items = row.content.get(key, [])
        if isinstance(items, list) and not all(isinstance(item, str) and item and "," not in item for item in items):
            yield f"{row.place}: {key!r} is not a list of texts without commas"
        elif key == "allow" and isinstance(items, list):
            for word in sorted({*items} - {*WAIVERS}):
                near = closest(word, WAIVERS) or f"the words are {', '.join(WAIVERS)}"
                yield f"{row.place}: {word!r} cannot be allowed; {near}"
        elif key == "immutable" and isinstance(items, list):
            wide = (item for item in items if item.rstrip("/")[-1:] in ("", ":"))
            yield from (f"{row.place}: {item!r} names no place: write a bucket, a host or a folder" for item in wide)
    for key in GROUPS:
        items = row.content.get(key, {})
        if isinstance(items, dict) and not all(type(item) in (str, int) for item in items.values()):
            yield f"{row.place}: {key!r} is not a table of texts"
        elif key == "places" and isinstance(items, dict):
            yield from (f"{row.place}: {problem}" for problem in place_problems(items))


def annotations_in(content: Mapping[str, Any]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in content.items():
        if key in GROUPS:
            texts |= {GROUPS[key] + name: str(text) for name, text in value.items()}
        elif key in ("inputs", "outputs"):
            texts[NAMES[key]] = ",".join(value)
        elif key in BOUNDS or key in NAMES:
            texts[NAMES.get(key, PREFIX + key)] = str(value)
    return texts


def as_key(annotation: str, text: str) -> tuple[str, str]:
    """Return the key of a row, and its value in TOML, that mean the same as an annotation."""
    if annotation == CACHE:
        return text.partition("=")[0], "true" if "=" not in text else f'"{text.partition("=")[2]}"'
    if annotation == ALLOW:
        words = text.strip('"').split(",")
        return "allow", "[" + ", ".join(f'"{word}"' for word in words) + "]"
    for key, prefix in GROUPS.items():
        if annotation.startswith(prefix):
            return f"{key}.{annotation.removeprefix(prefix)}", f'"{text}"'
    key = next((key for key, name in NAMES.items() if name == annotation), annotation.removeprefix(PREFIX))
    if key in ("inputs", "outputs"):
        return key, f'["{text}"]'
    return key, text if key in BOUNDS else f'"{text}"'
