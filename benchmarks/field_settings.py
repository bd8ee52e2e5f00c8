"""What settings make of caching on repositories of others, judged by labels of somebody who saw only the manifests.

Labels are a JSON list of objects with `repository`, `file`, `operation` (a template; of Tekton, `task` for what a Task
runs, or `pipeline/NAME`), `label` and `computes` (whether its declared outputs hold more than a place). The labels:

pure       its outputs depend on its inputs, its program and its image alone
external   they depend on more: a registry, a service, a branch, the cluster, a clock, chance, a volume
effect     it changes something outside of its outputs, or writes them to a place that an input names

`places` says of a step that does nothing else outside than read and write at URLs which its inputs name, what it does
at each, by the input: `in` or `out`. Such a step is verified, and not declared otherwise, where its row says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from couler_plugins.caching.declarations import CACHE, declared_places
from couler_plugins.caching.rows import RowsFromSettings
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import lift_each, optimize_inputs
from couler_plugins.errors import Unsupported
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config

WIDEST = "dedupe,prune,cache{via=both,store=s3://bucket/cache,image=couler@sha256:" + 64 * "0" + "}"
LABELS = Path(__file__).parent / "field_labels.json"


def figures_with_settings(
    inputs: Sequence[Input], config: Config, work: Session, labels: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the settings come to where results are memoized or wrapped, and what labels say of it."""
    try:
        result = optimize_inputs(inputs, WIDEST, work)
    except Unsupported:  # an engine without wrappers
        result = optimize_inputs(inputs, "cache", work)
    judged = [(file.name, item) for file in result.files for item in file.decisions if item.verdict]
    by_operation: dict[tuple[str, str], set[str]] = {}
    for file, item in judged:
        for name in {item.calls or item.subject, item.subject}:
            by_operation.setdefault((file, name), set()).add(item.verdict)
    names = {item.relative: item.name for item in inputs}
    known = [item for item in labels if item["file"] in names]
    pure = [item for item in known if item["label"] == "pure" and item["computes"]]
    cached_pure = [item for item in pure if by_operation.get((names[item["file"]], item["operation"])) == {"cached"}]
    declared = declared_operations(inputs, result, config, work)
    others = [item for item in known if item["label"] != "pure"]
    said = [(item, declared.get((names[item["file"]], item["operation"]))) for item in others]
    verified = [item for item, places in said if places and places == item.get("places")]
    otherwise = [item for item, places in said if places is not None and item not in verified]
    cached = sum(item.verdict == "cached" for _, item in judged if item.calls)
    return {
        "declarations": len([row for row in config.rows.get("cache", ()) if row.names_steps]),
        "cached_after_settings": cached,
        "labelled": dict(sorted(Counter(item["label"] for item in known).items())),
        "pure_with_outputs": len(pure),
        "pure_cached": len(cached_pure),
        "pure_uncached": [_label(item) for item in pure if item not in cached_pure],
        "declared_otherwise": len(otherwise),
        "otherwise": list(map(_label, otherwise)),
        "declared_verified": len(verified),
    }


def _label(item: Mapping[str, Any]) -> str:
    return f"{item['file']} {item['operation']}: {item['label']}"


def declared_operations(
    inputs: Sequence[Input], result: Result, config: Config, work: Session
) -> dict[tuple[str, str], dict[str, str]]:
    """Return the places of the operations that rows of the settings name, by their file and name."""
    rows = config.rows.get("cache", ())
    operations: dict[tuple[str, str], dict[str, str]] = {}
    plans = lift_each(inputs, work, lambda item, error: None) if rows else ()
    caches = {plan.workflows[0].engine: work.plugins.adapter(plan.workflows[0].engine).cache(plan) for plan in plans}
    for traced in result.workflow_versions:
        workflow = traced.versions[0]
        if workflow is None or traced.file is None or workflow.engine not in caches:
            continue
        cache = caches[workflow.engine](workflow)
        if isinstance(cache, RowsFromSettings):
            cache.rows = rows
            named = [item for item in workflow.operations if cache.declared.remedy(item, CACHE, "pure")]
            places = {item.name: declared_places(cache.declared.annotations(item)) for item in named}
            operations |= {(result.files[traced.file].name, name): there for name, there in places.items()}
    return operations
