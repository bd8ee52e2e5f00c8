"""`couler review`: what a change of workflows does to findings, caching and cost."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import click
import msgspec

from couler_plugins.cli.explanation import explanation_lines, with_lines
from couler_plugins.cli.messages import say, write_bytes
from couler_plugins.cli.pull_request import post_comment
from couler_plugins.cli.records import finding_record, print_json
from couler_plugins.cli.review_text import CachingChange, Review, review_text
from couler_plugins.cli.sarif import sarif_text
from couler_plugins.cli.settings import (
    baseline_option,
    engine_option,
    format_option,
    input_scale_option,
    pipeline_option,
    to_option,
)
from couler_plugins.cli.verdicts import objections_of, words_for
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.costs.comparison import compare_costs
from couler_plugins.costs.meter import RunCost
from couler_plugins.documents import Finding
from couler_plugins.driver.baseline import STALE, Baseline
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import read_workflows
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.inputs.revisions import base_commit, checkout
from couler_plugins.inputs.sources import Input
from couler_plugins.plan import Decision

REFUSED = "refused"
"""The code of a finding that lint does not make."""


class Side(NamedTuple):
    """What there is to say of the workflows of one commit."""

    findings: Sequence[Finding]
    files: Sequence[str]
    result: Result
    costs: Sequence[RunCost]


@file_command(
    "review",
    click.option("--base", required=True, metavar="REV", help="The commit, branch or tag that is compared with."),
    pipeline_option,
    to_option,
    engine_option,
    input_scale_option,
    baseline_option,
    click.option(
        "--sarif",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write all findings to FILE, as SARIF for code scanning.",
    ),
    click.option(
        "--comment", is_flag=True, help="Write the review as a comment of the pull request, in a job of GitHub Actions."
    ),
    format_option("markdown", "json"),
    epilog="""\b
Examples:
  couler review --base main
  couler review --base main workflows/ > review.md
  couler review --base "$CI_MERGE_REQUEST_DIFF_BASE_SHA" --baseline lint.json
  couler review --base HEAD^1 --comment --sarif couler.sarif
""",
)
def command(call: FileCall, *, base: str, baseline: Path | None, sarif: Path | None, comment: bool) -> int:
    """Compares workflows with those of another commit: findings, caching, cost.

    Reads the files of the work tree, and those of the commit where both histories parted. Prints new findings, steps
    whose caching changes, the cost of a run before and now, and what `optimize` would change in files that differ.
    Exits with 1 if a new finding is an error.

    With --history, costs are those of past runs. Without, each step counts with one hour.
    """
    call.arguments = tuple(os.path.relpath(argument) for argument in call.arguments) or (".",)
    if outside := next((argument for argument in call.arguments if argument.startswith("..")), ""):
        raise click.UsageError(f"{outside} is not below the current folder: call couler in the root of the repository.")
    commit = base_commit(base)
    records = None if baseline is None else Baseline.load(baseline)
    with call.session() as session:
        head = _look(call, session, records)
        refused = [file for file in head.result.files if file.status == "refused" and not file.workflows]
        contents = {file.name: _content(file.name) for file in refused}
        with checkout(commit):
            unread = [name for name, content in contents.items() if content != _content(name)]
            places = [place for place in call.arguments if Path(place).exists() or glob.has_magic(place)]
            files, _ = read_workflows(places, call.config, session)
            old = _look(msgspec.structs.replace(call, files=files), session, records)
        head = head._replace(findings=[item for item in head.findings if not _is_emptied(item, old.files)])
        if sarif is not None:
            sarif.write_text(sarif_text(head.findings, session), encoding="utf-8")
    review = _compare(commit, old, head, call.files, unread)
    if call.as_json:
        content = msgspec.structs.asdict(review) | {"findings": [finding_record(item) for item in review.findings]}
        print_json("couler.review/v1", content)
    else:
        write_bytes(review_text(review))
    if comment:
        try:
            post_comment(review_text(review), call.config.max_bytes)
        except CoulerError as error:  # of a fork's pull request, nobody but its owner may write
            say(f"no comment was written: {error}")
    return int(any(finding.severity == "error" for finding in review.findings))


def _look(call: FileCall, session: Session, records: Baseline | None) -> Side:
    """Lint and optimize the files of a call, which are below the current folder."""
    findings = lint_inputs(call.files, session).remarks
    result, costs = call.optimize(session, call.config.pipeline, as_read=True)
    findings += tuple(_refusals(result, findings))
    files = [item.file for item in call.files if item.file is not None]
    names = [file.name for file in files]
    if records is not None:
        # That a record is out of date is for `couler lint` to say: a change that mends something adds no finding.
        findings = tuple(item for item in records.sift(findings, names).findings if item.code != STALE)
    return Side(findings, names, result, costs.costs if costs is not None else ())


def _content(name: str) -> bytes:
    """Return the bytes of a file; none where it is not there, or nobody may read it."""
    with suppress(OSError):
        return Path(name).read_bytes()
    return b""


def _is_emptied(finding: Finding, files: Sequence[str]) -> bool:
    """Whether this says that a place has no workflows, which it had among the files of the base."""
    empty = finding.code == "unreadable" and not Path(finding.file).is_file()
    return empty and any(Path(file).is_relative_to(finding.file) for file in files)


def _refusals(result: Result, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield why files are refused, where lint says nothing of that line."""
    places = {(place.file, place.line) for finding in findings for place in finding.places}
    for file in result.files:
        error = file.error
        if error is not None and (file.name, error.line) not in places:
            severity: Literal["error", "warning"] = "error" if isinstance(error, InvalidInput) else "warning"
            yield Finding(severity, error.message, file.name, error.line, code=REFUSED, hint=error.hint or "")


def _compare(commit: str, base: Side, head: Side, inputs: Sequence[Input], unread: Sequence[str]) -> Review:
    before = Baseline(Path("base"))
    before.records.update(record for finding in base.findings for record in before.records_of(finding))
    sifted = before.sift(head.findings, head.files)
    new = sifted.findings[: len(head.findings) - sifted.quiet]
    # Why a file is refused is mostly what lint finds there, at a place that it knows better.
    wrong = {finding.file for finding in new if finding.severity == "error" and finding.code != REFUSED}
    refused = {file.name for side in (base, head) for file in side.result.files if file.status == "refused"}
    texts = {file.name: file.original for file in base.result.files}
    files = [file.name for file in head.result.files if file.workflows and texts.get(file.name) != file.original]
    own = tuple(file if file.name in files else replace(file, workflows=0, passes=()) for file in head.result.files)
    versions = tuple(item for item in head.result.workflow_versions if item.file is None or own[item.file].workflows)
    changes = replace(head.result, files=own, workflow_versions=versions)
    sources = (item.file for item in inputs if item.file is not None)
    return Review(
        base=commit,
        files=files,
        unreadable=unread,
        findings=[finding for finding in new if finding.code != REFUSED or finding.file not in wrong],
        fixed=len(sifted.findings) - len(new),
        quiet=sifted.quiet,
        caching=list(_caching_changes(base.result, head.result)),
        costs=[cost for cost in compare_costs(base.costs, head.costs) if cost.path not in refused],
        explanation=list(explanation_lines(with_lines(changes, sources))),
    )


def _caching_changes(base: Result, head: Result) -> Iterator[CachingChange]:
    """Yield the steps that are there on both sides, with another verdict on caching."""
    before = _verdicts(base)
    for (file, workflow, step), decision in _verdicts(head).items():
        old = before.get((file, workflow, step))
        if old is not None and old.verdict != decision.verdict:
            reasons = dict.fromkeys(words_for(item.rule) for item in objections_of(decision))
            yield CachingChange(file, workflow, step, old.verdict, decision.verdict, list(reasons))


def _verdicts(result: Result) -> dict[tuple[str, str, str], Decision]:
    return {
        (file.name, decision.workflow, decision.subject): decision
        for file in result.files
        for decision in file.decisions
        if decision.verdict
    }
