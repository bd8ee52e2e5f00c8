"""`couler lint`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import click

from couler_plugins.cli.messages import nothing_in, say, write_bytes
from couler_plugins.cli.records import error_record, finding_record, print_json
from couler_plugins.cli.sarif import sarif_text
from couler_plugins.cli.settings import baseline_option, engine_option, format_option, render_option, to_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.documents import merge_alike
from couler_plugins.driver.baseline import Baseline
from couler_plugins.driver.linting import Linted, lint_inputs
from couler_plugins.engine_kit.crd import load_schemas

SEVERITIES = ("error", "warning", "note")


@file_command(
    "lint",
    click.option(
        "--schema",
        "schemas",
        multiple=True,
        metavar="CRD[,…]",
        help="Check against the CustomResourceDefinitions in these files, folders or globs, as an API server would.",
    ),
    baseline_option,
    click.option("--write-baseline", is_flag=True, help="Record all findings in the file that --baseline names."),
    to_option,
    engine_option,
    render_option,
    format_option("text", "json", "sarif"),
    epilog="""\b
Examples:
  couler lint workflow.yaml
  couler lint --format json manifests/
  couler lint --schema crds/ manifests/
  couler lint --to 'tekton{api=stable}' manifests/
  couler lint --baseline lint.json --write-baseline manifests/
  couler lint --format sarif . > lint.sarif
""",
)
def command(call: FileCall, *, schemas: tuple[str, ...], baseline: Path | None, write_baseline: bool) -> int:
    """Finds what an engine would refuse: file, line and remedy.

    Checks all files together, because one may refer to another. Exits with 1 if a finding is an error.

    Shows a finding at several places once, and lists the other places. In JSON, each file has its own finding. A
    baseline hides the findings that it records. It compares file, code, path and message.

    SARIF is for code scanning: paths are those in the repository, and fingerprints hold no line numbers.

    --schema checks objects of any kind, also of engines that couler does not know. It needs the extra `lint`.
    """
    if write_baseline and baseline is None:
        raise click.UsageError("--write-baseline needs --baseline FILE, the file to write.")
    checks = load_schemas([place for text in schemas for place in text.split(",") if place], call.config.max_bytes)
    with call.session(kind for _, kind in checks.kinds) as session:
        linted = lint_inputs(call.files, session, checks)
    quiet = 0
    if baseline is not None:
        if write_baseline:
            Baseline(baseline).write(linted.findings)
        names = [item.file.name for item in call.files if item.file is not None]
        sifted = Baseline.load(baseline).sift(linted.findings, names)
        linted, quiet = replace(linted, findings=sifted.findings), sifted.quiet
    if call.as_json:
        records = [finding_record(finding) for finding in linted.findings]
        errors = [error_record(error) for error in linted.errors]
        print_json("couler.lint/v1", {"documents": linted.documents, "findings": records, "errors": errors})
    elif call.output_format == "sarif":
        write_bytes(sarif_text(linted.remarks, session))
    else:
        write_bytes("".join(f"{finding}\n" for finding in merge_alike(linted.findings)))
    code = call.report(linted.errors)
    for item in call.files:  # manifests of other kinds are no news where there are workflows beside them
        if item.named and item.name in linted.empty and (item.name.endswith(".py") or not linted.documents):
            say(f"{item.name}: {nothing_in(item.name)}")
    say(_summary(linted))
    if quiet:
        say(f"{quiet} finding{'s' if quiet > 1 else ''} of {baseline} kept quiet")
    return code or int(linted.failed)


def _summary(linted: Linted) -> str:
    """How much was looked at, and what was found."""
    counts = Counter[str](finding.severity for finding in linted.findings)
    counts_text = [f"{count} {name}{'s' if count > 1 else ''}" for name in SEVERITIES if (count := counts[name])]
    counts_text += [f"{len(linted.errors)} not readable"] if linted.errors else []
    documents = f"{linted.documents} document{'' if linted.documents == 1 else 's'} checked"
    return f"{documents}: {', '.join(counts_text) or ('nothing found' if linted.documents else 'no workflow found')}"
