"""Totals over a result: per engine and optimizer, what becomes of the call sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.ir import leaf_call_sites
from couler_plugins.plan import Decision, Outcome


class VerdictTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the call sites of some workflows under one optimizer.

    A call site is a step, entry or handler that calls an operation or another workflow.

    Attributes:
        engine: the engine; empty for all engines together.
        optimizer: the name of the optimizer, without options.
        workflows: how many workflows there are.
        calls: how many call sites they have.
        changed: how many subjects (steps, operations, graphs, workflows) the optimizer changes.
        verdicts: how many call sites have each verdict.
        never: for each rule, how many call sites it forbids for good; a call site may have several.
        declarable: for each rule, how many call sites could be cached otherwise and only need a declaration about it.
        unknown: for each rule, how many call sites cannot be judged here.
        places: how many places their owners would have to annotate for these.
        unjudged: how many call sites have no verdict; 0 for an optimizer that judges none.
        uncalled: the verdicts on operations of libraries that nothing here calls.
    """

    engine: str
    optimizer: str
    workflows: int
    calls: int
    changed: int
    verdicts: Mapping[Outcome, int]
    never: Mapping[str, int]
    declarable: Mapping[str, int]
    unknown: Mapping[str, int]
    places: int
    unjudged: int
    uncalled: Mapping[Outcome, int]


def verdict_totals(result: Result) -> tuple[VerdictTotals, ...]:
    """Return the totals of each engine and optimizer, in the order of the pipeline."""
    traces = result.workflow_versions
    engines = by_key((first.engine, trace) for trace in traces if (first := trace.versions[0]) is not None)
    return tuple(
        _totals(result, name, engine, traces)
        for name in dict.fromkeys(text.partition("{")[0] for text in result.optimizers)
        for engine, traces in sorted(engines.items())
    )


def total_of(result: Result, optimizer: str) -> VerdictTotals:
    """Return the totals of one optimizer over all engines."""
    return _totals(result, optimizer, "", result.workflow_versions)


def _totals(result: Result, optimizer: str, engine: str, traces: Iterable[WorkflowVersions]) -> VerdictTotals:
    workflows = [(trace.file, workflow) for trace in traces if (workflow := trace.versions[0]) is not None]
    labels = {(file, workflow.label) for file, workflow in workflows}
    calls = Counter(
        (file, workflow.label, site.label) for file, workflow in workflows for site in leaf_call_sites(workflow)
    )
    decided = [
        (number, decision)
        for number, decision in decisions_by(result, optimizer)
        if (number, decision.workflow) in labels
    ]
    judged = Counter[tuple[int | None, str, str]](
        (number, item.workflow, item.subject) for number, item in decided if item.calls and item.verdict
    )
    sites = [item for _, item in decided if item.calls and item.verdict]
    called = {item.calls for item in sites}
    uncalled = [
        item
        for _, item in decided
        if item.verdict and not item.calls and f"{item.workflow}/{item.subject}" not in called
    ]
    judges = optimizer == "cache" or bool(sites)
    declarable = [item for item in sites if item.verdict == "declarable"]
    return VerdictTotals(
        engine=engine,
        optimizer=optimizer,
        workflows=len(workflows),
        calls=calls.total(),
        changed=len({(number, item.workflow, item.subject) for number, item in decided if item.action}),
        verdicts=_counts(item.verdict for item in sites),
        never=_rules(item for item in sites if item.verdict == "never"),
        declarable=_rules(declarable),
        unknown=_rules(item for item in sites if item.verdict == "not-in-call"),
        places=len({place for item in declarable for place in _places(item)}),
        unjudged=(calls - judged).total() if judges else 0,
        uncalled=_counts(item.verdict for item in uncalled),
    )


def decisions_by(result: Result, optimizer: str) -> Iterator[tuple[int, Decision]]:
    """Yield the decisions of an optimizer, each once, with the number of its file."""
    seen: set[int] = set()
    for number, file in enumerate(result.files):
        for decision in file.decisions:
            if decision.optimizer == optimizer and id(decision) not in seen:
                seen.add(id(decision))
                yield number, decision


def _counts(outcomes: Iterable[Outcome]) -> dict[Outcome, int]:
    return dict(Counter(outcomes).most_common())


def _rules(decisions: Iterable[Decision]) -> dict[str, int]:
    """For each rule, how many decisions it decides, the most frequent first."""
    counts = Counter(
        rule
        for decision in decisions
        for rule in {
            item.rule for item in decision.objections if bool(item.remedy) is (decision.verdict == "declarable")
        }
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _places(decision: Decision) -> Iterator[object]:
    """The places to annotate so that a call site can be cached."""
    places = (objection.place for objection in decision.objections)
    return ((place.file, place.document, place.path) for place in places if place is not None)
