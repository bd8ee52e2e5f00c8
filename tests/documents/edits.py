"""Random edits of a document: each gives the new data, what it was made from, and the comments that may go with it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from couler_plugins.documents import Path

__all__ = ["KINDS", "Edited", "edit"]

VALUES: list[Any] = [
    "new",
    "12e03",
    "yes",
    "0755",
    "a: b # c",
    "two\nlines\n",
    "  indented\n\nlines",
    "",
    "{{x}}",
    7,
    1.5,
    True,
    None,
    [],
    {},
    [1, "b", {"c": []}],
    {"name": "x", "args": ["-c", "echo 'hi' \"there\""], "script": "#!/bin/sh\necho\n"},
]


@dataclass
class Edited:
    new: Any
    origins: dict[int, Path] = field(default_factory=dict)


def edit(data: Any, kind: str, rng: random.Random) -> Edited | None:
    """A changed copy of the data, or None where it has no place for such an edit."""
    copy = Edited(None)
    places: dict[str, list[Path]] = {"mapping": [], "list": [], "scalar": []}
    copy.new = _copied(data, (), copy.origins, places)
    return copy if KINDS[kind](copy, places, rng) else None


def _copied(data: Any, path: Path, origins: dict[int, Path], places: dict[str, list[Path]]) -> Any:
    copied: Any
    if isinstance(data, dict):
        copied = {key: _copied(child, (*path, key), origins, places) for key, child in data.items()}
    elif isinstance(data, list):
        copied = [_copied(child, (*path, at), origins, places) for at, child in enumerate(data)]
    else:
        places["scalar"].append(path)
        return data
    origins[id(copied)] = path
    places["mapping" if isinstance(data, dict) else "list"].append(path)
    return copied


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


def _rename(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    paths = [path for path in places["scalar"] if path]
    if not paths:
        return False
    path = rng.choice(paths)
    _at(done.new, path[:-1])[path[-1]] = rng.choice(VALUES)
    return True


def _add_key(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    if not places["mapping"]:
        return False
    mapping = _at(done.new, rng.choice(places["mapping"]))
    entries = list(mapping.items())
    entries.insert(rng.randint(0, len(entries)), (rng.choice(["added", "on", "12", "a b"]), rng.choice(VALUES)))
    mapping.clear()
    mapping.update(entries)
    return True


def _add_item(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    if not places["list"]:
        return False
    items = _at(done.new, rng.choice(places["list"]))
    items.insert(rng.randint(0, len(items)), rng.choice(VALUES))
    return True


def _remove_item(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    paths = [path for path in places["list"] if _at(done.new, path)]
    if not paths:
        return False
    items = _at(done.new, rng.choice(paths))
    del items[rng.randrange(len(items))]
    return True


def _remove_key(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    paths = [path for path in places["mapping"] if _at(done.new, path)]
    if not paths:
        return False
    mapping = _at(done.new, rng.choice(paths))
    del mapping[rng.choice(list(mapping))]
    return True


def _move(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    sources = [path for path in places["list"] if any(isinstance(item, dict) for item in _at(done.new, path))]
    if not sources:
        return False
    source = rng.choice(sources)
    target = rng.choice([path for path in places["list"] if path[: len(source)] != source] or [source])
    taken = _at(done.new, source)
    at = rng.choice([at for at, item in enumerate(taken) if isinstance(item, dict)])
    if target[: len(source) + 1] == (*source, at):
        return False
    into = _at(done.new, target)
    item = taken.pop(at)
    if rng.random() < 0.5:
        item["moved"] = "yes"
    into.insert(rng.randint(0, len(into)), item)
    return True


def _clone(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    sources = [path for path in places["list"] if any(isinstance(item, dict) for item in _at(done.new, path))]
    if not sources:
        return False
    path = rng.choice(sources)
    items = _at(done.new, path)
    at = rng.choice([at for at, item in enumerate(items) if isinstance(item, dict)])
    clone = dict(items[at], name="a-clone")
    done.origins[id(clone)] = (*path, at)
    items.append(clone)
    return True


def _wrap(done: Edited, places: dict[str, list[Path]], rng: random.Random) -> bool:
    """Moves all items of a list into a new entry beside it, as splitting a template does."""
    paths = [path for path in places["list"] if len(path) > 1 and _at(done.new, path)]
    if not paths:
        return False
    path = rng.choice(paths)
    holder = _at(done.new, path[:-1])
    items = holder.pop(path[-1])
    if isinstance(holder, dict):
        holder["wrapper"] = {"inner": {"items": list(items)}}
    else:
        holder.append({"wrapper": list(items)})
    return True


KINDS = {
    "rename": _rename,
    "add key": _add_key,
    "add item": _add_item,
    "remove item": _remove_item,
    "remove key": _remove_key,
    "move": _move,
    "clone": _clone,
    "wrap": _wrap,
}
