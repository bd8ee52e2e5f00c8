"""Unified diffs of two versions of a file."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.documents.matching import LineMatcher


def unified_diff(old: str, new: str, name: str) -> Iterator[str]:
    """Yield the lines that `diff -u` prints for two versions of a file; `patch -p0` and `git apply -p0` can apply them.

    Args:
        old: the text before.
        new: the text after.
        name: the file's name.
    """
    for line in _hunks(_split(old), _split(new), name if old else "/dev/null", name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _hunks(old: list[str], new: list[str], source: str, target: str) -> Iterator[str]:
    """What difflib.unified_diff gives, with a matcher that is fast enough for a hundred thousand lines."""
    for number, group in enumerate(LineMatcher(old, new).get_grouped_opcodes()):
        if not number:
            yield from (f"--- {_header(source)}\n", f"+++ {_header(target)}\n")
        spans = _span(group[0][1], group[-1][2]), _span(group[0][3], group[-1][4])
        yield f"@@ -{spans[0]} +{spans[1]} @@\n"
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[i:i_end])
            else:
                yield from (f"-{line}" for line in old[i:i_end])
                yield from (f"+{line}" for line in new[j:j_end])


def _header(name: str) -> str:
    """A file's name as `patch` reads it: a tab ends one with spaces in it."""
    return f"{name}\t" if " " in name else name


def _span(start: int, end: int) -> str:
    """A range of lines as hunk headers give it: from 1, or from the line before an empty one."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + (length > 0)},{length}"


def _split(text: str) -> list[str]:
    """The lines with their ends; only line feeds end a line, as for `patch`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines
