"""Texts and tables in Markdown, as GitHub and GitLab read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from couler_plugins.cli.messages import counted

ROWS = 25
"""Rows of a table that are printed."""
LENGTH = 300
"""Characters of a cell or a line that are printed."""
MARKUP = re.compile(r"[\\`*_\[\]<>~|#&@]|:(?=//)|(?<=\bwww)\.")
"""What means something in Markdown of GitHub, which also makes links of addresses."""
APART = {mark: f"&#{ord(mark)};&#8203;" for mark in "@#"}
"""Behind these stands a space without width: names of people and numbers of issues are read in the finished page."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], most: int = ROWS) -> Iterator[str]:
    """Yield the lines of a table of at most so many rows, none without rows."""
    cells = list(rows)
    if cells:
        yield from ("", f"| {' | '.join(map(plain, head))} |", f"|{' --- |' * len(head)}")
        yield from (f"| {' | '.join(row)} |" for row in cells[:most])
    if len(cells) > most:
        yield from ("", f"and {counted(len(cells) - most, 'more row')}")


def plain(text: str) -> str:
    """Return a text that means nothing in Markdown, and calls nobody."""
    line = cut(" ".join(text.split()))
    return MARKUP.sub(lambda match: APART.get(match[0], f"&#{ord(match[0])};"), line)


def cut(line: str) -> str:
    """Return a line that is not longer than `LENGTH`."""
    return line if len(line) <= LENGTH else f"{line[:LENGTH]}…"
