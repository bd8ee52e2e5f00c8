"""Facts of steps and of the run as Argo spells them, and structures that are known before a run.

Sources: docs/variables.md, `assessDAGPhase` in `workflow/controller/dag.go`, `executeStepGroup` in `steps.go`.

How often Argo tries, and how long it waits in between; `processNodeRetries` in `workflow/controller/operator.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_argo.run.local.programs import seconds_of
from couler_plugins.hookspecs.local import Ended, NotThere, Outcome
from couler_plugins.ir import Graph, Literal, Native, Reference, Retry, needed

PHASES: Mapping[str, str] = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "errored": "Error",
    "skipped": "Skipped",
    "omitted": "Omitted",
}
OF_RUN = {"name": "name", "uid": "id", "status": "outcome"}
"""The facts of a workflow that are known here, by their names in Argo."""


def known_fact(reference: Reference) -> bool:
    """Whether a fact is known here."""
    if reference.to == "status":
        return reference.name in ("status", "exitCode")
    return reference.name == "workflow" and len(reference.path) == 1 and reference.path[0] in OF_RUN


def fact(reference: Reference, ended: Ended | None, run: Mapping[str, str]) -> str:
    """A fact of a step, or of the run.

    Raises:
        NotThere: it is not known here, or not yet.
    """
    if known_fact(reference):
        if ended is not None and reference.name == "status":
            return PHASES[ended.outcome]
        if ended is not None and ended.code is not None:
            return str(ended.code)
        if ended is None and (name := OF_RUN[reference.path[0]]) in run:
            return PHASES.get(run[name], run[name]) if name == "outcome" else run[name]
    raise NotThere(f"{reference.native or reference.name!r} is not known here")


def outcome(graph: Graph, ended: Mapping[str, Ended]) -> Outcome:
    """How a graph ended: a step that did not run has the outcome of what is before it."""
    steps = {step.name: step for step in graph.steps}
    if graph.stages is not None:
        well = all(not item.bad or item.outcome in steps[name].tolerates for name, item in ended.items())
        return "succeeded" if well else "failed"
    branch: dict[str, Outcome] = {}
    waited: set[str] = set()
    for name, item in ended.items():  # each after those that it waited for
        before = [need.step for need in needed(steps[name].needs)]
        waited.update(before)
        bad = (branch[other] for other in before if branch.get(other, "succeeded") != "succeeded")
        inherited: Outcome = next(bad, "succeeded")
        branch[name] = item.outcome if item.bad or item.outcome == "succeeded" else inherited
    targets = [str(name) for name in graph.targets] or [name for name in ended if name not in waited]
    bad_targets = (branch[name] for name in targets if branch[name] not in ("succeeded", *steps[name].tolerates))
    return next(bad_targets, "succeeded")


UNKNOWN = "(only known at run time)"


def data_of(structure: Native | None) -> Mapping[str, Any]:
    """What a mapping holds, with a text in the place of each reference; empty where it is none."""
    if structure is None:
        return {}
    text = "".join(part if isinstance(part, str) else UNKNOWN for part in structure.parts)
    try:
        content = Native(parts=(text,)).data
    except ValueError:
        return {UNKNOWN: None}
    return content if isinstance(content, dict) else {}


KNOWN = frozenset({"retryPolicy", "backoff", "affinity"})
BACKOFF = frozenset({"duration", "factor", "cap"})
POLICIES = {"OnFailure": ("failed",), "OnError": ("errored",), "Always": ("failed", "errored")}


def objections(retry: Retry) -> Iterator[str]:
    """What of a retry strategy is not known here, each in half a sentence."""
    rest = data_of(retry.native_extra)
    if retry.limit is not None and (not isinstance(retry.limit, Literal) or not str(retry.limit.value).isdigit()):
        yield "how often it is tried is only known at run time"
    for key in sorted(rest.keys() - KNOWN):
        yield f"its attempts depend on {key!r}"
    if rest.get("retryPolicy", "OnFailure") not in POLICIES:
        yield f"its retryPolicy is {rest['retryPolicy']!r:.40}"
    backoff = rest.get("backoff") or {}
    for key in sorted(backoff.keys() - BACKOFF):
        yield f"its backoff has {key!r}"
    try:
        pause(retry, ())
    except (NotThere, ValueError) as error:
        yield f"its backoff makes no sense: {error}"


def pause(retry: Retry, ended: Sequence[Ended]) -> float | None:
    """Seconds until the next attempt; None where there is none."""
    rest = data_of(retry.native_extra)
    backoff: Mapping[str, Any] = rest.get("backoff") or {}
    wait = 0.0
    if backoff:
        wait = seconds_of(str(backoff.get("duration", ""))) * float(backoff.get("factor") or 1) ** max(
            0, len(ended) - 1
        )
        if backoff.get("cap"):
            wait = min(wait, seconds_of(str(backoff["cap"])))
    if not ended or ended[-1].outcome not in POLICIES[rest.get("retryPolicy", "OnFailure")]:
        return None
    limit = None if retry.limit is None else int(str(retry.limit.value))  # type: ignore[union-attr]  # see `objections`
    return None if limit is not None and len(ended) > limit else wait
