"""A review as Markdown, for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from couler_plugins.cli.messages import counted
from couler_plugins.cli.verdicts import TITLES
from couler_plugins.costs.meter import RunCost
from couler_plugins.costs.report import cost_table
from couler_plugins.documents import Finding, merge_alike, render

MARK = "<!-- couler review -->"
"""How a comment of ours begins: a later one takes its place."""
ROWS = 25
"""Rows of a table that are printed."""
LINES = 150
"""Lines of an explanation that are printed."""
LENGTH = 300
"""Characters of a cell or a line that are printed."""
MARKUP = re.compile(r"[\\`*_\[\]<>~|#&@]|:(?=//)|(?<=\bwww)\.")
"""What means something in Markdown of GitHub, which also makes links of addresses."""
APART = {mark: f"&#{ord(mark)};&#8203;" for mark in "@#"}
"""Behind these stands a space without width: names of people and numbers of issues are read in the finished page."""


class CachingChange(msgspec.Struct, frozen=True):
    """A step with another verdict on caching than before; the reasons are those against caching it now."""

    file: str
    workflow: str
    step: str
    before: str
    after: str
    reasons: list[str]


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What a change does to workflows.

    Attributes:
        base: the commit that is compared with.
        files: the files with workflows that differ.
        unreadable: the files that differ, and cannot be read now.
        findings: those that are new.
        fixed: how many findings are gone.
        quiet: how many were there before.
        caching: the steps with another verdict.
        costs: the workflows whose runs cost something else: `before` at the base, `after` now.
        explanation: what `optimize` would change in the files that differ, as lines.
    """

    base: str
    files: Sequence[str]
    unreadable: Sequence[str]
    findings: Sequence[Finding]
    fixed: int
    quiet: int
    caching: Sequence[CachingChange]
    costs: Sequence[RunCost]
    explanation: Sequence[str]


def review_text(review: Review) -> str:
    """Return a review as Markdown, as GitHub and GitLab read it."""
    return "\n".join([MARK, *_lines(review), ""])


def _lines(review: Review) -> Iterator[str]:
    yield f"### couler: {counted(len(review.files), 'changed file')} with workflows since {review.base[:9]}"
    if names := ", ".join(map(_plain, review.unreadable[:ROWS])):
        yield from ("", f"{counted(len(review.unreadable), 'changed file')} cannot be read: {names}")
    counts = [counted(len(review.findings), "new finding"), f"{review.fixed:,} fixed", f"{review.quiet:,} as before"]
    yield from ("", f"**Lint:** {', '.join(counts)}.")
    yield from _table(("place", "finding"), (_finding_row(item) for item in merge_alike(review.findings)))
    yield from ("", f"**Caching:** {counted(len(review.caching), 'step')} with another verdict.")
    rows = (
        (
            f"{_plain(item.workflow)} {_plain(item.step)}",
            TITLES[item.before],
            TITLES[item.after],
            _plain(", ".join(item.reasons)),
        )
        for item in review.caching
    )
    yield from _table(("step", "before", "now", "what prevents it"), rows)
    yield from ("", f"**Cost:** {counted(len(review.costs), 'workflow')} with another cost of a run.")
    for cost in review.costs[:ROWS]:
        title, head, cells, notes = cost_table(cost)
        basis = f": {_plain(title)}" if cost.runs else ""
        yield from ("", f"{_plain(cost.workflow)} ({_plain(cost.path)}){basis}")
        yield from _table(head, ([_plain(text) for text in row] for row in cells))
        yield from ("", *(f"- {_plain(note)}" for note in notes)) if notes else ()
    if review.explanation:
        lines = [_cut(line) for line in review.explanation[:LINES]]
        more = len(review.explanation) - len(lines)
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", "".join(lines))), 3)
        yield from ("", "<details><summary>What <code>couler optimize</code> would change in these files</summary>", "")
        yield from (f"{fence}text", *lines, *([f"and {counted(more, 'more line')}"] if more else ()), fence)
        yield from ("", "</details>")


def _finding_row(finding: Finding) -> tuple[str, str]:
    first, *others = finding.places
    more = f" and {len(others)} more" if others else ""
    where = f" (at {render(finding.path)})" if finding.path else ""
    hint = f"<br>{_plain(finding.hint)}" if finding.hint else ""
    text = _plain(f"{finding.message}{where} [{finding.code}]")
    return f"{_plain(str(first))}{more}", f"**{finding.severity}** {text}{hint}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, none without rows."""
    cells = list(rows)
    if cells:
        yield from ("", f"| {' | '.join(map(_plain, head))} |", f"|{' --- |' * len(head)}")
        yield from (f"| {' | '.join(row)} |" for row in cells[:ROWS])
    if len(cells) > ROWS:
        yield from ("", f"and {counted(len(cells) - ROWS, 'more row')}")


def _plain(text: str) -> str:
    """Return a text that means nothing in Markdown, and calls nobody."""
    line = _cut(" ".join(text.split()))
    return MARKUP.sub(lambda match: APART.get(match[0], f"&#{ord(match[0])};"), line)


def _cut(line: str) -> str:
    return line if len(line) <= LENGTH else f"{line[:LENGTH]}…"
