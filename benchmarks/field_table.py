"""The page of Markdown with the figures of `benchmarks.field`."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HEAD = """\
# Results on public repositories

Measured on {today} by `python -m benchmarks.field --traces FOLDER --json FILE --table FILE`.
The folder holds the YAML, JSON, TOML and template files of public repositories. No file in it declares a step pure.

- **call sites**: steps, entries and handlers that call a template, a task or another workflow.
- **after a declaration**: the owner's word is all that is missing.
- **places**: how many templates or tasks the owner would annotate for these.
- **never**: no declaration helps today, or what is called is in no file of the repository.

Files that a plain search finds and couler misses: {files_missed}.
Internal errors: {internal_errors}. Call sites without a verdict: {calls_without_verdict}.

| repository | commit | files read | skipped | call sites | cached | after a declaration | places | never |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


SETTINGS = """\
## With declarations in settings

[examples/field](../examples/field/README.md) has settings for some of these repositories. Somebody who had not seen
them read the manifests and labelled steps: pure, external (they depend on more than their inputs) or effect. A second
reader, who had seen neither settings nor labels, agreed on 65 of 67, and on the places of all declared steps.
The settings let {cached_of_pure:.0%} of the pure steps whose outputs are computed be cached, and
{cacheable_after_settings:.1%} of all call sites. Most others have effects, call what is not in the repository, or read
what changes outside.

- **verified**: declared steps that read or write at URLs which parameters name. Their rows name all these places.
- **declared otherwise**: all other declared steps that are not labelled pure.

| repository | declarations | call sites cached | labelled pure | cached of these | verified | declared otherwise |
| --- | --- | --- | --- | --- | --- | --- |
"""


def commits_in(readme: Path) -> dict[str, str]:
    """Return the commit of each repository, as far as a table in a file beside them says."""
    if not readme.is_file():
        return {}
    return dict(re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{12}) \|", readme.read_text("utf-8"), re.MULTILINE))


def table(repositories: dict[str, Any], total: dict[str, Any], commits: dict[str, str]) -> str:
    """Return the figures as a page of Markdown."""
    lines = HEAD.format(today=datetime.now(tz=UTC).date().isoformat(), **total).splitlines()
    for name, item in [*sorted(repositories.items()), ("all", total)]:
        verdicts: Counter[str] = Counter()
        places = 0
        for optimizers in item["optimizers"].values():
            verdicts.update(optimizers.get("cache", {}).get("verdicts", {}))
            places += optimizers.get("cache", {}).get("places", 0)
        cells = [name, commits.get(name, ""), item["files_understood"], sum(item["files_skipped"].values())]
        cells += [item["calls"], verdicts["cached"], verdicts["declarable"], places]
        cells += [item["calls"] - verdicts["cached"] - verdicts["declarable"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += ["", *SETTINGS.format(**total).splitlines()]
    for name, item in [*sorted(repositories.items()), ("all", total)]:
        names = ["declarations", "cached_after_settings", "pure_with_outputs", "pure_cached"]
        names += ["declared_verified", "declared_otherwise"]
        lines.append(f"| {name} | {' | '.join(str(item[key]) for key in names)} |")
    lines += ["", "## Reasons against caching", "", "A call site can have several reasons.", ""]
    lines += ["| rule | call sites |", "| --- | --- |"]
    lines += [f"| `{rule}` | {count} |" for rule, count in _rules(total["optimizers"], "never")]
    lines += ["", "## Lint findings", "", "| code | findings |", "| --- | --- |"]
    lines += [f"| `{code}` | {count} |" for code, count in sorted(total["lint"].items(), key=lambda item: -item[1])]
    lines += ["", "## Conversions", ""]
    lines += ["| from, to | whole | details left out | to do by hand | refused |", "| --- | --- | --- | --- | --- |"]
    for pair, counts in sorted(total["conversions"].items()):
        names = ("carried_whole", "carried_with_details", "todo", "refused")
        lines.append(f"| {pair} | {' | '.join(str(counts.get(name, 0)) for name in names)} |")
    return "\n".join(lines) + "\n"


def _rules(optimizers: dict[str, Any], verdict: str) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for passes in optimizers.values():
        counts.update(passes.get("cache", {}).get(verdict, {}))
    return counts.most_common()
