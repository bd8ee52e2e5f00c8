"""How often Argo tries, and how long it waits in between; `processNodeRetries` in `workflow/controller/operator.go`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_argo.run.local.facts import data_of
from couler_argo.run.local.programs import seconds_of
from couler_plugins.hookspecs.local import Ended, NotThere
from couler_plugins.ir import Literal, Retry

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
