"""Cached tasks that were edited after they were optimised, found by computing anew what their keys have to cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import calls_of
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.caching.rows import DECLARED, recorded_rows
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.documents import Remark
from couler_plugins.ir import Bundle, External, Literal, Operation, Source, Workflow
from couler_tekton.cache.actions import untouched
from couler_tekton.cache.cache import TektonCache, caches
from couler_tekton.cache.declared import CACHED_FROM, annotations_of
from couler_tekton.cache.wrapping import RESTORE, arguments_of, file_arguments, has_steps, is_whole, values_of
from couler_tekton.extracted import holding, named
from couler_tekton.lift import lift

CODE = "stale-key"
HINT = "optimise it again: `couler optimize`, with the same options as before"


class _Cached(NamedTuple):
    """A task that is cached, what was found about it, and where it is."""

    operation: Operation
    verdict: Verdict
    source: Source | None


def stale_keys(bundle: Bundle) -> Iterator[Remark]:
    """A remark on each task whose key does not cover any more what it was made to cover."""
    if not any(RESTORE in str(document.data) for document in bundle.documents):
        return
    plan = lift(bundle, lambda file, error: None)  # what cannot be read is said by the other checks
    workflows, cache_of = plan.workflows, caches(plan)
    copies = {
        one.name: one.operations[0] for one in workflows if one.kind == "Task" and CACHED_FROM in annotations_of(one)
    }
    for workflow in workflows:
        if (origin := annotations_of(workflow).get(CACHED_FROM)) is not None:
            if workflow.name != named(origin, holding(workflow)):
                message = f"the cached copy of {origin!r} was edited, and is not what its name says"
                yield _remark(workflow.source, message)
            continue
        cache = cache_of(workflow)
        cache.rows = recorded_rows(annotations_of(workflow).get(DECLARED, ""))
        for cached in _cached(workflow, cache, copies):
            loose = untouched(cached.operation, cache.action)
            reason = _problem(cached) or "".join(f"the StepAction {name!r} may change" for name in list(loose)[:1])
            if reason:
                yield _remark(cached.source or workflow.source, f"its cache key is out of date: {reason}")


def _remark(source: Source | None, message: str) -> Remark:
    assert source is not None
    return Remark(int(source[0]), source[1:], "error", CODE, message, HINT)


def _cached(workflow: Workflow, cache: TektonCache, copies: Mapping[str, Operation]) -> Iterator[_Cached]:
    steps = calls_of(workflow)
    own = {item.name: item for item in workflow.operations}
    analysis = Analysis(cache.bare, cache, assume_pure=True, fingerprints=True)
    for place, verdict in cache.verdicts_of(analysis).items():
        step = steps.get(place)
        if step is not None and isinstance(step.call, External):
            operation, source = copies.get(step.call.workflow), step.source
        else:
            operation = own.get(verdict.facts.operation.name) if verdict.facts is not None else None
            source = operation.source if operation is not None else None
        if operation is not None and has_steps(operation):
            yield _Cached(operation, verdict, source)


def _problem(cached: _Cached) -> str:
    """Why a result may be another one than its key says; empty where it may not."""
    if not is_whole(cached.operation):
        return "a step runs before it, after it, or although there was a result"
    verdict, said = cached.verdict, arguments_of(cached.operation)
    if verdict.objection is not None and verdict.objection.against == "reuse":
        return verdict.objection.reason
    assert verdict.facts is not None
    if f"--spec={verdict.facts.spec}" not in said:
        return "what it runs was edited"
    lineage = [text.partition("=")[2] for text in said if text.startswith(f"{LINEAGE}=")]
    if lineage != [value.value if isinstance(value, Literal) else None for value in verdict.lineages]:
        return "what it comes after was edited"
    values = values_of(verdict.facts.operation, verdict.facts.spec, lineage)
    if said[-len(values) - 1 :] != ["--", *values]:
        return "its first step does not look at all its parameters"
    if not {text for text in file_arguments(verdict.facts.operation) if text.startswith(("--file", "--place"))} <= {
        *said
    }:
        return "its first step does not look at all files and places that it has"
    return ""
