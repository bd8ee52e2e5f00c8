"""What couler makes of repositories that others wrote: the scoreboard of every optimizer, of lint and of conversions.

python -m benchmarks.field --traces ../shared/corpus/field --json field.json

Each folder in `--traces` is the root of a repository. `--settings DIR` gives a repository the settings in
DIR/REPOSITORY/couler.toml (examples/field). `--labels FILE` says of some steps what their programs do, see
`benchmarks.field_settings`. `--table FILE` writes the figures as a page of Markdown.

Figures, for each repository and in total:

files                    with the endings of YAML and JSON
files_understood         read as workflows
files_skipped            by reason: templated, patches, programs, locked
files_unreadable         that were meant as workflows and are no YAML
files_refused            whose workflows have problems that forbid optimizing them
files_missed             that a plain search finds a workflow in, and that are neither read, nor skipped with a line
internal_errors          files on which a plugin failed
calls                    call sites: steps, entries and handlers that call an operation or another workflow
calls_without_verdict    call sites of which `explain` says nothing
optimizers               by engine and optimizer: calls, changed, verdicts, never and declarable by rule, places
lint                     findings by code
conversions              by pair of engines: carried_whole, carried_with_details (left out), todo (by hand), refused
declarations             rows of the settings that declare steps
cached_after_settings    call sites that are cached with these settings, by memoization or in a wrapper
cacheable_after_settings the same, as a share of all call sites
labelled                 labelled steps that were read, by label
pure_with_outputs        of these, pure ones whose outputs are computed
cached_of_pure           the share of those that are cached with the settings
declared_otherwise       labelled steps that the settings declare pure, and that are labelled otherwise (has to be 0)
declared_verified        of these, those left out of it: a hit verifies all the places that their labels name
seconds                  wall seconds of lint, explain, the page and the conversions, plugins loaded
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.field_settings import LABELS, figures_with_settings
from benchmarks.field_table import commits_in, table
from benchmarks.harness import finish, parser, tell
from couler_plugins.cli.migration import outcome_of
from couler_plugins.driver.conversion import convert_inputs
from couler_plugins.driver.differences import Policy
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.results import FileResult, Result
from couler_plugins.driver.session import optimize_inputs, read_workflows, session
from couler_plugins.driver.verdict_totals import verdict_totals
from couler_plugins.errors import CoulerError, PluginFailure
from couler_plugins.inputs.scanning import Skips
from couler_plugins.inputs.sources import SUFFIXES, Input
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins import Plugins, load_plugins
from couler_plugins.viz.page import page

ENGINES = ("airflow", "argo", "kfp", "tekton")
TARGETS = {
    "airflow": "airflow{store=files,kubectl=kubectl}",
    "argo": "argo{image=busybox}",
    "kfp": "kfp{image=busybox,kubectl=kubectl}",
    "tekton": "tekton{image=busybox,store=files,kubectl=kubectl}",
}
"""The engines that workflows are converted to, with what an owner would name."""
PIPELINE = "dedupe,prune,cache{via=memoize}"
QUICK = 20
"""Files of a repository that are looked at with --quick."""

# A search that shares nothing with our own: a document's own lines, at the margin.
KINDS = {
    "argoproj.io/": {"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"},
    "tekton.dev/": {"Pipeline", "PipelineRun", "Task", "TaskRun", "StepAction"},
}
FIELD = re.compile(r"^(apiVersion|kind):[ \t]*[\"']?([\w./-]+)", re.MULTILINE)
SUMS = (
    "files",
    "files_understood",
    "files_unreadable",
    "files_refused",
    "files_missed",
    "internal_errors",
    "calls",
    "calls_without_verdict",
    "declarations",
    "cached_after_settings",
    "pure_with_outputs",
    "pure_cached",
    "declared_otherwise",
    "declared_verified",
)


def main() -> None:
    flags = parser(__doc__ or "", "a folder of repositories, each a folder")
    flags.add_argument("--settings", type=Path, help="a folder with REPOSITORY/couler.toml for some repositories")
    flags.add_argument("--labels", type=Path, default=LABELS, help="labels of steps, by somebody who saw no settings")
    flags.add_argument("--table", type=Path, help="where to write the figures as a page of Markdown")
    options = flags.parse_args()
    if options.traces is None:
        flags.error("--traces is needed: the repositories of others are no part of this one")
    repositories: dict[str, Any] = {}
    labels = json.loads(options.labels.read_text("utf-8"))
    for folder in sorted(path for path in options.traces.iterdir() if path.is_dir()):
        tell(folder.name)
        settings = options.settings / folder.name if options.settings else folder
        own = [item for item in labels if item["repository"] == folder.name]
        repositories[folder.name] = figures_of(folder, load_config(start=settings), own, quick=options.quick)
    figures = total_of(list(repositories.values())) | {"repositories": repositories}
    if options.table:
        options.table.write_text(table(repositories, figures, commits_in(options.traces.parent / "README.md")))
    bars = {
        f"{engine}: {verdict}": float(count)
        for engine, optimizers in figures["optimizers"].items()
        for verdict, count in optimizers.get("cache", {}).get("verdicts", {}).items()
    }
    limits = {name: float(figures["optimizers"][name.partition(":")[0]]["cache"]["calls"]) for name in bars}
    finish(options, figures, bars, limits)


def figures_of(
    folder: Path, config: Config, labels: Sequence[Mapping[str, Any]] = (), *, quick: bool = False
) -> dict[str, Any]:
    """Return the figures of one repository."""
    plugins = load_plugins(config)
    work = session(replace(config, rows={}), plugins)
    inputs, skips = read_workflows(folder, config, work)
    chosen = inputs[:QUICK] if quick else inputs
    seconds: dict[str, float] = {}

    def timed(name: str, job: Callable[[], Any]) -> Any:
        start = time.monotonic()
        try:
            return job()
        finally:
            seconds[name] = round(time.monotonic() - start, 3)

    linted = timed("lint", lambda: lint_inputs(chosen, work))
    result = timed("explain", lambda: optimize_inputs(chosen, PIPELINE, work))
    timed("graph", lambda: page(result))
    conversions = timed("convert", lambda: dict(conversions_of(chosen, result, config, plugins)))
    errors = [item.error for item in inputs if item.error is not None]
    refused = [file for file in result.files if file.error is not None and file.error not in errors]
    failures = [error for error in (*linted.errors, *(file.error for file in refused)) if _is_failure(error)]
    totals = verdict_totals(result)
    optimizers: dict[str, dict[str, Any]] = {}
    for total in totals:
        optimizers.setdefault(total.engine, {})[total.optimizer] = {
            "workflows": total.workflows,
            "calls": total.calls,
            "changed": total.changed,
            "verdicts": dict(total.verdicts),
            "never": dict(total.never),
            "declarable": dict(total.declarable),
            "places": total.places,
        }
    judged = [total for total in totals if total.optimizer == "cache"]
    return {
        "files": sum(1 for _ in manifests(folder)),
        "files_understood": len(inputs) - len(errors),
        "files_skipped": {name: len(getattr(skips, name)) for name in ("templated", "patches", "programs", "locked")},
        "files_unreadable": len(errors),
        "files_refused": len([file for file in refused if not _is_failure(file.error)]),
        "files_missed": len(missed(folder, inputs, skips)),
        "missed": missed(folder, inputs, skips),
        "internal_errors": len(failures),
        "calls": sum(total.calls for total in judged),
        "calls_without_verdict": sum(total.unjudged for total in judged),
        "optimizers": optimizers,
        **figures_with_settings(chosen, config, session(config, plugins), labels),
        "lint": dict(sorted(Counter(finding.code for finding in linted.findings).items())),
        "conversions": conversions,
        "seconds": seconds,
    }


def manifests(folder: Path) -> Iterator[Path]:
    """The files below a folder that may hold manifests, whatever else is said of them."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and path.is_file():
            yield path


def missed(folder: Path, inputs: Sequence[Input], skips: Skips) -> list[str]:
    """The files in which a plain search finds a workflow, and that are neither read nor skipped with a line."""
    known = {item.relative for item in inputs} | {*skips.templated, *skips.patches, *skips.locked}
    names = ((str(path.relative_to(folder)), path) for path in manifests(folder))
    return [name for name, path in names if name not in known and holds_workflow(path)]


def holds_workflow(path: Path) -> bool:
    """Whether a document of the file names a group of an engine and one of its kinds, or looks like KFP's."""
    text = path.read_text("utf-8", "replace")
    if path.suffix == ".json":
        try:
            data = json.loads(text)
        except ValueError:
            return False
        documents = [data] if isinstance(data, dict) else []
        found = [(str(item.get("apiVersion")), str(item.get("kind"))) for item in documents]
    else:
        fields = [dict(FIELD.findall(part)) for part in re.split(r"^---", text, flags=re.MULTILINE)]
        found = [(item.get("apiVersion", ""), item.get("kind", "")) for item in fields]
        if re.search(r"^pipelineInfo:", text, re.MULTILINE) and re.search(r"^root:", text, re.MULTILINE):
            return True
    return any(group.startswith(name) and kind in kinds for group, kind in found for name, kinds in KINDS.items())


def conversions_of(
    inputs: Sequence[Input], result: Result, config: Config, plugins: Plugins
) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield how many files of each engine every other engine carries.

    `carried_whole` and `carried_with_details` files need nobody; in `todo` files a step is to be written by hand, or
    something that concerns whole runs is left out; `refused` files are not written at all.
    """
    engines: dict[str, list[Input]] = {}
    for trace in result.workflow_versions:
        if trace.file is not None and (first := trace.versions[0]) is not None:
            own = engines.setdefault(first.engine, [])
            if inputs[trace.file] not in own[-1:]:
                own.append(inputs[trace.file])
    for engine, own in sorted(engines.items()):
        for target in ENGINES:
            if target != engine:
                try:
                    work = session(config, plugins, to=TARGETS[target], policy=Policy("todo"))
                    counts = Counter(map(_carried, convert_inputs(own, TARGETS[target], work).files))
                except CoulerError as error:
                    counts = Counter({"failed" if _is_failure(error) else "refused": len(own)})
                yield f"{engine} to {target}", dict(sorted(counts.items()))


def _carried(file: FileResult) -> str:
    if file.error is not None:
        return "failed" if _is_failure(file.error) else "refused"
    return {"whole": "carried_whole", "detail": "carried_with_details"}.get(
        outcome := outcome_of(file), "library" if outcome == "library" else "todo"
    )


def _is_failure(error: Exception | None) -> bool:
    return isinstance(error, PluginFailure)


def total_of(repositories: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all repositories together."""
    total: dict[str, Any] = {name: sum(item[name] for item in repositories) for name in SUMS}
    for name in ("files_skipped", "lint", "optimizers", "conversions", "labelled"):
        merged: dict[str, Any] = {}
        for item in repositories:
            _add(merged, item[name])
        total[name] = merged
    total["cacheable_after_settings"] = round(total["cached_after_settings"] / max(total["calls"], 1), 4)
    total["cached_of_pure"] = round(total["pure_cached"] / max(total["pure_with_outputs"], 1), 4)
    total["slowest_seconds"] = max(
        (item["seconds"][name] for item in repositories for name in ("lint", "explain", "graph")), default=0.0
    )
    return total


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Add counts to counts of the same shape."""
    for name, value in more.items():
        if isinstance(value, dict):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


if __name__ == "__main__":
    main()
