"""What a row of the settings may say of caching, key by key, and which annotations mean the same.

Rows that declare datasets have a `url`, with a version, an etag or a sha256, and are true whoever reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from couler_plugins.caching.dataplane.datasets import ETAG, SHA, Dataset, place_of
from couler_plugins.caching.declarations import ALLOW, CACHE, DATASET, PLACE, VERSION, place_problems, resolve
from couler_plugins.caching.waivers import WAIVERS
from couler_plugins.errors import InvalidInput, closest
from couler_plugins.hookspecs.caching import Objection, Said
from couler_plugins.options.rows import URL, Row, check_keys

VERSIONS = ("version", "etag", "sha256")
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


def declared_dataset(rows: Sequence[Row], url: str) -> Dataset | None:
    """Return the dataset at a URL, as the first row declares it that names the URL or, with a version, a folder of it.

    Args:
        rows: the rows of the settings.
        url: where it is; one with a `..` in it may be anywhere, and one that only a run completes is not known yet.
    """
    if ".." in unquote(url).split("/") or "{{" in url:
        return None
    for row in rows:
        if URL in row.content and _names(row, url):
            return Dataset(url=url, **{name: str(row.content[name]) for name in VERSIONS if name in row.content})
    return None


def dataset_problems(row: Row) -> Iterator[str]:
    """Return what is wrong with what a row says of a URL, each as a sentence with its place."""
    if URL not in row.content:
        lost = {"etag", "sha256"} & row.content.keys()
        yield from (f"{row.place}: {name!r} needs a 'url'" for name in sorted(lost))
        return
    if row.patterns:
        yield f"{row.place}: 'url' is about a place, whoever reads it: put it into a row without {min(row.patterns)!r}"
    if others := sorted(row.content.keys() - {URL, *VERSIONS}):
        yield f"{row.place}: {others[0]!r} says nothing of a 'url': put it into a row of its own"
    url = row.content[URL]
    if isinstance(url, str) and not ("://" in url or url.startswith("/")):
        yield f"{row.place}: 'url' cannot be {url!r:.40}; write https://…, s3://BUCKET/KEY or an absolute path"
    if str(row.content.get("version", "")).startswith((ETAG, SHA)):
        yield f"{row.place}: a 'version' cannot begin so: write etag = … or sha256 = …"
    try:
        Dataset(url=str(url), **{name: str(row.content[name]) for name in VERSIONS if name in row.content})
    except InvalidInput as error:
        yield f"{row.place}: {error.message}"


def _names(row: Row, url: str) -> bool:
    place, declared = place_of(url), place_of(row.content[URL])
    return place == declared or ("version" in row.content and place.startswith(f"{declared.rstrip('/')}/"))
