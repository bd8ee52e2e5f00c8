"""Rows of the settings that name steps by patterns and say something of them: `[[tool.couler.<optimizer>.declare]]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from couler_plugins.errors import InvalidInput, closest

SELECTORS = ("workflow", "step", "task", "image")
"""The keys of a row that name what is meant; each is a pattern or a list of them, with `*`, `?` and `[…]`."""
URL = "url"
"""The key of a row that is about a place outside, and about no steps."""
REASON = "reason"
OWNERS = {
    "fuse": "fuse",
    **dict.fromkeys(("allow", "never", "pure", "ttl"), "cache"),
    **dict.fromkeys(("guard", "idempotent", "max-timeout", "retries"), "guard"),
    "queue": "queue",
    **dict.fromkeys(("max-cpu", "max-memory", "min-cpu", "min-memory", "rightsize"), "rightsize"),
}
"""The optimizers of the keys that are most often put into the rows of another one."""
HEADER = re.compile(r"^\s*\[\[\s*([\w.\"' -]+?)\s*\]\]", re.MULTILINE)


class Row(NamedTuple):
    """One row.

    Attributes:
        place: the file and line of it, to begin a sentence with.
        patterns: the patterns by key, of those of `SELECTORS` that it has.
        content: what it says, by key.
        reason: why, in its author's words.
    """

    place: str
    patterns: Mapping[str, tuple[str, ...]]
    content: Mapping[str, Any]
    reason: str = ""

    @property
    def names_steps(self) -> bool:
        """Whether it names steps, tasks or images, and in no pattern of these all of them by wildcards alone."""
        named = (self.patterns.get(key, ()) for key in ("step", "task", "image"))
        return any(patterns and all(map(_names, patterns)) for patterns in named)


def _names(pattern: str) -> bool:
    return re.search(r"[^*?/]", re.sub(r"\[.*?\]", "", pattern)) is not None


def rows_in(tables: Mapping[str, Any], path: Path, prefix: str, text: str) -> dict[str, tuple[Row, ...]]:
    """Return the rows of a settings file by the optimizer that they are for.

    Args:
        tables: the tables in the settings, by name.
        path: the file.
        prefix: how the tables are called before their names (`tool.couler.`).
        text: what the file says, in which lines are looked for.

    Raises:
        InvalidInput: a table is no list of rows, or the patterns of a row are no texts; all of that at once.
    """
    rows: dict[str, tuple[Row, ...]] = {}
    problems: list[str] = []
    for name, table in tables.items():
        content = table.get("declare")
        if not isinstance(content, list) or len(table) > 1 or not all(isinstance(item, dict) for item in content):
            where = f"[[{prefix}{name}.declare]]"
            problems.append(f"[{prefix}{name}] may only hold rows {where}; options are in the pipeline: {name}{{…}}")
            continue
        lines = _lines(text, f"{prefix}{name}.declare")
        own = [_row(item, f"{path.name}:{next(lines, '')}".rstrip(":"), problems) for item in content]
        rows[name] = tuple(row for row in own if row is not None)
    if problems:
        raise InvalidInput("; ".join(problems), file=str(path), hint="see docs/declarations.md")
    return rows


def check_keys(row: Row, types: Mapping[str, type | tuple[type, ...]]) -> Iterator[str]:
    """Return what is wrong with the keys of a row, each as a sentence with its place.

    Args:
        row: the row.
        types: the types that its values may have, by key.
    """
    for key, value in row.content.items():
        if key not in types:
            meant = f"write it into [[{OWNERS[key]}.declare]];" if key in OWNERS else closest(key, types)
            yield f"{row.place}: there is no {key!r}; {meant} the keys are {', '.join(types)}".replace("  ", " ")
        elif not isinstance(value, types[key]) or (isinstance(value, bool) and types[key] is not bool):
            remedy = "; write true or false, without quotes" if types[key] is bool else ""
            yield f"{row.place}: {key!r} cannot be {value!r:.40}{remedy}"


def matches(row: Row, key: str, names: Sequence[str]) -> bool:
    """Return whether a pattern of a row fits one of the names; a row without patterns under that key fits all.

    Of a step, `train-*` means no step of a graph that is called so: only a pattern with a `/` is for `GRAPH/STEP`.
    """
    patterns = row.patterns.get(key)
    if patterns is None:
        return key == "workflow" or URL not in row.content
    pairs = ((name, pattern) for pattern in patterns for name in names)
    return any(fnmatchcase(*pair) for pair in pairs if key != "step" or ("/" in pair[0]) == ("/" in pair[1]))


def _row(table: Mapping[str, Any], place: str, problems: list[str]) -> Row | None:
    patterns: dict[str, tuple[str, ...]] = {}
    for key in SELECTORS:
        if key in table:
            texts = table[key] if isinstance(table[key], list) else [table[key]]
            if not texts or not all(isinstance(text, str) and text for text in texts):
                problems.append(f"{place}: {key!r} is neither a pattern nor a list of patterns")
                return None
            patterns[key] = tuple(texts)
    reason = table.get(REASON, "")
    if not isinstance(reason, str):
        problems.append(f"{place}: {REASON!r} is not a text")
        return None
    content = {key: value for key, value in table.items() if key not in (*SELECTORS, REASON)}
    return Row(place, patterns, content, reason)


def _lines(text: str, name: str) -> Iterator[int]:
    for match in HEADER.finditer(text):
        if re.sub(r"[\"' ]", "", match[1]) == name:
            yield text.count("\n", 0, match.start(1)) + 1
