"""Facts of steps and of the run as Argo spells them, and structures that are known before a run.

Sources: docs/variables.md, `assessDAGPhase` in `workflow/controller/dag.go`, `executeStepGroup` in `steps.go`.

How often Argo tries, and how long it waits in between; `processNodeRetries` in `workflow/controller/operator.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from couler_argo.run.local.values import expression
from couler_argo.spelling import expression_of
from couler_plugins.hookspecs.local import Ended, Look, NotThere, Outcome
from couler_plugins.ir import Expression, Graph, Literal, Native, Reference, Retry, Value, needed, replace

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


KNOWN = frozenset({"retryPolicy", "affinity"})
POLICIES = {"OnFailure": ("failed",), "OnError": ("errored",), "Always": ("failed", "errored")}
OF_ATTEMPTS: Mapping[tuple[str, ...], Callable[[Sequence[Ended]], str]] = {
    ("retries",): lambda ended: str(len(ended) - 1),
    ("lastRetry", "exitCode"): lambda ended: "-1" if ended[-1].code is None else str(ended[-1].code),
    ("lastRetry", "status"): lambda ended: PHASES[ended[-1].outcome],
    ("lastRetry", "duration"): lambda ended: str(int(ended[-1].seconds)),
    ("lastRetry", "message"): lambda ended: _message(ended[-1]),
}
"""What an `expression` may read; all of it are texts."""


def _message(ended: Ended) -> str:
    """What Argo says of an attempt, or the kubelet where its time was up."""
    if ended.outcome == "errored":
        return ended.message
    if ended.code is None:
        return "Pod was active on the node longer than the specified deadline"
    return f"main: Error (exit code {ended.code})"


def objections(retry: Retry) -> Iterator[str]:
    """What of a retry strategy is not known here, each in half a sentence."""
    rest = data_of(retry.native_extra)
    if retry.limit is not None and (not isinstance(retry.limit, Literal) or not str(retry.limit.value).isdigit()):
        yield "how often it is tried is only known at run time"
    for key in sorted(rest.keys() - KNOWN):
        yield f"its attempts depend on {key!r}"
    if rest.get("retryPolicy", "OnFailure") not in POLICIES:
        yield f"its retryPolicy is {rest['retryPolicy']!r:.40}"
    for value in (retry.delay, retry.factor, retry.max_delay):
        if value is not None and _number(value) is None:
            yield "how long it waits between attempts is only known at run time, or makes no sense"
    if retry.delay is None and (retry.factor or retry.max_delay):
        yield "its backoff has no duration"
    for part in () if retry.condition is None else expression_of(retry.condition).parts:
        if isinstance(part, Reference) and _place(part) not in OF_ATTEMPTS:
            yield f"its attempts depend on {part.native or part.name!r}, which its expression does not see"


def _place(reference: Reference) -> tuple[str, ...]:
    return (reference.name, *reference.path)


def filled_in(retry: Retry | None) -> Expression | None:
    """The expression of a retry strategy with a text for each thing that is known of attempts."""
    if retry is None or retry.condition is None:
        return None
    condition = expression_of(retry.condition)
    parts = ("''" if isinstance(part, Reference) else part for part in condition.parts)
    return replace(condition, parts=tuple(parts))


def _number(value: Value | None) -> float | None:
    return value.value if isinstance(value, Literal) and isinstance(value.value, (int, float)) else None


def pause(retry: Retry, ended: Sequence[Ended], look: Look) -> float | None:
    """Seconds until the next attempt; None where there is none.

    Raises:
        NotThere: its expression is neither true nor false.
    """
    usual = "OnFailure" if retry.condition is None else "Always"
    limit = None if retry.limit is None else int(str(retry.limit.value))  # type: ignore[union-attr]  # see `objections`
    if ended[-1].outcome not in POLICIES[data_of(retry.native_extra).get("retryPolicy") or usual]:
        return None
    if limit is not None and len(ended) > limit:
        return None

    def look_back(reference: Reference) -> Any:
        past = OF_ATTEMPTS.get(_place(reference))
        return look(reference) if past is None else past(ended)

    again = True if retry.condition is None else expression(expression_of(retry.condition), look_back)
    if not isinstance(again, bool):
        raise NotThere(f"the expression of its retries is {again!r:.40}, and neither true nor false")
    factor, longest = _number(retry.factor) or 1, _number(retry.max_delay)
    wait = (_number(retry.delay) or 0.0) * factor ** (len(ended) - 1)
    return min(wait, longest or wait) if again else None
