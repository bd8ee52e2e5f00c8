"""A review as Markdown, for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from couler_plugins.cli.markdown import ROWS, cut, plain, table
from couler_plugins.cli.messages import counted
from couler_plugins.cli.verdicts import TITLES
from couler_plugins.costs.meter import RunCost
from couler_plugins.costs.report import cost_table
from couler_plugins.documents import Finding, merge_alike, render

MARK = "<!-- couler review -->"
"""How a comment of ours begins: a later one takes its place."""
LINES = 150
"""Lines of an explanation that are printed."""


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
    if names := ", ".join(map(plain, review.unreadable[:ROWS])):
        yield from ("", f"{counted(len(review.unreadable), 'changed file')} cannot be read: {names}")
    counts = [counted(len(review.findings), "new finding"), f"{review.fixed:,} fixed", f"{review.quiet:,} as before"]
    yield from ("", f"**Lint:** {', '.join(counts)}.")
    yield from table(("place", "finding"), (_finding_row(item) for item in merge_alike(review.findings)))
    yield from ("", f"**Caching:** {counted(len(review.caching), 'step')} with another verdict.")
    rows = (
        (
            f"{plain(item.workflow)} {plain(item.step)}",
            TITLES[item.before],
            TITLES[item.after],
            plain(", ".join(item.reasons)),
        )
        for item in review.caching
    )
    yield from table(("step", "before", "now", "what prevents it"), rows)
    yield from ("", f"**Cost:** {counted(len(review.costs), 'workflow')} with another cost of a run.")
    for cost in review.costs[:ROWS]:
        title, head, cells, notes = cost_table(cost)
        basis = f": {plain(title)}" if cost.runs else ""
        yield from ("", f"{plain(cost.workflow)} ({plain(cost.path)}){basis}")
        yield from table(head, ([plain(text) for text in row] for row in cells))
        yield from ("", *(f"- {plain(note)}" for note in notes)) if notes else ()
    if review.explanation:
        lines = [cut(line) for line in review.explanation[:LINES]]
        more = len(review.explanation) - len(lines)
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", "".join(lines))), 3)
        yield from ("", "<details><summary>What <code>couler optimize</code> would change in these files</summary>", "")
        yield from (f"{fence}text", *lines, *([f"and {counted(more, 'more line')}"] if more else ()), fence)
        yield from ("", "</details>")


def _finding_row(finding: Finding) -> tuple[str, str]:
    first, *others = finding.places
    more = f" and {len(others)} more" if others else ""
    where = f" (at {render(finding.path)})" if finding.path else ""
    hint = f"<br>{plain(finding.hint)}" if finding.hint else ""
    text = plain(f"{finding.message}{where} [{finding.code}]")
    return f"{plain(str(first))}{more}", f"**{finding.severity}** {text}{hint}"
