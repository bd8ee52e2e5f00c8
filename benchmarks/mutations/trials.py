"""One workflow under all its changes: what was stale, what had to miss, and what missed for nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path as File
from random import Random
from typing import Any, Protocol

from benchmarks.mutations.argo import ArgoRun
from benchmarks.mutations.changes import NEUTRAL, Case, Change, changes_of
from benchmarks.mutations.judging import Cache, CannotRun, Done, Key, Path, Situation
from benchmarks.mutations.kfp import KfpRun
from benchmarks.mutations.tekton import TektonRun
from couler_plugins.api import Text, optimize
from couler_plugins.errors import CoulerError
from couler_plugins.options.config import Config
from couler_plugins.options.rows import rows_in
from couler_plugins.plugins import Plugins, load_plugins

__all__ = ["PIPELINES", "RUNS", "Judged", "Make", "Optimizer", "engine_of", "judge"]

IMAGE = "registry.example.org/couler-cache@sha256:" + 64 * "0"
WRAPPER = f"store=s3://bucket/cache,image={IMAGE}"
PIPELINES = {
    "argo": ("cache{via=memoize}", f"cache{{via=wrapper,{WRAPPER}}}", f"cache{{via=both,{WRAPPER}}}"),
    "tekton": (f"cache{{via=wrapper,{WRAPPER}}}",),
    "kfp": ("cache{strict=true}", "cache{via=wrapper,store=s3://bucket/cache,program=couler}"),
}


class Run(Protocol):
    """One run of a file: what each step has made."""

    done: dict[Path, Done]

    def run(self) -> Run:
        """Run it."""


class Runs(Protocol):
    """Makes a run, without a cache or with one."""

    def __call__(
        self,
        documents: Sequence[Any],
        situation: Situation,
        rows: Sequence[Mapping[str, Any]] = (),
        truth: Mapping[Path, Done] | None = None,
        cache: Cache | None = None,
    ) -> Run: ...


RUNS: dict[str, Runs] = {"argo": ArgoRun, "kfp": KfpRun, "tekton": TektonRun}


Make = Callable[[Case, str, str], "tuple[Any, ...] | None"]
"""Optimizes a case for an engine by a pipeline."""


class Optimizer:
    """Optimizes cases.

    Args:
        plugins: the plugins.
        config: the settings, but for rows.
    """

    def __init__(self, plugins: Plugins | None = None, config: Config | None = None) -> None:
        self._config = config or Config()
        self._plugins = plugins or load_plugins(self._config)

    def __call__(self, case: Case, engine: str, pipeline: str) -> tuple[Any, ...] | None:
        """Return the documents of a case with a cache; None where they are refused."""
        tables = {"cache": {"declare": [dict(row) for row in case.rows]}}
        rows = rows_in(tables, File("couler.toml"), "", "") if case.rows else {}
        text = "\n---\n".join(json.dumps(document) for document in case.documents)
        try:
            return optimize(
                Text(text), pipeline, engine=engine, config=replace(self._config, rows=rows), plugins=self._plugins
            ).documents
        except CoulerError:
            return None


@dataclass
class Judged:
    """What was seen of changes of one kind on one engine.

    Attributes:
        counts: by name.
        stale: for each stale result the file, the kind and the step.
        needless: for each needless miss the file and the kind.
    """

    counts: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)


def judge(
    name: str, engine: str, case: Case, make: Make, random: Random, most: int, pipelines: Sequence[str] = ()
) -> Iterator[tuple[str, Judged]]:
    """Yield what is seen of one workflow, by the kind of change.

    Args:
        name: of the file.
        engine: its engine.
        case: the workflow as it is.
        make: optimizes.
        random: chooses among the changes.
        most: how many are tried for each pipeline.
        pipelines: those of the engine, unless others are named.
    """
    every: dict[Key, str] = {}
    for pipeline in pipelines or PIPELINES[engine]:
        where = f"{name}, {pipeline.partition(',')[0]}"
        first = _ran(case, engine, pipeline, make, None)
        if first is None or not first.steps:
            continue
        yield (
            "unchanged",
            Judged(Counter(steps=len(first.steps), workflows=1), _stale(where, "unchanged", first, every)),
        )
        every |= first.entries
        for number, change in enumerate(islice(_by_turns(changes_of(case, engine), random), most)):
            changed = change.make()
            other = replace(changed, situation=replace(changed.situation, run=f"{where} {number}"))
            cache = _ran(other, engine, pipeline, make, first)
            if cache is None or not cache.steps:
                yield change.kind, Judged(Counter(nothing_cached=1))
                continue
            yield change.kind, _judged(change.kind, where, first, cache, every)
            every = cache.entries | every


def _by_turns(changes: Sequence[Change], random: Random) -> Iterator[Change]:
    """Yield changes at random, those of one kind as soon as those of another."""
    kinds: dict[str, list[Change]] = {}
    for change in random.sample(changes, len(changes)):
        kinds.setdefault(change.kind, []).append(change)
    for some in zip_longest(*random.sample(list(kinds.values()), len(kinds))):
        yield from filter(None, some)


def _ran(case: Case, engine: str, pipeline: str, make: Make, before: Cache | None) -> Cache | None:
    documents = make(case, engine, pipeline)
    if documents is None:
        return None
    cache = Cache(before, case.situation)
    situation = replace(case.situation, left=dict(cache.there.left))
    try:
        truth = RUNS[engine](case.documents, situation, case.rows).run().done
        RUNS[engine](documents, situation, case.rows, truth, cache).run()
    except CannotRun:
        return None
    return cache


def _stale(where: str, kind: str, cache: Cache, every: Mapping[Key, str]) -> list[str]:
    """Return the steps whose result was another's, in this run or in one of all those before."""
    paths = ["/".join(path) for path in cache.stale]
    paths += ["/".join(key) for key, truth in cache.entries.items() if every.get(key, truth) != truth]
    return [f"{where}: {kind}: {path}" for path in paths]


def _judged(kind: str, where: str, first: Cache, cache: Cache, every: Mapping[Key, str]) -> Judged:
    """Return what is seen of a run after a change."""
    known = set(first.entries.values())
    moved = {path for path, (truth, _) in cache.steps.items() if truth not in known} | cache.lost
    changed = [hit for path, (_, hit) in cache.steps.items() if path in moved]
    same = [hit for path, (_, hit) in cache.steps.items() if path not in moved]
    judged = Judged(stale=_stale(where, kind, cache, every))
    judged.counts.update(mutations=1, must_miss=bool(changed), missed_of_must_miss=bool(changed) and not any(changed))
    if kind in NEUTRAL:
        judged.counts.update(neutral=1, needless_misses=not all(same))
        if not all(same):
            judged.needless.append(f"{where}: {kind}")
    return judged


def engine_of(documents: Sequence[Any]) -> str | None:
    """Return whose workflows the documents of a file are; None where they are nobody's."""
    for document in documents:
        data = document if isinstance(document, dict) else {}
        version = str(data.get("apiVersion", ""))
        for engine, group in (("argo", "argoproj.io/"), ("tekton", "tekton.dev/")):
            if version.startswith(group) or any(
                str(item.get("apiVersion", "")).startswith(group)
                for item in data.get("items") or ()
                if isinstance(item, dict)
            ):
                return engine if engine in RUNS else None
        if "pipelineInfo" in data and "root" in data:
            return "kfp" if "kfp" in RUNS else None
    return None
