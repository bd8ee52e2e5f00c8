"""Unified diffs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import click

__all__ = ["unified_diff"]

COLORS = {"+": "green", "-": "red", "@": "cyan"}


def unified_diff(old: str, new: str, name: str, *, color: bool) -> str:
    """What `diff -u` prints for two versions of a file, so that `patch -p0` can apply it.

    Args:
        old: the text before.
        new: the text after.
        name: the file's name.
        color: whether to colour the lines.
    """
    return "".join(_lines(old, new, name, color))


def _lines(old: str, new: str, name: str, color: bool) -> Iterator[str]:
    source = name if old else "/dev/null"
    for number, line in enumerate(difflib.unified_diff(_split(old), _split(new), source, name)):
        text = line.removesuffix("\n")
        style = None if number < 2 else COLORS.get(text[:1])
        yield click.style(text, fg=style, bold=True if number < 2 else None) if color else text
        yield "\n" if line.endswith("\n") else "\n\\ No newline at end of file\n"


def _split(text: str) -> list[str]:
    """The lines with their ends; only line feeds end a line, as for `patch`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines
